// One configured handler of a plugin, created and started: what its lanes are made from. Created, started and stopped on one
// thread; create_lane and destroy_lane are serialised by their caller.
#pragma once

#include <hostler/plugin.h>

#include <memory>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/result.h"
#include "plugin/loader.h"
#include "runtime/sql.h"

namespace hostler::plugin {

// What the host offers this handler beyond the plugin's own needs.
struct HandlerOffer {
  bool ledger = false;                                          // sql may be used
  runtime::SqlDialect dialect = runtime::SqlDialect::postgresql;
  std::string host_version;
};

// Judges the handler's configuration without side effects: the handler exists, its needs are met, validate_config agrees.
[[nodiscard]] core::Status<> check_handler(const Plugin& plugin, const core::HandlerConfig& config);

class Handler {
 public:
  // create and start. The error names plugin, handler and where it is configured.
  [[nodiscard]] static core::Result<std::unique_ptr<Handler>> make(std::shared_ptr<const Plugin> plugin, const core::HandlerConfig& config, HandlerOffer offer);
  ~Handler();  // stop and destroy
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

  [[nodiscard]] const core::HandlerConfig& config() const { return config_; }
  [[nodiscard]] const HandlerOffer& offer() const { return offer_; }
  [[nodiscard]] bool has(std::uint32_t flag) const { return (flags_ & flag) != 0; }
  // The event types it takes, from its descriptor; empty: all.
  [[nodiscard]] std::vector<std::string> event_types() const;
  [[nodiscard]] core::Result<hostler_lane*> create_lane(std::uint32_t index);

 private:
  Handler(std::shared_ptr<const Plugin> plugin, const core::HandlerConfig& config, HandlerOffer offer);

  std::shared_ptr<const Plugin> plugin_;
  const core::HandlerConfig& config_;
  HandlerOffer offer_;
  std::uint32_t flags_ = 0;
  hostler_host host_{};
  hostler_handler* handler_ = nullptr;
  bool started_ = false;
};

}  // namespace hostler::plugin
