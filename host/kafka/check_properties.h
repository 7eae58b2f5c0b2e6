// Whether the librdkafka that is found at run time takes what a configuration states for it, without connecting anywhere. Used by
// `check`. Thread-safety: any thread.
#pragma once

#include "core/host_config.h"
#include "core/result.h"

namespace hostler::kafka {

// Errors name the property and what the library says of it, never a value that may be a secret.
[[nodiscard]] core::Status<> check_consumer_properties(const core::HandlerConfig& handler);
// … of the producers of a handler with effects = "kafka".
[[nodiscard]] core::Status<> check_transaction_properties(const core::HandlerConfig& handler);
[[nodiscard]] core::Status<> check_publisher_properties(const core::KafkaConfig& cluster);

}  // namespace hostler::kafka
