// noop.so - handlers that do nothing, for measuring what the host costs.
//
//   noop.batch    marks a whole batch done with one memset
//   noop.record   marks each record done by a call of its own
#include <hostler/plugin.hpp>

namespace {
void mark_batch(hostler::Batch& batch) { batch.all_done(); }
hostler::Verdict mark_record(const hostler::Record&, hostler::Context&) { return hostler::done(); }
} // namespace

HOSTLER_PLUGIN(hostler::handler<mark_batch>("noop.batch",
                                            {.version = "0.1.0", .description = "done, by batch"}),
               hostler::handler<mark_record>("noop.record",
                                             {.version = "0.1.0", .description = "done, by record"}));
