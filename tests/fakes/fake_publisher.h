// A publisher that keeps what it was given and fails on demand. Thread-safety: one thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/publisher.h"

namespace hostler::testing {

// A record as published; owns its bytes.
struct Published {
  std::string topic;
  std::optional<core::Partition> partition;
  std::optional<std::string> key, value;
  std::map<std::string, std::string> headers;
};

class FakePublisher final : public runtime::Publisher {
 public:
  using Kind = runtime::PublishFailure::Kind;

  // Asked for each record before it counts as delivered; an answer is its failure.
  std::function<std::optional<Kind>(const runtime::OutRecord&)> fail;
  std::vector<Published> delivered;
  std::size_t calls = 0;

  std::vector<runtime::PublishFailure> publish(std::span<const runtime::OutRecord> records) override {
    ++calls;
    std::vector<runtime::PublishFailure> failures;
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto& r = records[i];
      if (const auto kind = fail ? fail(r) : std::nullopt) {
        failures.push_back({i, *kind, "injected for topic " + r.topic});
        continue;
      }
      Published kept{r.topic, r.partition, text(r.key), text(r.value), {}};
      for (const auto& h : r.headers) kept.headers[h.name] = h.value.value_or("(null)");
      delivered.push_back(std::move(kept));
    }
    return failures;
  }

  [[nodiscard]] std::vector<Published> on(const std::string& topic) const {
    std::vector<Published> out;
    for (const auto& p : delivered) {
      if (p.topic == topic) out.push_back(p);
    }
    return out;
  }

 private:
  static std::optional<std::string> text(const core::Bytes& b) { return b.is_null() ? std::nullopt : std::optional<std::string>(b.view()); }
};

}  // namespace hostler::testing
