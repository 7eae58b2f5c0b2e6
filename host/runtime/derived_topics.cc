#include "runtime/derived_topics.h"

#include <algorithm>
#include <charconv>
#include <regex>

#include "core/retention.h"
#include "core/topic_names.h"

namespace hostler::runtime {
namespace {

std::int64_t number(const std::map<std::string, std::string>& settings, const std::string& name, std::int64_t otherwise) {
  const auto found = settings.find(name);
  if (found == settings.end()) return otherwise;
  std::int64_t value = otherwise;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

}  // namespace

core::Result<std::vector<TopicSpec>> wanted_topics(const core::HandlerConfig& handler, const TopicInfo& source,
                                                   const std::map<std::string, std::string>& settings) {
  std::map<std::string, std::string> common = {{"cleanup.policy", "delete"}};
  const std::int64_t largest = number(settings, "max.message.bytes", 1048588);
  common["max.message.bytes"] = std::to_string(std::min<std::int64_t>(largest + copy_headroom_bytes, 2147483647));
  if (const auto found = settings.find("min.insync.replicas"); found != settings.end()) common[found->first] = found->second;

  std::vector<TopicSpec> specs;
  if (handler.retry.max_retries > 0) {
    for (std::uint32_t tier = 0; tier < handler.retry.delays.size(); ++tier) {
      auto name = core::retry_topic(handler, source.name, tier);
      if (!name) return name.error();
      TopicSpec spec{name.value(), source.partitions, source.replication, common};
      spec.settings["retention.ms"] = std::to_string(core::tier_retention(handler.retry.delays[tier]).count());
      specs.push_back(std::move(spec));
    }
  }
  auto name = core::dead_letter_topic(handler, source.name);
  if (!name) return name.error();
  TopicSpec letters{name.value(), handler.dead_letter.partitions, source.replication, common};
  letters.settings["retention.ms"] = std::to_string(handler.dead_letter.retention.count());
  specs.push_back(std::move(letters));
  return specs;
}

core::Status<> DerivedTopics::ensure(const std::string& source_topic) {
  const std::scoped_lock lock(mutex_);
  if (known_.contains(source_topic)) return core::Status<>::success();
  auto info = admin_.topic(source_topic);
  if (!info) return info.error();
  if (!info.value()) return core::Error{"topic " + source_topic + " does not exist"};
  auto settings = admin_.settings(source_topic);
  if (!settings) return settings.error();
  auto specs = wanted_topics(handler_, *info.value(), settings.value());
  if (!specs) return specs.error();

  std::vector<TopicSpec> missing;
  for (const auto& spec : specs.value()) {
    const auto found = admin_.topic(spec.name);
    if (!found) return found.error();
    if (found.value()) continue;
    const bool letters = &spec == &specs.value().back();
    if (!(letters ? handler_.dead_letter.create_topics : handler_.retry.create_topics)) {
      return core::Error{"topic " + spec.name + " does not exist and create_topics = false; create it with " + std::to_string(spec.partitions) +
                         " partitions, or allow it in [handler." + (letters ? "dead_letter" : "retry") + "] (" + handler_.where + ")"};
    }
    missing.push_back(spec);
  }
  if (!missing.empty()) {
    if (auto created = admin_.create(missing); !created) return created;
  }
  known_.insert(source_topic);
  return core::Status<>::success();
}

std::vector<std::string> source_topics(const core::HandlerConfig& handler, const core::HostConfig& config, std::span<const TopicInfo> existing) {
  std::vector<std::string> names;
  std::vector<std::string> patterns;
  for (const auto& topic : handler.topics) (core::is_pattern(topic) ? patterns : names).push_back(topic);
  if (patterns.empty()) return names;
  std::vector<std::regex> derived;
  for (const auto& text : core::derived_topic_regexes(config)) derived.emplace_back(text, std::regex::extended);
  for (const auto& topic : existing) {
    const bool wanted = std::any_of(patterns.begin(), patterns.end(), [&](const auto& p) { return core::pattern_matches(p, topic.name); });
    const bool own = std::any_of(derived.begin(), derived.end(), [&](const auto& r) { return std::regex_match(topic.name, r); });
    if (wanted && !own) names.push_back(topic.name);
  }
  return names;
}

core::Status<> DerivedTopics::ensure_all(const core::HostConfig& config) {
  std::vector<TopicInfo> existing;
  if (std::any_of(handler_.topics.begin(), handler_.topics.end(), [](const auto& topic) { return core::is_pattern(topic); })) {
    auto all = admin_.topics();
    if (!all) return all.error();
    existing = std::move(*all);
  }
  for (const auto& name : source_topics(handler_, config, existing)) {
    if (auto ensured = ensure(name); !ensured) return ensured;
  }
  return core::Status<>::success();
}

}  // namespace hostler::runtime
