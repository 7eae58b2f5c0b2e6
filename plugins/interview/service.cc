#include "service.h"

#include <nlohmann/json.hpp>

namespace interview {

Settings read_settings(std::string_view config) {
  const auto document = nlohmann::json::parse(config.begin(), config.end(), nullptr, false);
  if (!document.is_object()) throw hostler::Error("the configuration must be a JSON object");
  Settings settings;
  for (const auto& [key, value] : document.items()) {
    if (key != "fault_injection")
      throw hostler::Error("unknown key \"" + key + "\"; the only one is fault_injection");
    if (!value.is_boolean())
      throw hostler::Error("fault_injection must be true or false, not " + std::string(value.type_name()));
    settings.fault_injection = value.get<bool>();
  }
  return settings;
}

std::optional<hostler::Verdict> simulated_failure(const Event& event, std::uint32_t attempt) {
  const auto failures = event.integer("simulateFailures", 0, 1'000'000);
  if (!failures || attempt > *failures) return std::nullopt;
  if (const auto reason = event.text("simulateReason", 1000)) return hostler::retry(*reason, 503);
  return hostler::retry("the " + event.type() + " projection is temporarily unavailable (simulated)", 503);
}

Tombstone::Tombstone(const hostler::Record& record) : user_id(record.key().text()) {
  if (user_id.empty()) throw Invalid("a tombstone without a key: expected the user's id");
  if (user_id.size() > id_limit || user_id.find('\0') != std::string_view::npos)
    throw Invalid("the tombstone's key cannot be a user's id");
  if (!record.has_timestamp()) throw Invalid("a tombstone without a timestamp cannot be ordered");
  stamp =
      make_stamp(record.timestamp().time_since_epoch().count(), "~"); // after the events of its millisecond
}

} // namespace interview
