// The tables of a configuration but for [[handler]]: each function reads one into its part of HostConfig.
// Used inside config/ only. Thread-safety: one thread.
#pragma once

#include <string>

#include "config/section.h"
#include "core/host_config.h"

namespace hostler::config {

void read_host(const Section& section, core::HostConfig& config);
void read_http(const Section& section, core::HttpConfig& config);
// [kafka], or one of [kafka.clusters.NAME].
void read_cluster(const Section& section, core::KafkaConfig& config);
// [ledger], or one of [ledgers.NAME]. `required`: without a url it is none.
void read_ledger(const Section& section, core::LedgerConfig& config, bool required);

// Reports a key and a librdkafka property that mean the same, if both are stated. True if they are.
bool stated_twice(const Section& section, std::string_view key, const Node* properties, std::string_view property);

// Letters, digits, '-', '_': what a cluster or ledger may be called.
[[nodiscard]] bool is_plain_name(std::string_view name);

} // namespace hostler::config
