// What is known of the librdkafka that is found at run time: which of its faults an operator should know. Used by `check` and
// `version`. Thread-safety: pure.
#pragma once

#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/result.h"

namespace hostler::kafka {

// A sentence each, without a full stop; in brackets the version that mended it. `version` as rd_kafka_version() has it. Empty for a version without known limits.
[[nodiscard]] std::vector<std::string> client_limits(int version);
// Of the library in use.
[[nodiscard]] std::vector<std::string> client_limits();

// True if this version cannot authenticate by SCRAM against Apache Kafka 4, and the properties ask for SCRAM.
[[nodiscard]] bool scram_fails_on_kafka_4(const core::Properties& properties, int version);
[[nodiscard]] bool scram_fails_on_kafka_4(const core::Properties& properties);

// What a group was asked to do and this version of the client does not do well enough is an error that says which does.
[[nodiscard]] core::Status<> check_group_features(const core::Properties& properties, int version);
[[nodiscard]] core::Status<> check_group_features(const core::Properties& properties);

}  // namespace hostler::kafka
