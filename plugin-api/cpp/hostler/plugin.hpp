// plugin.hpp - the C++20 SDK for handler authors: write a function, name it in HOSTLER_PLUGIN, build the file with
// hostler_add_plugin().
//
//   struct UserEvents {
//     hostler::Verdict on_record(const hostler::Record& record, hostler::Context& ctx) const {
//       ctx.sql().enqueue("INSERT INTO users(id, body) VALUES ($1, $2)", record.key().text(), record.value());
//       return hostler::done();
//     }
//   };
//   HOSTLER_PLUGIN(hostler::handler<UserEvents>("interview.user-events", {.flags = hostler::enqueues}));
//
// A handler class has exactly one of
//   Verdict on_record(const Record&, Context&)
//       An exception thrown here means retry for this record, with what() as the reason.
//   void on_batch(Batch&)
//       Sets a verdict for every record. An exception thrown here fails the batch, and the host narrows it down.
// A BatchError (such as Unavailable) always ends the whole batch. The class may also have
//   H(), H(std::string_view config), H(const Host&), H(const Host&, std::string_view config)
//       config is JSON text; throwing refuses the configuration with what().
//   static void validate_config(std::string_view config)
//       Judges without side effects; throws what is wrong.
//   static constexpr std::string_view config_schema
//       JSON Schema, draft 7.
//   void start(), void stop()
//       Around all lanes; after stop no thread of the handler may use the host.
//   struct Lane
//       One per lane, made of (H&, uint32_t lane), (H&) or (), and passed last: on_record(record, ctx, lane).
// A handler may also be a plain function: handler<on_user_event>("id").
//
// Threads: one object per [[handler]] is shared by its lanes, so on_record and on_batch run on several threads at
// once. Make them const; a handler whose function is not const gets SINGLE_LANE. Constructor, start, stop and
// destructor are serialised by the host.
#pragma once

#include <hostler/plugin.h>
#include <hostler/context.hpp>
#include <hostler/record.hpp>
#include <hostler/sql.hpp>

#include <hostler/adapter.hpp>

namespace hostler {

// What the handler does, so that the host gives it that and nothing slower.
inline constexpr std::uint32_t enqueues = HOSTLER_HANDLER_ENQUEUES; // uses ctx.sql().enqueue
inline constexpr std::uint32_t queries = HOSTLER_HANDLER_QUERIES;   // uses ctx.sql().query
inline constexpr std::uint32_t external_effects =
    HOSTLER_HANDLER_EXTERNAL_EFFECTS; // does what the host cannot undo
inline constexpr std::uint32_t single_lane = HOSTLER_HANDLER_SINGLE_LANE;
inline constexpr std::uint32_t thread_affine = HOSTLER_HANDLER_THREAD_AFFINE;

// What people and the host read about a handler. Text must be literals: the descriptors are static.
struct HandlerInfo {
  std::string_view version = {};
  std::string_view description = {};
  std::uint32_t flags = 0;
  std::string_view event_types = {};   // comma separated; empty means all
  std::string_view config_schema = {}; // JSON Schema, draft 7; empty: H::config_schema where there is one
  Needs needs = 0;                     // services that create insists on
};

// Registers class H under an id: dotted, stable, what `handler =` in the TOML names.
template <class H>
[[nodiscard]] constexpr detail::Registration handler(std::string_view id, HandlerInfo info = {}) {
  static_assert(detail::RecordStyle<H> || detail::BatchStyle<H>,
                "a handler needs Verdict on_record(const Record&, Context&) or void on_batch(Batch&)");
  static_assert(!(detail::RecordStyle<H> && detail::BatchStyle<H>),
                "a handler has on_record or on_batch, not both");
  if constexpr (requires { std::string_view(H::config_schema); })
    if (info.config_schema.empty()) info.config_schema = H::config_schema;
  if constexpr (!detail::SharedByLanes<H>) info.flags |= single_lane;
  if ((info.flags & (enqueues | queries)) != 0) info.needs |= needs::sql;
  return {{sizeof(hostler_handler_desc), info.flags, detail::str(id), detail::str(info.version),
           detail::str(info.description), detail::str(info.config_schema), detail::str(info.event_types)},
          info.needs,
          &detail::validate<H>,
          &detail::HandlerBox<H>::create};
}

// Registers a plain function, Verdict(const Record&, Context&) or void(Batch&).
template <auto Function>
[[nodiscard]] constexpr detail::Registration handler(std::string_view id, HandlerInfo info = {}) {
  return handler<detail::FunctionHandler<Function>>(id, info);
}

} // namespace hostler

// Makes the library a plugin: HOSTLER_PLUGIN(hostler::handler<A>("a", {...}), hostler::handler<B>("b")). Once
// per library, outside of any namespace. The tag is a type of this file alone, so that two plugins in one
// process share no statics.
#define HOSTLER_PLUGIN(...)                                                            \
  namespace {                                                                          \
  struct HostlerPluginTag {                                                            \
    static constexpr auto registrations() { return std::array{__VA_ARGS__}; }          \
  };                                                                                   \
  }                                                                                    \
  extern "C" HOSTLER_EXPORT const hostler_plugin* hostler_plugin_entry_v1() noexcept { \
    return &::hostler::detail::Module<HostlerPluginTag>::plugin;                       \
  }                                                                                    \
  static_assert(true)
