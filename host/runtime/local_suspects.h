// The suspects of handlers without a ledger (idempotency = "off"): lines appended to a file in the state folder, known to this host alone.
// A line that a death cut off counts for nothing. Thread-safety: any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/result.h"
#include "runtime/ledger.h"

namespace hostler::runtime {

class LocalSuspects {
 public:
  // Reads `folder`/suspects, if it is there, and writes it anew without what was erased. The folder belongs to this host (see CrashJournal).
  [[nodiscard]] static core::Result<std::unique_ptr<LocalSuspects>> open(const std::filesystem::path& folder);
  ~LocalSuspects();
  LocalSuspects(const LocalSuspects&) = delete;
  LocalSuspects& operator=(const LocalSuspects&) = delete;

  // As Ledger::add_suspects.
  [[nodiscard]] core::Status<> add(std::string_view run, std::span<const Suspect> suspects);
  // As Ledger::suspects.
  [[nodiscard]] std::vector<Suspect> suspects(std::string_view service, std::span<const TakenPartition> partitions);
  // It is settled. What cannot be written is said in the log: then the record is handled alone once more after a restart.
  void erase(const Suspect& suspect);

 private:
  using Place = std::tuple<std::string, std::string, std::int32_t, std::int32_t, std::int64_t>;  // service, topic, topic_id, partition, offset
  struct Row {
    Suspect suspect;
    std::string run;
  };
  LocalSuspects() = default;
  static Place place_of(const Suspect& s);
  static std::string line_of(const Row& row);
  void read(std::string_view text);
  void put(Row row);
  void forget(std::map<Place, Row>::iterator row);
  [[nodiscard]] core::Status<> append(const std::string& lines) const;

  std::filesystem::path file_;
  int descriptor_ = -1;
  mutable std::mutex mutex_;
  std::map<Place, Row> rows_;  // guarded by mutex_
};

}  // namespace hostler::runtime
