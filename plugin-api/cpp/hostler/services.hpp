// services.hpp - the host's services as the SDK keeps them: asked for once, checked once.
//
// Part of the C++20 SDK; include <hostler/plugin.hpp>. Constant after construction: any thread.
#pragma once

#include <hostler/ext/cancel.h>
#include <hostler/ext/headers.h>
#include <hostler/ext/log.h>
#include <hostler/ext/publish.h>
#include <hostler/ext/sql.h>
#include <hostler/ext/verdict.h>
#include <hostler/host.h>
#include <hostler/record.hpp>

#include <string>
#include <string_view>

namespace hostler {

enum class Level : std::uint32_t {
  trace = HOSTLER_LOG_TRACE,
  debug = HOSTLER_LOG_DEBUG,
  info = HOSTLER_LOG_INFO,
  warn = HOSTLER_LOG_WARN,
  error = HOSTLER_LOG_ERROR
};

// Services a handler cannot do without: create fails with a clear line where the host does not offer them.
// SQL is implied by the flags enqueues and queries; log, verdict detail and cancel are always optional.
using Needs = std::uint32_t;
namespace needs {
inline constexpr Needs sql = 1u << 0;
inline constexpr Needs publish = 1u << 1;
inline constexpr Needs headers = 1u << 2;
} // namespace needs

namespace detail {

struct Services {
  const hostler_host* host;
  const hostler_host_log* log;
  const hostler_host_sql* sql;
  const hostler_host_publish* publish;
  const hostler_host_headers* headers;
  const hostler_host_verdict* verdict;
  const hostler_host_cancel* cancel;

  explicit Services(const hostler_host* h) noexcept
      : host(h),
        log(ask<hostler_host_log>(HOSTLER_EXT_LOG)),
        sql(ask<hostler_host_sql>(HOSTLER_EXT_SQL)),
        publish(ask<hostler_host_publish>(HOSTLER_EXT_PUBLISH)),
        headers(ask<hostler_host_headers>(HOSTLER_EXT_HEADERS)),
        verdict(ask<hostler_host_verdict>(HOSTLER_EXT_VERDICT)),
        cancel(ask<hostler_host_cancel>(HOSTLER_EXT_CANCEL)) {}

  // Throws an Error that names the first missing service.
  void require(Needs needs, std::string_view handler_id) const {
    if ((needs & needs::sql) != 0 && sql == nullptr)
      missing(HOSTLER_EXT_SQL, handler_id, ": configure a [ledger] for it");
    if ((needs & needs::publish) != 0 && publish == nullptr) missing(HOSTLER_EXT_PUBLISH, handler_id, "");
    if ((needs & needs::headers) != 0 && headers == nullptr) missing(HOSTLER_EXT_HEADERS, handler_id, "");
  }

  [[noreturn]] void missing(std::string_view service, std::string_view handler_id,
                            std::string_view hint) const {
    std::string text(handler_id);
    text.append(" needs ").append(service).append(", which this host (").append(view(host->name)).append(" ");
    text.append(view(host->version))
        .append(") does not offer to handler \"")
        .append(view(host->handler_name));
    throw Error(text.append("\"").append(hint));
  }

 private:
  // A table shorter than what this SDK calls counts as absent.
  template <class Table>
  const Table* ask(const char* id) const noexcept {
    const auto* table = static_cast<const Table*>(host->get_extension(host, id));
    return table != nullptr && table->struct_size >= sizeof(Table) ? table : nullptr;
  }
};

inline void log(const Services& services, Level level, std::string_view text) noexcept {
  if (services.log != nullptr)
    services.log->write(services.host, static_cast<std::uint32_t>(level), str(text));
}

// Turns a service's answer into an exception: what concerns the whole batch becomes a BatchError.
inline void check(hostler_status status, std::string_view call, std::string_view message = {},
                  std::int32_t code = 0) {
  if (status == HOSTLER_OK) [[likely]]
    return;
  std::string text(call);
  text.append(" failed with status ").append(std::to_string(status));
  if (!message.empty()) text.append(": ").append(message);
  if (status == HOSTLER_E_UNAVAILABLE || status == HOSTLER_E_TX_ABORTED || status == HOSTLER_E_CANCELLED ||
      status == HOSTLER_E_FATAL)
    throw BatchError(status, text, code);
  throw Error(text, code);
}

} // namespace detail

// What a handler's constructor may ask for: its host. Valid as long as the handler; copies may go to its own
// threads.
class Host {
 public:
  explicit Host(const detail::Services& services) noexcept : services_(&services) {}
  [[nodiscard]] std::string_view name() const noexcept { return detail::view(services_->host->name); }
  [[nodiscard]] std::string_view version() const noexcept { return detail::view(services_->host->version); }
  [[nodiscard]] std::string_view handler_name() const noexcept {
    return detail::view(services_->host->handler_name);
  }
  [[nodiscard]] const hostler_host* c() const noexcept { return services_->host; }
  void log(Level level, std::string_view text) const noexcept { detail::log(*services_, level, text); }

 private:
  const detail::Services* services_;
};

} // namespace hostler
