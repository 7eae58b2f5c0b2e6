// adapter.hpp - turns a handler class into the tables of the C border. No exception leaves any function here.
//
// Part of the C++20 SDK; include <hostler/plugin.hpp>. Authors need not read it.
#pragma once

#include <hostler/plugin.h>
#include <hostler/context.hpp>

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>

namespace hostler::detail {

struct NoLane {};
template <class H>
struct LaneOf {
  using type = NoLane;
};
template <class H>
requires requires { typename H::Lane; }
struct LaneOf<H> {
  using type = typename H::Lane;
};

template <class H, class L>
concept RecordWithLane = requires(H& h, const Record& r, Context& c, L& l) {
  { h.on_record(r, c, l) } -> std::same_as<Verdict>;
};
template <class H>
concept RecordAlone = requires(H& h, const Record& r, Context& c) {
  { h.on_record(r, c) } -> std::same_as<Verdict>;
};
template <class H, class L>
concept BatchWithLane = requires(H& h, Batch& b, L& l) {
  h.on_batch(b, l);
};
template <class H>
concept BatchAlone = requires(H& h, Batch& b) {
  h.on_batch(b);
};

template <class H>
concept RecordStyle = RecordWithLane<H, typename LaneOf<H>::type> || RecordAlone<H>;
template <class H>
concept BatchStyle = BatchWithLane<H, typename LaneOf<H>::type> || BatchAlone<H>;
template <class H>
concept SharedByLanes = RecordWithLane<const H, typename LaneOf<H>::type> || RecordAlone<const H> ||
    BatchWithLane<const H, typename LaneOf<H>::type> || BatchAlone<const H>;

template <auto Function>
struct FunctionHandler {
  Verdict on_record(const Record& record, Context& ctx)
      const requires std::is_invocable_r_v<Verdict, decltype(Function), const Record&, Context&> {
    return Function(record, ctx);
  }
  void on_batch(Batch& batch) const requires std::is_invocable_v<decltype(Function), Batch&> {
    Function(batch);
  }
};

// ---- errors ----

// The longest prefix of at most `limit` bytes that does not end inside a UTF-8 character.
[[nodiscard]] inline std::string_view cut_utf8(std::string_view text, std::size_t limit) noexcept {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  while (end > 0 && limit - end < 3 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  // three steps back and still inside: not UTF-8, so cut anywhere
  if ((static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) end = limit;
  return text.substr(0, end);
}

inline hostler_status write_error(hostler_error* error, hostler_status status, std::string_view text,
                                  std::int32_t code = 0) noexcept {
  constexpr std::size_t before = offsetof(hostler_error, message);
  if (error == nullptr || error->struct_size <= before) return status;
  const std::size_t room = std::min<std::size_t>(error->struct_size - before, sizeof error->message);
  const std::string_view cut = cut_utf8(text, room - 1);
  error->code = code;
  for (std::size_t i = 0; i < cut.size(); ++i) error->message[i] = cut[i] == '\0' ? ' ' : cut[i];
  error->message[cut.size()] = '\0';
  return status;
}

// Inside a catch block: writes the exception in flight, answers its status, or `otherwise` when it has none
// of its own.
inline hostler_status write_current(hostler_error* error, hostler_status otherwise) noexcept {
  try {
    throw;
  } catch (const BatchError& e) {
    return write_error(error, e.status(), e.what(), e.code());
  } catch (const Error& e) {
    return write_error(error, otherwise, e.what(), e.code());
  } catch (const std::exception& e) { return write_error(error, otherwise, e.what()); } catch (...) {
    return write_error(error, otherwise, "the handler threw something that is no std::exception");
  }
}

// Inside a catch block: explains the exception in flight as the verdict of one record.
inline void explain_current(const Context& ctx) {
  try {
    throw;
  } catch (const std::exception& e) {
    const auto* own = dynamic_cast<const Error*>(&e);
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, &status), &std::free);
    ctx.explain(e.what(), std::string("thrown: ") + (name ? name.get() : typeid(e).name()),
                own != nullptr ? own->code() : 0);
  } catch (...) { ctx.explain("the handler threw something that is no std::exception"); }
}

// ---- registration ----

struct Registration {
  hostler_handler_desc desc;
  Needs needs;
  hostler_status (*validate)(std::string_view config, hostler_error*) noexcept;
  hostler_handler* (*create)(const hostler_host*, const Registration&, std::string_view config,
                             hostler_error*) noexcept;
};

template <class H>
hostler_status validate(std::string_view config, hostler_error* error) noexcept {
  if constexpr (requires { H::validate_config(config); }) {
    try {
      H::validate_config(config);
    } catch (...) { return write_current(error, HOSTLER_E_INVALID); }
  }
  return HOSTLER_OK;
}

// ---- handler and lane ----

template <class H>
struct HandlerBox {
  using Lane = typename LaneOf<H>::type;

