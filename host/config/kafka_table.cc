// [kafka] and [kafka.clusters.NAME]: brokers, and how the host proves who it is.
#include <algorithm>
#include <charconv>

#include "config/kafka_properties.h"
#include "config/substitution.h"
#include "config/tables.h"

namespace hostler::config {
namespace {

bool is_broker(std::string_view broker) {
  if (const std::size_t scheme = broker.find("://"); scheme != std::string_view::npos)
    broker.remove_prefix(scheme + 3);
  if (broker.empty() || broker.size() > 300 || broker.find_first_of(" ,;/\t\n\"'") != std::string_view::npos)
    return false;
  const std::size_t colon = broker.rfind(':');
  if (colon == std::string_view::npos || broker.back() == ']') return true;
  const std::string_view port = broker.substr(colon + 1);
  unsigned value = 0;
  const auto [stop, failure] = std::from_chars(port.data(), port.data() + port.size(), value);
  return colon > 0 && failure == std::errc() && stop == port.data() + port.size() && value >= 1 &&
         value <= 65535;
}

void read_brokers(const Section& section, core::KafkaConfig& config) {
  std::vector<Section::Text> brokers;
  if (!section.read("brokers", brokers)) {
    if (!section.stated("brokers")) {
      section.missing("brokers", std::string("for example brokers = [\"localhost:9092\"]") +
                                     (section.name() == "kafka" ? ", or set KAFKA_BROKERS" : ""));
    }
    return;
  }
  if (brokers.empty()) section.wrong("brokers", "is empty; for example brokers = [\"localhost:9092\"]");
  for (const Section::Text& broker : brokers) {
    config.brokers.push_back(broker.text);
    if (!is_broker(broker.text))
      section.problems().add(broker.at, "'brokers': " + in_quotes(broker.text) + " is not host:port");
  }
}

class Security {
 public:
  Security(const Section& section, const Node* table, core::Properties& properties)
      : section_(section), table_(table), properties_(properties) {}

  void read() {
    const bool sasl = read_sasl();
    bool tls = false;
    const bool tls_stated = section_.read("tls", tls);
    file("tls_ca", "ssl.ca.location");
    file("tls_certificate", "ssl.certificate.location");
    file("tls_key", "ssl.key.location");
    secret("tls_key_password_file", "ssl.key.password");
    for (const char* const key : {"tls_ca", "tls_certificate", "tls_key", "tls_key_password_file"}) {
      if (section_.stated(key) && !tls && !stated("security.protocol"))
        section_.wrong(key, "has no meaning without tls = true");
    }
    if (section_.stated("tls_certificate") != section_.stated("tls_key")) {
      const bool key = section_.stated("tls_key");
      section_.wrong(key ? "tls_key" : "tls_certificate", std::string("needs '") + (key ? "tls_certificate" : "tls_key") + "' too");
    }
    const bool by_property = stated("security.protocol");
    if (tls_stated) stated_twice(section_, "tls", table_, "security.protocol");
    if (by_property || (!tls_stated && !sasl)) return;
    properties_["security.protocol"] = tls ? (sasl ? "SASL_SSL" : "SSL") : (sasl ? "SASL_PLAINTEXT" : "PLAINTEXT");
  }

 private:
  [[nodiscard]] bool stated(const char* property) const { return find_property(table_, property) != nullptr; }

  bool read_sasl() {
    const bool by_property = stated("sasl.mechanisms") || stated("sasl.mechanism");
    std::string_view mechanism;
    using std::string_view_literals::operator""sv;
    if (section_.read_word("sasl_mechanism", mechanism,
                           {"PLAIN"sv, "SCRAM-SHA-256"sv, "SCRAM-SHA-512"sv, "OAUTHBEARER"sv, "GSSAPI"sv}) &&
        !stated_twice(section_, "sasl_mechanism", table_, "sasl.mechanisms") &&
        !stated_twice(section_, "sasl_mechanism", table_, "sasl.mechanism"))
      properties_["sasl.mechanisms"] = mechanism;
    std::string username;
    if (section_.read("sasl_username", username) &&
        !stated_twice(section_, "sasl_username", table_, "sasl.username"))
      properties_["sasl.username"] = username;
    secret("sasl_password_file", "sasl.password");
    const bool with_password = mechanism == "PLAIN" || mechanism.starts_with("SCRAM");
    if (with_password && !properties_.contains("sasl.username"))
      section_.wrong("sasl_mechanism", "needs 'sasl_username'");
    if (with_password && !properties_.contains("sasl.password") && !section_.stated("sasl_password_file"))
      section_.wrong("sasl_mechanism", "needs 'sasl_password_file'");
    for (const char* const key : {"sasl_username", "sasl_password_file"}) {
      if (section_.stated(key) && !section_.stated("sasl_mechanism") && !by_property)
        section_.wrong(key, "has no meaning without 'sasl_mechanism'");
    }
    return section_.stated("sasl_mechanism");
  }

  void file(const char* key, const char* property) {
    std::string path;
    if (section_.read_path(key, path) && !stated_twice(section_, key, table_, property)) properties_[property] = path;
  }

  void secret(const char* key, const char* property) {
    std::string path;
    if (!section_.read_path(key, path) || stated_twice(section_, key, table_, property)) return;
    if (auto text = read_secret_file(path, section_.where(key), section_.problems())) properties_[property] = *text;
  }

  const Section& section_;
  const Node* table_;
  core::Properties& properties_;
};

} // namespace

bool stated_twice(const Section& section, std::string_view key, const Node* properties, std::string_view property) {
  const Node* const other = find_property(properties, property);
  if (other == nullptr || !section.stated(key)) return false;
  section.wrong(key, "and the property '" + std::string(property) + "' (" + other->at.text() +
                         ") mean the same; state one of them");
  return true;
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

void read_cluster(const Section& section, core::KafkaConfig& config) {
  read_brokers(section, config);
  section.read("client_id", config.client_id);
  const Node* const table = section.find("properties");
  const std::string title = section.name() == "kafka" ? "[kafka.properties]" : "[" + section.name() + ".properties]";
  read_properties(table, title, section.name() + ".properties", config.properties, section.problems(),
                  section.report());
  Security(section, table, config.properties).read();
  std::string_view codec = "lz4"; // the publisher's default, for the report
  using std::string_view_literals::operator""sv;
  if (section.read_word("compression", codec, {"none"sv, "gzip"sv, "snappy"sv, "lz4"sv, "zstd"sv}) &&
      !stated_twice(section, "compression", table, "compression.codec") &&
      !stated_twice(section, "compression", table, "compression.type"))
    config.properties["compression.codec"] = codec;
  if (section.read("schema_registry", config.schema_registry) &&
      !config.schema_registry.starts_with("http://") && !config.schema_registry.starts_with("https://"))
    section.wrong("schema_registry", "must begin with http:// or https://");
  check_properties(config.properties, table != nullptr ? table->at : section.at(), section.problems());
}

} // namespace hostler::config
