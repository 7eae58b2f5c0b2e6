// hostler_bench: what the host costs beside loops written by hand, as ratios that hold longer than any absolute figure.
#include <fmt/core.h>

#include <cstdio>
#include <exception>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/comparison.h"
#include "bench/idle.h"
#include "bench/job.h"
#include "bench/journal.h"
#include "bench/scenario.h"
#include "bench/sides.h"
#include "bench/traffic.h"
#include "support/env.h"
#include "support/kafka_client.h"

namespace hostler::bench {
namespace {

constexpr const char* usage =
    R"(hostler_bench [options]     run by ./dev bench, which starts the servers it needs

  consume   a bare librdkafka loop (batch 1,000, commit every 100 ms, payload untouched) beside the host with a
            no-op batch handler and idempotency = "off"
  effects   a pipelined loop written by hand (batch 500: ids, mark, one insert per record, COMMIT) beside the host
            with sql.effects on PostgreSQL, event ids from a header
  forward   a handler that publishes each record to another topic, batch 500: at least once (effects = "sql") beside exactly
            once in transactions of the brokers (effects = "kafka")
  cost      with --against: the same with the mark alone (idempotency = "offset"), the host of another build beside this one
  latency   the host at 10,000 records/s, from the intended send time to settled
  idle      `hostler run` with one handler and nothing to do: memory, processor, and from its start to ready beside a
            bare client's join (aims: 30 MB, 0.5 % of a core, 300 ms beyond the join)
  journal   what a batch pays for the crash journal (aim: some tens of nanoseconds)

Each run of a side is a process of its own, with a fresh group and schema. The time goes from its first settled batch
to its last settled record; joining and the last offset commit are not in it, but that every offset is committed and
every record has its one effect is checked.

  --only NAME     consume, effects, forward, cost, latency, idle or journal
  --against FILE  hostler_bench of the other build, for cost
  --pairs N       how many pairs count (11)
  --records N     of consume (4000000); a side should take a second at least
  --effects N     of effects, forward and cost (200000)
  --lanes N       of forward (1)
  --seed N        of the order within pairs
  --quick         3 pairs of few records: does it work?
)";

struct Options {
  std::string only, against;
  std::size_t pairs = 11, lanes = 1;
  std::uint64_t records = 4'000'000, effects = 200'000, latency = 100'000;
  std::uint64_t seed = std::random_device{}();
};

Options read_options(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--quick") {
      options.pairs = 3;
      options.records = 300'000;
      options.effects = options.latency = 20'000;
      continue;
    }
    if (i + 1 == arguments.size()) throw std::invalid_argument("what is '" + name + "'?");
    const std::string& value = arguments[++i];
    if (name == "--only")
      options.only = value;
    else if (name == "--against")
      options.against = value;
    else if (name == "--pairs")
      options.pairs = std::stoul(value);
    else if (name == "--records")
      options.records = std::stoull(value);
    else if (name == "--effects")
      options.effects = std::stoull(value);
    else if (name == "--lanes")
      options.lanes = std::stoul(value);
    else if (name == "--seed")
      options.seed = std::stoull(value);
    else
      throw std::invalid_argument("what is '" + name + "'?");
  }
  return options;
}

void run_child(const Job& job) {
  if (job.side == "host") return run_host_side(job);
  if (job.side == "consume-twin") return run_consume_twin(job);
  if (job.side == "effects-twin") return run_effects_twin(job);
  if (job.side == "latency") return run_latency(job);
  throw std::invalid_argument("no side is called " + job.side);
}

