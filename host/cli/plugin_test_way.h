// One way of delivering a file's records to a handler: the real pipeline, settlement and lane on a scripted source. One thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/plugin_test_parts.h"
#include "core/host_config.h"
#include "core/result.h"
#include "plugin/loader.h"

namespace hostler::cli {

struct Way {
  std::string name;            // for the report
  std::size_t max_records = 0; // of a batch; 0: as configured
  bool cancelled = false;      // the deadline has passed when the handler is called
};

struct WayResult {
  std::map<RecordPlace, TestFate> fates; // of every record that was settled
  std::vector<std::string> sql;          // committed, in order
  std::vector<Publication> published;
  std::string stuck; // why it did not end; empty if all records were settled
  core::Millis took{0};
};

struct WayParts {
  std::shared_ptr<const plugin::Plugin> plugin;
  core::HandlerConfig handler;
  runtime::Ledger* ledger = nullptr; // with its tables; null when the handler has none
  const std::vector<TestRecord>* records = nullptr;
};

// `again`: what is delivered a second time after that, as records with new offsets; null for no second time.
[[nodiscard]] core::Result<WayResult> run_way(const WayParts& parts, const Way& way, WayResult* again);

} // namespace hostler::cli
