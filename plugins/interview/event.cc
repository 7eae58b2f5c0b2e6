#include "event.h"

#include <algorithm>

namespace interview {
namespace {

using nlohmann::json;

constexpr std::size_t email_limit = 320;
constexpr std::int64_t last_ms = 253402300799999; // the end of the year 9999

void check_text(std::string_view text, const std::string& name, std::size_t limit) {
  if (text.size() > limit) throw Invalid(name + " is longer than " + std::to_string(limit) + " bytes");
  if (text.find('\0') != std::string_view::npos) throw Invalid(name + " contains a NUL character");
}

std::string top_level_text(const json& document, const char* name) {
  const auto it = document.find(name);
  if (it == document.end() || it->is_null()) throw Invalid(std::string(name) + " is missing");
  if (!it->is_string()) throw Invalid(std::string(name) + " must be text, not " + it->type_name());
  const auto& text = it->get_ref<const std::string&>();
  if (text.empty()) throw Invalid(std::string(name) + " is empty");
  check_text(text, name, id_limit);
  return text;
}

std::int64_t time_of(const json& document, const hostler::Record& record) {
  const auto it = document.find("timestamp");
  if (it == document.end() || it->is_null()) {
    if (!record.has_timestamp()) throw Invalid("timestamp is missing, and the record has none either");
    return record.timestamp().time_since_epoch().count();
  }
  if (!it->is_number_integer()) throw Invalid("timestamp must be milliseconds since 1970, a whole number");
  const bool fits =
      it->is_number_unsigned() ? it->get<std::uint64_t>() <= last_ms : it->get<std::int64_t>() >= 0;
  if (!fits) throw Invalid("timestamp is not between the years 1970 and 9999");
  return it->get<std::int64_t>();
}

} // namespace

Event::Event(const hostler::Record& record) {
  const std::string_view value = record.value().text();
  document_ = json::parse(value.begin(), value.end(), nullptr, false);
  if (document_.is_discarded()) throw Invalid("the value is not valid JSON");
  if (!document_.is_object())
    throw Invalid(std::string("the event must be an object, not ") + document_.type_name());
  id_ = record.event_id().empty() ? top_level_text(document_, "eventId") : std::string(record.event_id());
  type_ = top_level_text(document_, "eventType");
  time_ms_ = time_of(document_, record);
  auto body = document_.find("payload");
  if (body == document_.end()) {
    body_name_ = "data";
    body = document_.find("data");
  }
  if (body == document_.end()) throw Invalid("payload is missing (and so is data)");
  if (!body->is_object())
    throw Invalid(std::string(body_name_) + " must be an object, not " + body->type_name());
  body_ = &*body;
}

bool is_platform_type(std::string_view type) {
  return std::find(platform_types.begin(), platform_types.end(), type) != platform_types.end();
}

std::string make_stamp(std::int64_t time_ms, std::string_view id) {
  std::string time = std::to_string(time_ms);
  return std::string(time.size() < 15 ? 15 - time.size() : 0, '0') + time + ":" + std::string(id);
}

std::string Event::stamp() const { return make_stamp(time_ms_, id_); }

std::string_view Event::user_id() const {
  auto found = body_->find("userId");
  if (found == body_->end() || found->is_null()) {
    found = document_.find("userId");
    if (found == document_.end() || found->is_null()) throw Invalid("userId is missing");
  }
  if (!found->is_string()) throw Invalid(std::string("userId must be text, not ") + found->type_name());
  const auto& id = found->get_ref<const std::string&>();
  if (id.empty()) throw Invalid("userId is empty");
  check_text(id, "userId", id_limit);
  return id;
}

const nlohmann::json* Event::find(const char* name) const {
  if (const auto it = body_->find(name); it != body_->end() && !it->is_null()) return &*it;
  const auto profile = body_->find("profile");
  if (profile == body_->end() || !profile->is_object()) return nullptr;
  const auto it = profile->find(name);
  return it != profile->end() && !it->is_null() ? &*it : nullptr;
}

std::optional<std::string_view> Event::text(const char* name, std::size_t limit) const {
  const json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (!found->is_string()) throw Invalid(name_of(name) + " must be text, not " + found->type_name());
  const auto& text = found->get_ref<const std::string&>();
  check_text(text, name_of(name), limit);
  return text;
}

std::string_view Event::required_text(const char* name, std::size_t limit) const {
  const auto found = text(name, limit);
  if (!found) throw Invalid(name_of(name) + " is missing");
  if (found->empty()) throw Invalid(name_of(name) + " is empty");
  return *found;
}

std::optional<std::string_view> Event::email() const {
  const auto address = text("email", email_limit);
  if (!address) return address;
  const auto at = address->find('@');
  const bool plausible = at != std::string_view::npos && at > 0 && at + 1 < address->size() &&
                         address->find_first_of(" \t\r\n") == std::string_view::npos;
  if (!plausible) throw Invalid(name_of("email") + " is not an e-mail address");
  return address;
}

std::string_view Event::required_email() const {
  const auto address = email();
  if (!address) throw Invalid(name_of("email") + " is missing");
  return *address;
}

std::optional<std::int64_t> Event::integer(const char* name, std::int64_t least, std::int64_t most) const {
  const json* found = find(name);
  if (found == nullptr) return std::nullopt;
  const bool fits =
      found->is_number_integer() &&
      (!found->is_number_unsigned() || found->get<std::uint64_t>() <= static_cast<std::uint64_t>(most)) &&
      found->get<std::int64_t>() >= least && found->get<std::int64_t>() <= most;
  if (!fits)
    throw Invalid(name_of(name) + " must be a whole number from " + std::to_string(least) + " to " +
                  std::to_string(most));
  return found->get<std::int64_t>();
}

std::int64_t Event::required_integer(const char* name, std::int64_t least, std::int64_t most) const {
  const auto found = integer(name, least, most);
  if (!found) throw Invalid(name_of(name) + " is missing");
  return *found;
}

} // namespace interview