  hostler_handler c;
  Services services;
  H handler;

  HandlerBox(const hostler_host* host, const Registration& registration, std::string_view config)
      : c{sizeof(hostler_handler), 0, this, &start, &stop, &LaneBox::create, &destroy, &get_extension},
        services(ask(host, registration)),
        handler(construct(services, config)) {}

  static Services ask(const hostler_host* host, const Registration& registration) {
    const Services services(host);
    services.require(registration.needs, view(registration.desc.id));
    return services;
  }

  static H construct(const Services& services, [[maybe_unused]] std::string_view config) {
    const Host host(services);
    if constexpr (std::is_constructible_v<H, const Host&, std::string_view>)
      return H(host, config);
    else if constexpr (std::is_constructible_v<H, std::string_view>)
      return H(config);
    else if constexpr (std::is_constructible_v<H, const Host&>)
      return H(host);
    else
      return H();
  }

  static hostler_handler* create(const hostler_host* host, const Registration& registration,
                                 std::string_view config, hostler_error* error) noexcept {
    try {
      return &(new HandlerBox(host, registration, config))->c;
    } catch (...) {
      write_current(error, HOSTLER_E_FAILED);
      return nullptr;
    }
  }

  static HandlerBox& of(hostler_handler* c) noexcept { return *static_cast<HandlerBox*>(c->plugin_data); }

  static hostler_status start([[maybe_unused]] hostler_handler* c,
                              [[maybe_unused]] hostler_error* error) noexcept {
    if constexpr (requires(H & h) { h.start(); }) {
      try {
        of(c).handler.start();
      } catch (...) { return write_current(error, HOSTLER_E_FAILED); }
    }
    return HOSTLER_OK;
  }

  static void stop([[maybe_unused]] hostler_handler* c) noexcept {
    if constexpr (requires(H & h) { h.stop(); }) {
      try {
        of(c).handler.stop();
      } catch (const std::exception& e) {
        log(of(c).services, Level::error, std::string_view(e.what()));
      } catch (...) { log(of(c).services, Level::error, "stop threw something that is no std::exception"); }
    }
  }

  static void destroy(hostler_handler* c) noexcept { delete &of(c); }
  static const void* get_extension(hostler_handler*, const char*) noexcept { return nullptr; }

  struct LaneBox {
    hostler_lane c;
    HandlerBox& owner;
    [[no_unique_address]] Lane state;

    LaneBox(HandlerBox& box, std::uint32_t number)
        : c{sizeof(hostler_lane), 0, this, &process, &destroy_lane},
          owner(box),
          state(make(box.handler, number)) {}

    static Lane make([[maybe_unused]] H& handler, [[maybe_unused]] std::uint32_t number) {
      if constexpr (std::is_constructible_v<Lane, H&, std::uint32_t>)
        return Lane(handler, number);
      else if constexpr (std::is_constructible_v<Lane, H&>)
        return Lane(handler);
      else
        return Lane();
    }

