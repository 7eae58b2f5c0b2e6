#include "user_service.h"

namespace interview {
namespace {

enum User : std::size_t { email, name, avatar_url, status, registered_at, last_seen };
enum Media : std::size_t { kind, size_bytes, media_status };

constexpr std::size_t url_limit = 2000, kind_limit = 100;

} // namespace

UserService::UserService(std::string_view config)
    : Service(config),
      users_("users", {"user_id"}, {"email", "name", "avatar_url", "status", "registered_at", "last_seen"}),
      media_("user_media", {"user_id", "media_id"}, {"kind", "size_bytes", "status"}) {}

std::span<const Rule<UserService>> UserService::rules() {
  static constexpr Rule<UserService> all[] = {
      {"user.authenticated", &UserService::seen},
      {"user.logged_out", &UserService::seen},
      {"user.updated", &UserService::updated},
      {"user.profile_updated", &UserService::updated},
      {"user.registered", &UserService::registered},
      {"user.created", &UserService::registered},
      {"user.avatar_uploaded", &UserService::avatar_uploaded},
      {"user.deleted", &UserService::deleted},
      {"media.uploaded", &UserService::media_uploaded},
      {"media.processed", &UserService::media_processed},
      {"media.deleted", &UserService::media_deleted},
  };
  return all;
}

void UserService::registered(const Event& event, hostler::Context& ctx) const {
  const std::string stamp = event.stamp();
  Users::Change change({event.user_id()}, stamp);
  change.set(email, event.required_email()).set(status, "active").set(registered_at, event.time_ms());
  if (const auto text = event.text("name", name_limit)) change.set(name, *text);
  users_.write(ctx, change);
}

void UserService::updated(const Event& event, hostler::Context& ctx) const {
  const std::string stamp = event.stamp();
  Users::Change change({event.user_id()}, stamp);
  if (const auto address = event.email()) change.set(email, *address);
  if (const auto text = event.text("name", name_limit)) change.set(name, *text);
  users_.write(ctx, change);
}

void UserService::avatar_uploaded(const Event& event, hostler::Context& ctx) const {
  const std::string stamp = event.stamp();
  Users::Change change({event.user_id()}, stamp);
  users_.write(ctx, change.set(avatar_url, event.required_text("avatarUrl", url_limit)));
}

void UserService::seen(const Event& event, hostler::Context& ctx) const {
  const std::string stamp = event.stamp();
  Users::Change change({event.user_id()}, stamp);
  users_.write(ctx, change.set(last_seen, event.time_ms()));
}

void UserService::deleted(const Event& event, hostler::Context& ctx) const {
  erase(event.user_id(), event.stamp(), ctx);
}

// The row stays, emptied: it remembers when, so that a late older event cannot bring the user's data back.
void UserService::erase(std::string_view user_id, std::string_view stamp, hostler::Context& ctx) const {
  Users::Change change({user_id}, stamp);
  for (const User column : {email, name, avatar_url, registered_at, last_seen}) change.set(column, nullptr);
  users_.write(ctx, change.set(status, "deleted"));
}

void UserService::media_uploaded(const Event& event, hostler::Context& ctx) const {
  const std::string stamp = event.stamp();
  MediaTable::Change change({event.user_id(), event.required_text("mediaId", id_limit)}, stamp);
  if (const auto text = event.text("kind", kind_limit)) change.set(kind, *text);
  if (const auto size = event.integer("sizeBytes", 0, INT64_MAX)) change.set(size_bytes, *size);
  media_.write(ctx, change.set(media_status, "uploaded"));
}

void UserService::media_processed(const Event& event, hostler::Context& ctx) const {
  const std::string stamp = event.stamp();
  MediaTable::Change change({event.user_id(), event.required_text("mediaId", id_limit)}, stamp);
  if (const auto size = event.integer("sizeBytes", 0, INT64_MAX)) change.set(size_bytes, *size);
  media_.write(ctx, change.set(media_status, "processed"));
}

void UserService::media_deleted(const Event& event, hostler::Context& ctx) const {
  const std::string stamp = event.stamp();
  MediaTable::Change change({event.user_id(), event.required_text("mediaId", id_limit)}, stamp);
  media_.write(ctx, change.set(media_status, "deleted"));
}

} // namespace interview
