// uneven.so - handlers that do what `hostler plugin test` is there to find.
//
//   uneven.batch     the verdict depends on how many records come together
//   uneven.sql       the SQL does
//   uneven.late      gives records up for good when the time is over, instead of leaving them to a retry
//   uneven.waiting   always says that something it needs is down
//   uneven.publish   is right: publishes a record for each
#include <hostler/plugin.hpp>

namespace {

void by_batch(hostler::Batch& batch) {
  batch.all_done();
  if (batch.size() == 1) batch.set(0, hostler::drop("alone"));
}
void sql_by_batch(hostler::Batch& batch) {
  batch.all_done();
  for (std::uint32_t i = 0; i < batch.size(); ++i)
    batch.context(i).sql().enqueue("SELECT $1", static_cast<std::int64_t>(batch.size()));
}
hostler::Verdict late(const hostler::Record&, hostler::Context& ctx) {
  return ctx.remaining().count() == 0 ? hostler::reject("too late") : hostler::done();
}
hostler::Verdict waiting(const hostler::Record&, hostler::Context&) {
  throw hostler::Unavailable("the mail server is down");
}
hostler::Verdict publish(const hostler::Record& record, hostler::Context& ctx) {
  ctx.publish({.topic = "copies", .key = record.key(), .value = record.value()});
  return hostler::done();
}

} // namespace

HOSTLER_PLUGIN(hostler::handler<by_batch>("uneven.batch", {.version = "1"}),
               hostler::handler<sql_by_batch>("uneven.sql", {.version = "1", .flags = hostler::enqueues}),
               hostler::handler<late>("uneven.late", {.version = "1"}),
               hostler::handler<waiting>("uneven.waiting", {.version = "1"}),
               hostler::handler<publish>("uneven.publish", {.version = "1"}));
