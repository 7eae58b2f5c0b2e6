// The words are those of librdkafka 2.0.2 and 2.14.2 against Apache Kafka 4.
#include "kafka/login.h"

#include "support/catch.h"

using hostler::kafka::hang_up_hint;
using hostler::kafka::login_mend;
using hostler::testing::contains;

namespace {
std::string mend(std::string_view words, bool scram_fails = false) { return login_mend(words, scram_fails).value_or(""); }
}  // namespace

TEST_CASE("a refused login is told from a broker that is down, and says which key to look at") {
  CHECK_THAT(mend("sasl_ssl://h:1/bootstrap: SASL authentication error: Authentication failed: Invalid username or password (after 301ms in state AUTH_REQ)"),
             contains("'sasl_username' and 'sasl_password_file'"));
  CHECK_THAT(mend("sasl_plaintext://h:1/1: SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN"),
             contains("'sasl_mechanism'"));
  CHECK_THAT(mend("ssl://h:1/1: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified"),
             contains("'tls_ca'"));
  CHECK_THAT(mend("ssl://h:1/bootstrap: error:0A000086:SSL routines::certificate verify failed (after 4ms in state SSL_HANDSHAKE)"), contains("'tls_ca'"));
  CHECK_THAT(mend("ssl://h:1/bootstrap: Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42 (after 0ms in state APIVERSION_QUERY)"),
             contains("'tls_certificate' and 'tls_key'"));
  CHECK_THAT(mend("ssl://h:1/1: SSL handshake failed: error:0A000126:SSL routines::unexpected eof while reading"), contains("is this a TLS listener?"));
  CHECK_THAT(mend("ssl://h:1/bootstrap: Disconnected: SSL connection closed by peer (after 2ms in state SSL_HANDSHAKE)"), contains("is this a TLS listener?"));
  for (const char* const other : {"h:1/1: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)", "1/1 brokers are down",
                                  "ssl://h:1/1: Disconnected: SSL connection closed by peer (after 9000ms in state UP)", "h:1/1: Disconnected (after 600ms in state UP)"})
    CHECK(mend(other, true).empty());
}

TEST_CASE("a broker that hangs up at once on a plain client may want TLS or a login") {
  for (const char* const words :
       {"h:1/bootstrap: Disconnected while requesting ApiVersion: might be caused by incorrect security.protocol configuration (connecting to a SSL listener?)",
        "h:1/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after 0ms in state APIVERSION_QUERY)"})
    CHECK_THAT(hang_up_hint(words), contains("want TLS? Look at 'tls'"));
  for (const char* const words :
       {"h:1/1: Disconnected: verify that security.protocol is correctly configured, broker might require SASL authentication (after 1ms in state UP)",
        "h:1/1: Disconnected: connection closed by peer: receive 0 after POLLIN (after 0ms in state UP, 1 identical error(s) suppressed)"})
    CHECK_THAT(hang_up_hint(words), contains("want a login? Look at 'sasl_mechanism'"));
  for (const char* const words :
       {"h:1/1: Disconnected (after 600000ms in state UP)", "h:1/1: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
        "ssl://h:1/1: Disconnected: SSL connection closed by peer (after 0ms in state UP)"})
    CHECK(hang_up_hint(words).empty());
}

TEST_CASE("where the client cannot do SCRAM, a refused login says so instead of doubting the password") {
  const char* const words = "sasl_plaintext://h:1/1: SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512";
  CHECK_THAT(mend(words, true), contains("cannot do SCRAM with Apache Kafka 4: use PLAIN over TLS, or librdkafka 2.6.1 or newer") && !contains("sasl_password_file"));
}
