// What a group may be asked to do depends on the version of librdkafka that is found at run time.
#include "kafka/client_config.h"
#include "kafka/client_limits.h"
#include "support/catch.h"

using namespace hostler;
using namespace hostler::kafka;
using hostler::testing::contains;

namespace {
constexpr int debian_12 = 0x020002ff, debian_13 = 0x020800ff, v2_10 = 0x020a00ff, v2_12 = 0x020c00ff;

std::string refusal(const core::Properties& properties, int version) {
  const auto allowed = check_group_features(properties, version);
  return allowed ? "" : allowed.error().message;
}
}  // namespace

TEST_CASE("cooperative assignment is refused where the client can lose commits by it") {
  const core::Properties cooperative = {{"partition.assignment.strategy", "cooperative-sticky"}};
  CHECK_THAT(refusal(cooperative, debian_12), contains("librdkafka 2.0.2 can lose") && contains("2.10.0 or newer"));
  CHECK_THAT(refusal(cooperative, debian_13), contains("librdkafka 2.8.0"));
  CHECK(refusal(cooperative, v2_10).empty());
  CHECK(refusal({{"partition.assignment.strategy", "range"}}, debian_12).empty());
}

TEST_CASE("the new group protocol is refused where it is not finished") {
  CHECK_THAT(refusal({{"group.protocol", "consumer"}}, v2_10), contains("KIP-848") && contains("2.12.0"));
  CHECK(refusal({{"group.protocol", "consumer"}}, v2_12).empty());
  CHECK(refusal({{"group.protocol", "classic"}}, debian_12).empty());
}

TEST_CASE("a consumer is not made with what its client does not do") {
  if (rd_kafka_version() >= v2_10) return;  // nothing to refuse
  ConsumerOptions options;
  options.brokers = "127.0.0.1:1";
  options.group = "g";
  options.topics = {"t"};
  options.properties = {{"partition.assignment.strategy", "cooperative-sticky"}};
  const auto made = consumer_config(options);
  REQUIRE_FALSE(made);
  CHECK_THAT(made.error().message, contains("cooperative-sticky"));
}
