#include "kafka/client_limits.h"

#include "support/catch.h"

using namespace hostler::kafka;
using hostler::core::Properties;
using hostler::testing::contains;

namespace {
std::string all(int version) {
  std::string text;
  for (const std::string& limit : client_limits(version)) text += limit + "\n";
  return text;
}
}  // namespace

TEST_CASE("each version of the client has its known limits") {
  CHECK_THAT(all(0x020002ff), contains("SCRAM fails") && contains("prefetch queue") && contains("cooperative") && contains("KIP-848"));
  CHECK_THAT(all(0x020002ff), !contains("leader moves"));
  CHECK_THAT(all(0x020500ff), contains("leader moves"));
  CHECK_THAT(all(0x020800ff), !contains("SCRAM") && !contains("leader moves") && contains("cooperative") && contains("GSSAPI"));
  CHECK_THAT(all(0x020a00ff), contains("looks for brokers again"));
  CHECK_THAT(all(0x020b00ff), !contains("GSSAPI") && contains("KIP-848"));
  CHECK(all(0x020e02ff).empty());
}

TEST_CASE("SCRAM against Kafka 4 needs 2.6.1") {
  const Properties scram = {{"sasl.mechanisms", "SCRAM-SHA-512"}};
  CHECK(scram_fails_on_kafka_4(scram, 0x020002ff));
  CHECK(scram_fails_on_kafka_4({{"sasl.mechanism", "SCRAM-SHA-256"}}, 0x020600ff));
  CHECK_FALSE(scram_fails_on_kafka_4(scram, 0x020601ff));
  CHECK_FALSE(scram_fails_on_kafka_4({{"sasl.mechanisms", "PLAIN"}}, 0x020002ff));
  CHECK_FALSE(scram_fails_on_kafka_4({}, 0x020002ff));
}
