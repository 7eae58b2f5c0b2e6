// [kafka.properties] and [handler.kafka]: librdkafka's properties, as is, except for those that correctness stands on.
// Used inside config/ only. Thread-safety: pure.
#pragma once

#include "config/document.h"
#include "config/report.h"
#include "core/host_config.h"

namespace hostler::config {

// Puts the table's properties over those in `out`. Bare dotted keys (session.timeout.ms = 1) count like quoted ones.
// Values are never repeated in an error: some are passwords. `name` is what the report calls the table.
void read_properties(const Node* table, std::string_view title, const std::string& name, core::Properties& out,
                     Problems& problems, Report* report);

// Where a property is stated in such a table, quoted or with bare dots; nullptr if it is not. `table` may be nullptr.
[[nodiscard]] const Node* find_property(const Node* table, std::string_view property);

// Time-outs that cannot work together.
void check_properties(const core::Properties& properties, const Position& at, Problems& problems);

} // namespace hostler::config
