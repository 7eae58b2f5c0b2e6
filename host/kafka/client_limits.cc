#include "kafka/client_limits.h"

#include <librdkafka/rdkafka.h>

#include <array>

namespace hostler::kafka {
namespace {

constexpr int release(int major, int minor, int patch) { return (major << 24) | (minor << 16) | (patch << 8) | 0xff; }

struct Limit {
  int since, mended;  // from this version on, below that one
  const char* what;
};
constexpr std::array limits = {
    Limit{0, release(2, 1, 0), "does not notice that a partition's log was cut off by an unclean election of its leader (2.1.0)"},
    Limit{0, release(2, 2, 0), "a full prefetch queue idles up to a second: give [host] memory for more than one second of records (2.2.0)"},
    Limit{0, release(2, 6, 1), "SCRAM fails against Apache Kafka 4: use PLAIN over TLS, or a newer client (2.6.1)"},
    Limit{release(2, 1, 0), release(2, 8, 0), "a partition can get stuck when its leader moves: use another version (2.8.0)"},
    Limit{0, release(2, 10, 0), "assignment = \"cooperative-sticky\" is refused, it can lose commits (2.10.0)"},
    Limit{release(2, 10, 0), release(2, 10, 1), "can loop while it looks for brokers again: use another version (2.10.1)"},
    Limit{0, release(2, 11, 0), "GSSAPI fails against Apache Kafka 4: use another mechanism, or a newer client (2.11.0)"},
    Limit{0, release(2, 12, 0), "group.protocol = consumer (KIP-848) is refused, it is not finished (2.12.0)"},
};

std::string version_text(int version) {
  const auto byte = [&](unsigned shift) { return std::to_string((static_cast<unsigned>(version) >> shift) & 0xffU); };
  return byte(24) + "." + byte(16) + "." + byte(8);
}

}  // namespace

std::vector<std::string> client_limits(int version) {
  std::vector<std::string> found;
  for (const Limit& limit : limits) {
    if (version >= limit.since && version < limit.mended) found.emplace_back(limit.what);
  }
  return found;
}
std::vector<std::string> client_limits() { return client_limits(rd_kafka_version()); }

bool scram_fails_on_kafka_4(const core::Properties& properties, int version) {
  for (const char* const name : {"sasl.mechanisms", "sasl.mechanism"}) {
    if (const auto found = properties.find(name); found != properties.end() && found->second.starts_with("SCRAM")) return version < release(2, 6, 1);
  }
  return false;
}
bool scram_fails_on_kafka_4(const core::Properties& properties) { return scram_fails_on_kafka_4(properties, rd_kafka_version()); }

core::Status<> check_group_features(const core::Properties& properties, int version) {
  const std::string in_use = "librdkafka " + version_text(version);
  const auto protocol = properties.find("group.protocol");
  const auto strategy = properties.find("partition.assignment.strategy");
  if (version < release(2, 10, 0) && strategy != properties.end() && strategy->second.find("cooperative") != std::string::npos) {
    return core::Error{in_use + " can lose an assignment together with its commits under cooperative-sticky; 2.10.0 or newer does not. "
                                "Use assignment = \"auto\", or a newer client"};
  }
  if (version < release(2, 12, 0) && protocol != properties.end() && protocol->second == "consumer") {
    return core::Error{in_use + " has no finished group.protocol = consumer (KIP-848); 2.12.0 or newer has. Leave the property out, or use a newer client"};
  }
  return core::Status<>::success();
}

core::Status<> check_group_features(const core::Properties& properties) { return check_group_features(properties, rd_kafka_version()); }

}  // namespace hostler::kafka
