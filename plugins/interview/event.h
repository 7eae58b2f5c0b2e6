// event.h - one event of the interview platform, read from a record's value: both envelopes in use, checked field by field.
//
// Used by the services. An Event owns its document; the texts it gives out live as long as it does. Values, one thread.
#pragma once

#include <hostler/record.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace interview {

// The record will never make sense, whoever tries: it is rejected with this text, which names the field.
class Invalid : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Event {
 public:
  // Reads {eventId, eventType, timestamp, source, version, payload} or {eventId, eventType, userId, data}. Throws Invalid.
  // An event without a timestamp happened when its record was written.
  explicit Event(const hostler::Record& record);
  Event(const Event&) = delete; // body_ points into the document
  Event& operator=(const Event&) = delete;

  [[nodiscard]] const std::string& type() const { return type_; }
  [[nodiscard]] std::int64_t time_ms() const { return time_ms_; } // since 1970-01-01 UTC
  // Orders events, also across retries: by time, then by id. Compares as text, byte by byte.
  [[nodiscard]] std::string stamp() const;
  // Whom it is about: userId in the body or beside it.
  [[nodiscard]] std::string_view user_id() const;

  // A field of the body (payload or data), or of the body's `profile`. Wrong types, texts longer than `limit` bytes and NUL
  // characters are Invalid; so is a missing field where it is required. JSON null counts as missing.
  [[nodiscard]] std::optional<std::string_view> text(const char* name, std::size_t limit) const;
  [[nodiscard]] std::string_view required_text(const char* name, std::size_t limit) const;
  [[nodiscard]] std::optional<std::string_view> email() const; // text with an @ inside and no blanks
  [[nodiscard]] std::string_view required_email() const;
  [[nodiscard]] std::optional<std::int64_t> integer(const char* name, std::int64_t least,
                                                    std::int64_t most) const;
  [[nodiscard]] std::int64_t required_integer(const char* name, std::int64_t least, std::int64_t most) const;

 private:
  [[nodiscard]] std::string name_of(const char* field) const { return std::string(body_name_) + "." + field; }
  [[nodiscard]] const nlohmann::json* find(const char* name) const;

  nlohmann::json document_;
  const char* body_name_ = "payload";
  const nlohmann::json* body_ = nullptr; // inside document_
  std::string id_, type_;
  std::int64_t time_ms_ = 0;
};

// Every event type that some producer of the platform writes.
inline constexpr std::array<std::string_view, 20> platform_types = {
    "user.registered",       "user.created",           "user.updated",        "user.profile_updated",
    "user.avatar_uploaded",  "user.deleted",           "user.authenticated",  "user.logged_out",
    "user.activity_tracked", "user.behavior_analyzed", "interview.created",   "interview.updated",
    "interview.published",   "interview.started",      "interview.completed", "interview.scored",
    "interview.deleted",     "media.uploaded",         "media.processed",     "media.deleted"};
[[nodiscard]] bool is_platform_type(std::string_view type);

// The stamp of what happened at `time_ms`; `id` decides between events of the same millisecond.
[[nodiscard]] std::string make_stamp(std::int64_t time_ms, std::string_view id);

inline constexpr std::size_t id_limit = 255; // of event, user, interview and media ids, in bytes
inline constexpr std::size_t name_limit = 1000;

} // namespace interview
