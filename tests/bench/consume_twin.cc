#include <fmt/core.h>

#include "bench/drain.h"
#include "bench/group_reader.h"
#include "bench/sides.h"

namespace hostler::bench {

void run_consume_twin(const Job& job) {
  GroupReader reader(load(job));
  Drain drain(job.records);
  while (!drain.done()) {
    const auto count = reader.read().size();
    if (count == 0) continue;
    reader.settled();
    drain.settled(count);
  }
  fmt::print("{}", to_line(drain.finish(std::chrono::seconds(0))));
  reader.commit();
}

} // namespace hostler::bench
