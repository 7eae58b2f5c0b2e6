// What the client's words about a failed connection mean: the brokers did not let this host in, and which key of [kafka] to look at.
// Private to kafka/. Thread-safety: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hostler::kafka {

// Nothing when the words are about something else, such as a broker that is down. `scram_fails`: SCRAM was asked for and this client
// cannot do it with Apache Kafka 4.
[[nodiscard]] std::optional<std::string> login_mend(std::string_view words, bool scram_fails);

// A broker that hangs up at once on a client without TLS or login usually wants them, but may also be going down: a question, or empty.
[[nodiscard]] std::string hang_up_hint(std::string_view words);

}  // namespace hostler::kafka
