#include "plugin/handler.h"

#include <algorithm>
#include <utility>

#include "plugin/services.h"

namespace hostler::plugin {
namespace {

std::string place(const core::HandlerConfig& config) {
  return (config.where.empty() ? std::string() : config.where + ": ") + "handler " + config.name + " (" + config.handler + " of " + config.plugin + ")";
}

constexpr std::uint32_t sql_flags = HOSTLER_HANDLER_ENQUEUES | HOSTLER_HANDLER_QUERIES;

}  // namespace

core::Status<> check_handler(const Plugin& plugin, const core::HandlerConfig& config) {
  const auto* desc = plugin.find_handler(config.handler);
  if (desc == nullptr) {
    std::string known;
    for (const auto id : plugin.handler_ids()) known += (known.empty() ? "" : ", ") + std::string(id);
    return core::Error{place(config) + ": the plugin has no such handler; it has " + (known.empty() ? "none" : known)};
  }
  if ((desc->flags & sql_flags) != 0 && config.idempotency == core::Idempotency::off) {
    return core::Error{place(config) + ": it writes SQL through the host, which needs a ledger; set idempotency = \"event-id\" or \"offset\""};
  }
  if ((desc->flags & HOSTLER_HANDLER_SINGLE_LANE) != 0 && config.lanes > 1) {
    return core::Error{place(config) + ": it works with one lane only; set lanes = 1"};
  }
  const auto& table = plugin.table();
  if (table.validate_config != nullptr) {
    hostler_error error = empty_error();
    if (table.validate_config(to_border(config.handler), to_border(config.config_json), &error) != HOSTLER_OK) {
      return core::Error{place(config) + ": [handler.config] is refused by the plugin: " + message_of(error)};
    }
  }
  return core::Status<>::success();
}

Handler::Handler(std::shared_ptr<const Plugin> plugin, const core::HandlerConfig& config, HandlerOffer offer)
    : plugin_(std::move(plugin)), config_(config), offer_(std::move(offer)) {
  host_.struct_size = sizeof(hostler_host);
  host_.abi_major = HOSTLER_ABI_MAJOR;
  host_.abi_minor = HOSTLER_ABI_MINOR;
  host_.host_data = this;
  host_.name = to_border("hostler");
  host_.version = to_border(offer_.host_version);
  host_.handler_name = to_border(config_.name);
  host_.get_extension = &find_service;
}

core::Result<std::unique_ptr<Handler>> Handler::make(std::shared_ptr<const Plugin> plugin, const core::HandlerConfig& config, HandlerOffer offer) {
  if (auto fits = check_handler(*plugin, config); !fits) return fits.error();
  std::unique_ptr<Handler> handler(new Handler(std::move(plugin), config, std::move(offer)));
  handler->flags_ = handler->plugin_->find_handler(config.handler)->flags;
  hostler_error error = empty_error();
  handler->handler_ = handler->plugin_->table().create(&handler->host_, to_border(config.handler), to_border(config.config_json), &error);
  if (handler->handler_ == nullptr) return core::Error{place(config) + ": create failed: " + message_of(error)};
  auto* made = handler->handler_;
  if (!HOSTLER_HAS(made, hostler_handler, destroy) || made->create_lane == nullptr || made->destroy == nullptr) {
    return core::Error{place(config) + ": create returned a handler without create_lane or destroy"};
  }
  if (made->start != nullptr && made->start(made, &error) != HOSTLER_OK) return core::Error{place(config) + ": start failed: " + message_of(error)};
  handler->started_ = true;
  return handler;
}

Handler::~Handler() {
  if (handler_ == nullptr) return;
  if (started_ && handler_->stop != nullptr) handler_->stop(handler_);
  if (handler_->destroy != nullptr) handler_->destroy(handler_);
}

std::vector<std::string> Handler::event_types() const {
  std::vector<std::string> types;
  std::string_view text = to_view(plugin_->find_handler(config_.handler)->event_types);
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view type = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (type.starts_with(' ')) type.remove_prefix(1);
    while (type.ends_with(' ')) type.remove_suffix(1);
    if (!type.empty()) types.emplace_back(type);
  }
  return types;
}

core::Result<hostler_lane*> Handler::create_lane(std::uint32_t index) {
  hostler_error error = empty_error();
  hostler_lane* lane = handler_->create_lane(handler_, index, &error);
  if (lane == nullptr) return core::Error{place(config_) + ": create_lane failed: " + message_of(error)};
  if (!HOSTLER_HAS(lane, hostler_lane, destroy) || lane->process_batch == nullptr || lane->destroy == nullptr) {
    return core::Error{place(config_) + ": create_lane returned a lane without process_batch or destroy"};
  }
  return lane;
}

}  // namespace hostler::plugin
