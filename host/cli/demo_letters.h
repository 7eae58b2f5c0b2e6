// Reads the demo's dead-letter topics as an outsider would, with a group of its own: what lies there, not what the host says it wrote.
// Thread-safety: start and stop from one thread, the rest from any.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/result.h"
#include "runtime/source.h"

namespace hostler::cli {

struct DeadLetter {
  std::string topic, key;
  std::optional<std::string> value;
  std::string service, reason, message, event_id; // from the headers
};

class DeadLetterReader {
 public:
  DeadLetterReader(const std::string& brokers, const std::map<std::string, std::string>& properties,
                   std::vector<std::string> topics);
  ~DeadLetterReader();
  DeadLetterReader(const DeadLetterReader&) = delete;
  DeadLetterReader& operator=(const DeadLetterReader&) = delete;

  core::Status<> start();
  void stop();
  [[nodiscard]] std::vector<DeadLetter> letters() const;                // in the order they were read
  [[nodiscard]] std::vector<DeadLetter> latest(std::size_t most) const; // likewise
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::uint64_t bytes(const std::string& topic) const;

 private:
  class FromTheStart;
  void run();

  std::unique_ptr<FromTheStart> assignments_;
  std::unique_ptr<runtime::Consumer> consumer_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::vector<DeadLetter> letters_;            // guarded by mutex_
  std::map<std::string, std::uint64_t> bytes_; // guarded by mutex_
};

} // namespace hostler::cli
