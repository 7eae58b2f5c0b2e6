// my-plugin: keeps the latest value of each key in the table my_plugin.
#include <hostler/plugin.hpp>

namespace {

struct Handler {
  // Runs on several lanes at once: const. An exception here means retry for this record.
  hostler::Verdict on_record(const hostler::Record& record, hostler::Context& ctx) const {
    if (record.key().empty()) return hostler::reject("no key");
    // Sent only if this record is done, in the transaction that marks it as processed.
    ctx.sql().enqueue(
        "INSERT INTO my_plugin(key, value, updated_at) VALUES ($1, $2, $3) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at "
        "WHERE my_plugin.updated_at <= excluded.updated_at", // a retried record may come after a newer one
        record.key().text(), record.value().text(), record.timestamp());
    return hostler::done();
  }
};

} // namespace

HOSTLER_PLUGIN(hostler::handler<Handler>(
    "my-plugin.events",
    {.version = "0.1.0", .description = "keeps the latest value of each key", .flags = hostler::enqueues}));
