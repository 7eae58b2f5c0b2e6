#include "config/schema.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

namespace hostler::config {
namespace {

constexpr KeyState reserved = KeyState::reserved;

constexpr std::array keys = {
    KeyInfo{"", "host"},
    KeyInfo{"", "kafka"},
    KeyInfo{"", "ledger"},
    KeyInfo{"", "defaults"},
    KeyInfo{"", "handler"},
    KeyInfo{"", "http", reserved},
    KeyInfo{"", "ledgers", reserved},

    KeyInfo{"host", "name"},
    KeyInfo{"host", "plugin_dirs"},
    KeyInfo{"host", "memory"},
    KeyInfo{"host", "log_level"},

    KeyInfo{"kafka", "brokers"},
    KeyInfo{"kafka", "client_id"},
    KeyInfo{"kafka", "properties"},
    KeyInfo{"kafka", "clusters", reserved},

    KeyInfo{"ledger", "url"},
    KeyInfo{"ledger", "max_sessions"},
    KeyInfo{"ledger", "retention", reserved},
    KeyInfo{"ledger", "layout", reserved},

    KeyInfo{"defaults", "retry"},
    KeyInfo{"defaults", "dead_letter"},

    KeyInfo{"defaults.retry", "delays"},
    KeyInfo{"defaults.retry", "max_retries"},
    KeyInfo{"defaults.retry", "topic"},
    KeyInfo{"defaults.retry", "create_topics"},

    KeyInfo{"defaults.dead_letter", "topic"},
    KeyInfo{"defaults.dead_letter", "format"},
    KeyInfo{"defaults.dead_letter", "create_topics"},
    KeyInfo{"defaults.dead_letter", "partitions"},
    KeyInfo{"defaults.dead_letter", "retention"},
    KeyInfo{"defaults.dead_letter", "headers"},

    KeyInfo{"handler", "name"},
    KeyInfo{"handler", "plugin"},
    KeyInfo{"handler", "handler"},
    KeyInfo{"handler", "topics"},
    KeyInfo{"handler", "group"},
    KeyInfo{"handler", "start"},
    KeyInfo{"handler", "enabled"},
    KeyInfo{"handler", "idempotency"},
    KeyInfo{"handler", "event_id"},
    KeyInfo{"handler", "event_type"},
    KeyInfo{"handler", "on_missing_id"},
    KeyInfo{"handler", "on_sql_error"},
    KeyInfo{"handler", "ordering"},
    KeyInfo{"handler", "isolation"},
    KeyInfo{"handler", "lanes"},
    KeyInfo{"handler", "batch"},
    KeyInfo{"handler", "timeout"},
    KeyInfo{"handler", "migrations"},
    KeyInfo{"handler", "retry"},
    KeyInfo{"handler", "dead_letter"},
    KeyInfo{"handler", "kafka"},
    KeyInfo{"handler", "config"},
    KeyInfo{"handler", "breaker", reserved},
    KeyInfo{"handler", "cluster", reserved},
    KeyInfo{"handler", "ledger", reserved},
    KeyInfo{"handler", "concurrency", reserved},
    KeyInfo{"handler", "effects", reserved},

    KeyInfo{"handler.batch", "max_records"},
    KeyInfo{"handler.batch", "max_wait"},

    KeyInfo{"handler.retry", "delays"},
    KeyInfo{"handler.retry", "max_retries"},
    KeyInfo{"handler.retry", "topic"},
    KeyInfo{"handler.retry", "create_topics"},

    KeyInfo{"handler.dead_letter", "topic"},
    KeyInfo{"handler.dead_letter", "format"},
    KeyInfo{"handler.dead_letter", "create_topics"},
    KeyInfo{"handler.dead_letter", "partitions"},
    KeyInfo{"handler.dead_letter", "retention"},
    KeyInfo{"handler.dead_letter", "headers"},
};

// Levenshtein, on short names.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

} // namespace

std::span<const KeyInfo> all_keys() { return keys; }

const KeyInfo* find_key(std::string_view section, std::string_view key) {
  const auto* const found = std::find_if(keys.begin(), keys.end(), [&](const KeyInfo& info) {
    return info.section == section && info.key == key;
  });
  return found == keys.end() ? nullptr : found;
}

std::string key_hint(std::string_view section, std::string_view key) {
  constexpr std::size_t longest = 64;
  if (key.size() > longest) return {};
  const KeyInfo* nearest = nullptr;
  std::size_t best = std::max<std::size_t>(2, key.size() / 3) + 1;
  for (const KeyInfo& info : keys) {
    if (info.section != section) continue;
    const std::size_t far = distance(key, info.key);
    if (far < best) {
      best = far;
      nearest = &info;
    }
  }
  if (nearest != nullptr) return "; nearest known key '" + std::string(nearest->key) + "'";
  std::string homes;
  for (const KeyInfo& info : keys) {
    if (info.key != key || info.section.empty()) continue;
    homes += (homes.empty() ? "" : " or ") + section_title(info.section);
  }
  return homes.empty() ? std::string() : "; it belongs in " + homes;
}

std::string section_title(std::string_view section) {
  if (section.empty()) return "the top level";
  if (section == "handler") return "[[handler]]";
  return "[" + std::string(section) + "]";
}

} // namespace hostler::config
