// What the paths say of a healthy and of a sick host.
#include <nlohmann/json.hpp>

#include "http/pages.h"
#include "support/catch.h"
#include "support/health.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

struct Port {
  core::HostHealth health = healthy();
  http::Metrics metrics{core::HostConfig{}, "0"};
  http::Respond respond = http::pages([this] { return health; }, metrics);
};

}  // namespace

TEST_CASE("a healthy host is live and ready, and says so in one word") {
  Port port;
  CHECK(port.respond("/livez").body == "live\n");
  CHECK(port.respond("/readyz").body == "ready\n");
  const auto health = nlohmann::json::parse(port.respond("/health").body);
  CHECK(health["live"] == true);
  CHECK(health["ready"] == true);
  CHECK(health["problems"].empty());
  CHECK(health["handlers"][0]["source"]["partitions"][0]["lag"] == 5);
  CHECK(health["handlers"][0]["lanes"][0]["state"] == "idle");
  CHECK(health["clusters"][0]["brokers"][0]["latency_ms"] == 2);
  CHECK(health["clusters"][0]["controller"] == 1);
}

TEST_CASE("a host whose database is down is live and not ready, and names it") {
  Port port;
  port.health.ledgers[0].error = "connection refused";
  CHECK(port.respond("/livez").status == 200);
  const auto ready = port.respond("/readyz");
  CHECK(ready.status == 503);
  CHECK_THAT(ready.body, contains("ledger: connection refused"));
  CHECK(port.respond("/health").status == 200);  // it is alive, and the report is true
  CHECK_THAT(port.respond("/metrics").body, contains("hostler_ready 0") && contains("hostler_live 1"));
}

TEST_CASE("a partition that is held says why, and the host is not ready") {
  Port port;
  auto& source = port.health.handlers[0].source;
  source.partitions[0].held = "user-events/0 is held: somebody reset it";
  source.waiting_for = source.partitions[0].held;
  port.health.handlers[0].stuck = 4;
  CHECK(port.respond("/livez").status == 200);
  CHECK_THAT(port.respond("/readyz").body, contains("not ready\nhandler ") && contains("waits: user-events/0 is held: somebody reset it"));
  const auto health = nlohmann::json::parse(port.respond("/health").body);
  CHECK(health["handlers"][0]["source"]["partitions"][0]["held"] == "user-events/0 is held: somebody reset it");
  CHECK(health["handlers"][0]["stuck_records"] == 4);
  CHECK_THAT(port.respond("/metrics").body, contains("hostler_partition_refused{") && contains("} 1\n") && contains("hostler_stuck_records{"));
}

TEST_CASE("bytes that are no UTF-8 and quotes in names and errors come out as JSON all the same") {
  Port port;
  port.health.ledgers[0].error = "bad \xff\xfe byte, a \"quote\" and a\nline";
  const auto health = nlohmann::json::parse(port.respond("/health").body);
  CHECK_THAT(health["ledgers"][0]["error"].get<std::string>(), contains("\"quote\" and a\nline"));
}

TEST_CASE("another path is a 404 that names the others") {
  Port port;
  const auto reply = port.respond("/etc/passwd");
  CHECK(reply.status == 404);
  CHECK_THAT(reply.body, contains("/livez"));
}
