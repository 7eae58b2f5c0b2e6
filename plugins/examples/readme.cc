#include <hostler/plugin.hpp>

// Keeps the table users(id, profile, updated_at) as the events of each user say; records are keyed by user
// id.
class UserEvents {
 public:
  hostler::Verdict on_record(const hostler::Record& record, hostler::Context& ctx) const {
    if (record.key().empty()) return hostler::reject("no key: expected the user's id");
    if (record.event_type() == "user.deleted" || record.is_tombstone()) {
      ctx.sql().enqueue("DELETE FROM users WHERE id = $1", record.key().text());
      return hostler::done();
    }
    ctx.sql().enqueue(
        "INSERT INTO users(id, profile, updated_at) VALUES ($1, $2, $3) "
        "ON CONFLICT (id) DO UPDATE SET profile = excluded.profile, updated_at = excluded.updated_at "
        "WHERE users.updated_at <= excluded.updated_at", // a retried event may come after a newer one
        record.key().text(), hostler::json{record.value().text()}, record.timestamp());
    if (record.event_type() == "user.created")
      ctx.publish({.topic = "welcome-mails", .key = record.key(), .value = record.event_id()});
    return hostler::done();
  }
};

HOSTLER_PLUGIN(hostler::handler<UserEvents>("readme.user-events",
                                            {.version = "1.0.0",
                                             .description = "keeps users up to date",
                                             .flags = hostler::enqueues,
                                             .event_types = "user.created,user.updated,user.deleted"}));