    static hostler_lane* create(hostler_handler* handler, std::uint32_t number,
                                hostler_error* error) noexcept {
      try {
        return &(new LaneBox(of(handler), number))->c;
      } catch (...) {
        write_current(error, HOSTLER_E_FAILED);
        return nullptr;
      }
    }
    static LaneBox& of_lane(hostler_lane* c) noexcept { return *static_cast<LaneBox*>(c->plugin_data); }
    static void destroy_lane(hostler_lane* c) noexcept { delete &of_lane(c); }

    static hostler_status process(hostler_lane* lane, const hostler_batch* batch,
                                  hostler_error* error) noexcept {
      try {
        if constexpr (RecordStyle<H>)
          of_lane(lane).each_record(*batch);
        else
          of_lane(lane).whole_batch(*batch);
        return HOSTLER_OK;
      } catch (...) { return write_current(error, HOSTLER_E_FAILED); }
    }

    void whole_batch(const hostler_batch& c_batch) {
      Batch batch(owner.services, c_batch);
      if constexpr (BatchWithLane<H, Lane>)
        owner.handler.on_batch(batch, state);
      else
        owner.handler.on_batch(batch);
    }

    void each_record(const hostler_batch& c_batch) {
      const Batch batch(owner.services, c_batch);
      for (std::uint32_t i = 0; i < c_batch.record_count; ++i) {
        Context ctx = batch.context(i);
        try {
          batch.set(i, call(ctx));
        } catch (const BatchError&) { throw; } catch (...) {
          c_batch.verdicts[i] = HOSTLER_RETRY;
          explain_current(ctx);
        }
      }
    }

    Verdict call(Context& ctx) {
      const Record record = ctx.record();
      if constexpr (RecordWithLane<H, Lane>)
        return owner.handler.on_record(record, ctx, state);
      else
        return owner.handler.on_record(record, ctx);
    }
  };
};

// ---- the module ----

template <class Tag>
struct Module {
  static constexpr auto registrations = Tag::registrations();

  static const Registration* find(hostler_str id, hostler_error* error) noexcept {
    for (const Registration& r : registrations)
      if (view(r.desc.id) == view(id)) return &r;
    try {
      std::string text("this plugin has no handler \"");
      text.append(view(id)).append("\"; it has");
      for (const Registration& r : registrations) text.append(" \"").append(view(r.desc.id)).append("\"");
      write_error(error, HOSTLER_E_INVALID, text);
    } catch (...) { write_error(error, HOSTLER_E_INVALID, "this plugin has no such handler"); }
    return nullptr;
  }

  // A handler without [handler.config] sees an empty object.
  static std::string_view object(hostler_str config) noexcept {
    return config.len == 0 ? "{}" : view(config);
  }

  static hostler_status init(hostler_error*) noexcept { return HOSTLER_OK; }
  static void deinit() noexcept {}
  static std::uint32_t count() noexcept { return static_cast<std::uint32_t>(registrations.size()); }
  static const hostler_handler_desc* at(std::uint32_t i) noexcept {
    return i < registrations.size() ? &registrations[i].desc : nullptr;
  }
  static hostler_status validate(hostler_str id, hostler_str config, hostler_error* error) noexcept {
    const Registration* r = find(id, error);
    return r != nullptr ? r->validate(object(config), error) : HOSTLER_E_INVALID;
  }
  static hostler_handler* create(const hostler_host* host, hostler_str id, hostler_str config,
                                 hostler_error* error) noexcept {
    const Registration* r = find(id, error);
    return r != nullptr ? r->create(host, *r, object(config), error) : nullptr;
  }

  static constexpr hostler_plugin plugin{sizeof(hostler_plugin),
                                         HOSTLER_ABI_MAJOR,
                                         HOSTLER_ABI_MINOR,
                                         HOSTLER_ABI_MINOR,
                                         0,
                                         0,
                                         &init,
                                         &deinit,
                                         &count,
                                         &at,
                                         &validate,
                                         &create};
};

} // namespace hostler::detail
