// The orders in which sessions lock: the same everywhere, or overlapping batches deadlock. Private to store/. Thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "runtime/ledger.h"

namespace hostler::store {

[[nodiscard]] inline std::string_view order_of(const runtime::IdRow& id) { return id.event_id; }
[[nodiscard]] inline std::string_view order_of(std::string_view id) { return id; }
[[nodiscard]] inline auto order_of(const runtime::OriginKey& o) { return std::tuple(o.topic, o.topic_id, o.partition.value, o.offset.value); }
[[nodiscard]] inline auto order_of(const runtime::Delegation& d) { return order_of(d.origin); }
[[nodiscard]] inline auto order_of(const runtime::MarkKey& m) { return std::tuple(m.topic, m.topic_id, m.partition.value); }
[[nodiscard]] inline auto order_of(const runtime::Suspect& s) {
  return std::tuple(std::string_view(s.service), std::string_view(s.where.topic), s.topic_id, s.where.partition.value, s.offset.value);
}
[[nodiscard]] inline std::string_view order_of(const runtime::ExpiryRule& r) { return r.service; }
[[nodiscard]] inline auto order_of(const runtime::TakeOver& t) { return std::tuple(std::string_view(t.where.topic), t.where.partition.value); }

// Indexes into `items`, sorted; equal items in the order given.
template <class T>
[[nodiscard]] std::vector<std::size_t> sorted(std::span<const T> items) {
  std::vector<std::size_t> out(items.size());
  std::iota(out.begin(), out.end(), std::size_t{0});
  std::sort(out.begin(), out.end(), [&](std::size_t a, std::size_t b) {
    const auto left = order_of(items[a]), right = order_of(items[b]);
    return left < right || (!(right < left) && a < b);
  });
  return out;
}

// As above, of equal items only the first.
template <class T>
[[nodiscard]] std::vector<std::size_t> sorted_once(std::span<const T> items) {
  auto out = sorted(items);
  out.erase(std::unique(out.begin(), out.end(), [&](std::size_t a, std::size_t b) { return order_of(items[a]) == order_of(items[b]); }), out.end());
  return out;
}

}  // namespace hostler::store
