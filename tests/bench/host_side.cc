#include <fmt/core.h>

#include <numeric>
#include <stdexcept>

#include "bench/drain.h"
#include "bench/sides.h"
#include "cli/wire.h"
#include "runtime/crash_journal.h"
#include "runtime/local_suspects.h"
#include "runtime/log.h"
#include "support/temp_dir.h"

namespace hostler::bench {
namespace {

class Counter final : public runtime::Observer {
 public:
  explicit Counter(Drain& drain) : drain_(drain) {}
  void batch_settled(std::string_view, const core::TopicPartition&, int, const runtime::SettledCounts& counts,
                     core::Millis) override {
    // What is not done ends the run by its absence.
    drain_.settled(counts.by_outcome[static_cast<std::size_t>(core::Outcome::done)]);
  }
  void record_noted(const runtime::RecordNote&) override {}
  void intake(std::string_view, std::string_view) override {}

 private:
  Drain& drain_;
};

} // namespace

void run_host_side(const Job& job) {
  runtime::set_log_level(runtime::LogLevel::warn);
  const auto config = load(job);
  Drain drain(job.records);
  Counter counter(drain);
  const testing::TempDir folder;
  const auto journal = runtime::CrashJournal::open(folder.path());
  const auto local = runtime::LocalSuspects::open(folder.path());
  if (!journal || !local) throw std::runtime_error("no folder for the host's state");
  const auto host = cli::make_host(config, {.observer = &counter, .admin = nullptr, .probe_program = HOSTLER_BINARY, .journal = journal->get(), .local = local->get()});
  if (auto started = host->start(); !started) throw std::runtime_error(started.error().message);
  fmt::print("{}", to_line(drain.finish(std::chrono::minutes(10))));
  host->drain(std::chrono::steady_clock::now() + config.drain_timeout);
}

} // namespace hostler::bench
