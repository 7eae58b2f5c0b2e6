// The only place that builds names of retry and dead-letter topics and transactional ids, and matches topic patterns. Names are never
// parsed back: identity is in headers and configuration. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/host_config.h"
#include "core/result.h"

namespace hostler::core {

// Kafka takes it: 1–249 of [a-zA-Z0-9._-], not "." or "..". And how an error says so.
[[nodiscard]] bool is_legal_topic(std::string_view name);
inline constexpr std::string_view legal_topics = "1 to 249 characters of a-z, A-Z, 0-9, '.', '_' and '-'";

// What a template's placeholders {topic} {group} {handler} {delay} {attempt} {tenant} stand for.
struct NameParts {
  std::string_view topic, group, handler, delay, attempt, tenant;
};

// Expands a template and checks the result: is_legal_topic. The error names template and result.
[[nodiscard]] Result<std::string> expand_topic(std::string_view name_template, const NameParts& parts);

// The retry topic of `tier` and the dead-letter topic for records of `topic`.
[[nodiscard]] Result<std::string> retry_topic(const HandlerConfig& handler, std::string_view topic, std::uint32_t tier);
[[nodiscard]] Result<std::string> dead_letter_topic(const HandlerConfig& handler, std::string_view topic);

// Where a record goes that lies in `retry_topic_name` but is no copy of ours: the dead letters of the source topic that this retry topic
// belongs to; of none that is known by name (patterns), as if the retry topic were the source.
[[nodiscard]] Result<std::string> stray_letter_topic(const HandlerConfig& handler, std::string_view retry_topic_name);

// "chat.messages.*": a name with `*` in it is a pattern; `*` stands for any text, everything else for itself.
[[nodiscard]] bool is_pattern(std::string_view topic);
[[nodiscard]] bool pattern_matches(std::string_view pattern, std::string_view topic);
// The same as an anchored POSIX regex, which is what Kafka clients subscribe with.
[[nodiscard]] std::string pattern_regex(std::string_view pattern);

// Anchored regexes of every topic that a template can produce, for any topic, group, handler and delay: what a pattern
// subscription must never match. Templates: those of all handlers and the built-in defaults; duplicates removed.
[[nodiscard]] std::vector<std::string> derived_topic_regexes(const HostConfig& config);

// The pattern of the retry topics of `tier` for source topics matching `pattern`: the template with the pattern in place of {topic}.
[[nodiscard]] std::string retry_topic_pattern(const HandlerConfig& handler, std::string_view pattern, std::uint32_t tier);

// Under which a group's member publishes what it makes of a partition's records (effects = "kafka"); each partition has several, used in
// turn. Whoever owns the partition next uses the same, which ends whatever its predecessor left open. Different for any two partitions of
// any two groups: topics have no '/'.
[[nodiscard]] std::string transactional_id(std::string_view group, const TopicPartition& where, std::size_t turn);
// What the ids of a handler's group and of its retries begin with: the right that its user needs on the brokers.
[[nodiscard]] std::string transactional_prefix(std::string_view group);

}  // namespace hostler::core
