#include "kafka/login.h"

#include <librdkafka/rdkafka.h>

#include <array>

namespace hostler::kafka {
namespace {

// In the words of librdkafka 2.0 to 2.14 and of OpenSSL 3; the first that is found counts.
struct Cause {
  std::string_view words;
  const char* mend;
};
constexpr std::array causes = {
    Cause{"mechanism handshake failed", "'sasl_mechanism' in [kafka] must be one that the brokers offer"},
    Cause{"SASL authentication error", "look at 'sasl_username' and 'sasl_password_file' in [kafka]"},
    Cause{"certificate verify failed", "the brokers' certificate must be signed by an authority in 'tls_ca' of [kafka], and be for the name in 'brokers'"},
    Cause{"alert bad certificate", "the brokers want a certificate: look at 'tls_certificate' and 'tls_key' in [kafka]"},
    Cause{"alert certificate", "the brokers want a certificate: look at 'tls_certificate' and 'tls_key' in [kafka]"},
    Cause{"certificate required", "the brokers want a certificate: look at 'tls_certificate' and 'tls_key' in [kafka]"},
    Cause{"alert unknown ca", "the brokers do not trust the certificate in 'tls_certificate' of [kafka]"},
    Cause{"SSL handshake", "is this a TLS listener? Look at 'tls' in [kafka]"},
    Cause{"SSL_HANDSHAKE", "is this a TLS listener? Look at 'tls' in [kafka]"},
};

}  // namespace

std::optional<std::string> login_mend(std::string_view words, bool scram_fails) {
  if (scram_fails && words.find("SASL") != std::string_view::npos) {
    return "librdkafka " + std::string(rd_kafka_version_str()) +
           " cannot do SCRAM with Apache Kafka 4: use PLAIN over TLS, or librdkafka 2.6.1 or newer";
  }
  for (const Cause& cause : causes) {
    if (words.find(cause.words) != std::string_view::npos) return cause.mend;
  }
  return std::nullopt;
}

std::string hang_up_hint(std::string_view words) {
  const auto has = [&](std::string_view part) { return words.find(part) != std::string_view::npos; };
  if (!has("Disconnected") || has("ssl://") || has("sasl_")) return "";
  if (has("requesting ApiVersion") || has("in state APIVERSION_QUERY")) return "it hangs up: does this listener want TLS? Look at 'tls' in [kafka]";
  // 2.14.2 leaves it to the reader that a connection ended at once.
  if (has("might require SASL") || has("(after 0ms in state UP") || has("(after 1ms in state UP"))
    return "it hangs up: does this listener want a login? Look at 'sasl_mechanism' in [kafka]";
  return "";
}

}  // namespace hostler::kafka
