// [kafka.properties] and [handler.kafka]: librdkafka's properties, as is, except for those that correctness stands on.
// Used inside config/ only. Thread-safety: pure.
#pragma once

#include "config/document.h"
#include "core/host_config.h"

namespace hostler::config {

// Puts the table's properties over those in `out`. Bare dotted keys (session.timeout.ms = 1) count like quoted ones.
// Values are never repeated in an error: some are passwords.
void read_properties(const Node* table, std::string_view title, core::Properties& out, Problems& problems);

// Time-outs that cannot work together.
void check_properties(const core::Properties& properties, const Position& at, Problems& problems);

} // namespace hostler::config
