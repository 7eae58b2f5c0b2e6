#include "bench/idle.h"

#include <fmt/core.h>
#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bench/scenario.h"
#include "support/env.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace hostler::bench {
namespace {

using Clock = std::chrono::steady_clock;
double millis_since(Clock::time_point then) { return std::chrono::duration<double, std::milli>(Clock::now() - then).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

// From rd_kafka_new to the first assignment, with the host's session settings.
double bare_join(const std::string& topic) {
  static std::atomic<bool> assigned;
  assigned = false;
  const auto began = Clock::now();
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const auto set = [&](const char* name, const std::string& value) {
    char why[256];
    if (rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) throw std::runtime_error(why);
  };
  set("bootstrap.servers", testing::kafka_bootstrap());
  set("group.id", testing::unique_prefix() + "bare");
  rd_kafka_conf_set_rebalance_cb(conf, [](rd_kafka_t* rk, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions, void*) {
    rd_kafka_assign(rk, what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? partitions : nullptr);
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) assigned = true;
  });
  char why[256];
  const std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> client(rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why), &rd_kafka_destroy);
  rd_kafka_poll_set_consumer(client.get());
  const std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)> topics(rd_kafka_topic_partition_list_new(1), &rd_kafka_topic_partition_list_destroy);
  rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(client.get(), topics.get());
  while (!assigned) {
    if (rd_kafka_message_t* message = rd_kafka_consumer_poll(client.get(), 10)) rd_kafka_message_destroy(message);
    if (millis_since(began) > 60'000) throw std::runtime_error("the bare client did not join");
  }
  const double took = millis_since(began);
  rd_kafka_consumer_close(client.get());
  return took;
}

double resident_mb(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  double pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double cpu_ms(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  long long user = 0, system = 0;
  if (std::sscanf(line.c_str() + line.rfind(") ") + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user, &system) != 2) throw std::runtime_error("no times of the host");
  return static_cast<double>(user + system) * 1000 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

Idle run_idle(const std::string& topic, std::size_t pairs) {
  std::vector<double> ready, join;
  Idle idle;
  for (std::size_t i = 0; i < pairs; ++i) {
    join.push_back(bare_join(topic));
    const testing::TempDir folder;
    const PreparedHost prepared = prepare_host(effects_scenario(topic, 0), folder);
    const auto began = Clock::now();
    testing::Process host({HOSTLER_BINARY, "run", "--config", prepared.config});
    if (!host.wait_for_output("\"ready: ", std::chrono::seconds(60))) throw std::runtime_error("the host did not become ready:\n" + host.output());
    ready.push_back(millis_since(began));
    if (i + 1 == pairs) {
      std::this_thread::sleep_for(std::chrono::seconds(10));  // what starting took is given back
      idle.resident_mb = resident_mb(host.pid());
      const double before = cpu_ms(host.pid());
      std::this_thread::sleep_for(std::chrono::seconds(20));
      idle.cpu_percent = (cpu_ms(host.pid()) - before) / 20'000 * 100;
    }
    host.terminate();
  }
  idle.ready_ms = median(ready);
  idle.join_ms = median(join);
  return idle;
}

}  // namespace hostler::bench