// A preloaded topic that goes away with its bench, and its retry topics.
class Topic {
 public:
  Topic(const std::string& name, std::uint64_t records) : name_(testing::unique_prefix() + name) {
    fmt::print("{}: {} records of {} bytes in {} partitions\n", name, records, envelope_size, partitions);
    std::fflush(stdout);
    preload(testing::kafka_bootstrap(), name_, records);
  }
  ~Topic() {
    try {
      testing::KafkaClient client;
      for (const auto& topic : client.topics(name_)) client.delete_topic(topic);
    } catch (const std::exception& e) { fmt::print(stderr, "cannot delete {}: {}\n", name_, e.what()); }
  }
  Topic(const Topic&) = delete;
  Topic& operator=(const Topic&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
};

Comparison bench_consume(const Options& options) {
  const Topic topic("consume", options.records);
  const auto scenario = consume_scenario(topic.name(), options.records);
  return compare(
      "consume", 0.85, {options.pairs, options.seed, false},
      [&] { return run_side(scenario, "consume-twin"); }, [&] { return run_side(scenario, "host"); });
}

Comparison bench_effects(const Options& options) {
  const Topic topic("effects", options.effects);
  const auto scenario = effects_scenario(topic.name(), options.effects);
  return compare(
      "effects", 0.75, {options.pairs, options.seed, true},
      [&] { return run_side(scenario, "effects-twin"); }, [&] { return run_side(scenario, "host"); });
}

// One side of forward, into a topic of its own.
Measured run_forward(const Topic& topic, const Options& options, const std::string& effects) {
  const std::uint64_t records = options.effects;
  testing::KafkaClient client;
  const std::string output = testing::unique_prefix() + "output";
  client.create_topic(output, partitions);
  const auto measured = run_side(forward_scenario(topic.name(), output, records, effects, options.lanes), "host");
  const auto written = static_cast<std::uint64_t>(client.count(output)); // transactions end with a mark in each partition
  if (written < records || (effects == "sql" && written != records))
    throw std::runtime_error(fmt::format("{} records left {} in {}", records, written, output));
  client.delete_topic(output);
  return measured;
}

Comparison bench_forward(const Options& options) {
  const Topic topic("forward", options.effects);
  return compare(
      "forward", 0.5, {options.pairs, options.seed, false}, [&] { return run_forward(topic, options, "sql"); },
      [&] { return run_forward(topic, options, "kafka"); });
}

Comparison bench_cost(const Options& options) {
  const Topic topic("cost", options.effects);
  const auto scenario = marks_scenario(topic.name(), options.effects);
  return compare(
      "cost", 0.95, {options.pairs, options.seed, true}, [&] { return run_side(scenario, "host", options.against); }, [&] { return run_side(scenario, "host"); });
}

Latency bench_latency(const Options& options) {
  constexpr std::uint64_t rate = 10'000;
  const std::string topic = testing::unique_prefix() + "latency";
  testing::KafkaClient().create_topic(topic);
  return run_latency_side(consume_scenario(topic, options.latency), rate);
}

Idle bench_idle(const Options& options) {
  const std::string topic = testing::unique_prefix() + "idle";
  testing::KafkaClient().create_topic(topic);
  return run_idle(topic, std::min<std::size_t>(options.pairs, 5));
}

void print_result(const Comparison& c) {
  const std::string found = c.counted == 0 ? "no pair counted"
                                           : fmt::format("ratio {:.3f}, interval {:.3f}..{:.3f}", c.ratio,
                                                         c.interval.low, c.interval.high);
  fmt::print("{}: aim {:.2f}, {}, n {}, discarded {}\n", c.name, c.aim, found, c.counted,
             c.pairs.size() - c.counted);
}

void run_benches(const Options& options) {
  const auto wanted = [&](const char* name) { return options.only.empty() || options.only == name; };
  std::vector<Comparison> comparisons;
  std::string latency;  // … and idle: lines of their own
  if (wanted("consume")) comparisons.push_back(bench_consume(options));
  if (wanted("effects")) comparisons.push_back(bench_effects(options));
  if (wanted("forward")) comparisons.push_back(bench_forward(options));
  if (!options.against.empty() && wanted("cost")) comparisons.push_back(bench_cost(options));
  if (wanted("latency")) {
    const auto found = bench_latency(options);
    latency = fmt::format("latency at 10000/s: p50 {:.1f} ms, p99 {:.1f} ms\n", found.p50, found.p99);
  }
  if (wanted("idle")) {
    const auto found = bench_idle(options);
    latency += fmt::format("idle: {:.1f} MB resident, {:.2f} % of a core; ready after {:.0f} ms, {:.0f} ms beyond a bare client's join of {:.0f} ms\n",
                           found.resident_mb, found.cpu_percent, found.ready_ms, found.ready_ms - found.join_ms, found.join_ms);
  }
  if (wanted("journal")) {
    const auto cost = measure_journal();
    latency += fmt::format("journal: {:.0f} ns a batch, {:.0f} ns with 250 gaps; the gate {:.0f} ns\n", cost.contiguous_ns, cost.gaps_ns, cost.gate_ns);
  }
  if (comparisons.empty() && latency.empty())
    throw std::invalid_argument("no bench is called " + options.only);
  fmt::print("\n");
  for (const auto& c : comparisons) print_result(c);
  fmt::print("{}", latency);
}

int run(const std::vector<std::string>& arguments) {
  try {
    if (!arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h"))
      fmt::print("{}", usage);
    else if (!arguments.empty() && arguments[0] == "--child")
      run_child(to_job(arguments));
    else
      run_benches(read_options(arguments));
    return 0;
  } catch (const std::invalid_argument& e) {
    fmt::print(stderr, "hostler_bench: {}\n{}", e.what(), usage);
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "hostler_bench: {}\n", e.what());
    return 1;
  }
}

} // namespace
} // namespace hostler::bench

int main(int argc, char** argv) { return hostler::bench::run({argv + 1, argv + argc}); }
