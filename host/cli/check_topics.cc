#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "cli/check.h"
#include "core/topic_names.h"
#include "runtime/derived_topics.h"

namespace hostler::cli {
namespace {

using Level = Finding::Level;
using Settings = std::map<std::string, std::string>;

std::int64_t number(const Settings& settings, const char* name, std::int64_t otherwise) {
  const auto found = settings.find(name);
  if (found == settings.end()) return otherwise;
  std::int64_t value = otherwise;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

class TopicCheck {
 public:
  TopicCheck(const core::HostConfig& config, runtime::Admin& admin, Findings& out)
      : config_(config), admin_(admin), out_(out) {}

  void run() {
    const core::Result<std::vector<runtime::TopicInfo>> topics = admin_.topics();
    if (!topics) return add(Level::unreachable, "broker", topics.error().message);
    add(Level::fine, "broker", "answers, " + count_of(static_cast<std::int64_t>(topics->size()), "topic"));
    for (const runtime::TopicInfo& topic : *topics) topics_[topic.name] = topic;
    for (const std::string& regex : core::derived_topic_regexes(config_))
      derived_.emplace_back(regex, std::regex::extended);
    for (const core::HandlerConfig& handler : config_.handlers) {
      if (handler.enabled) check(handler);
    }
  }

 private:
  void add(Level level, std::string about, std::string text) {
    out_.push_back({level, std::move(about), std::move(text)});
  }
  void topic(Level level, std::string text) { add(level, "topic", std::move(text)); }

  void check(const core::HandlerConfig& handler) {
    for (const std::string& name : handler.topics) {
      if (core::is_pattern(name)) {
        check_pattern(handler, name);
      } else if (const auto found = topics_.find(name); found != topics_.end()) {
        check_source(handler, found->second);
      } else {
        topic(Level::wrong, name + " does not exist, handler '" + handler.name + "' reads it (" +
                                handler.where + "); create it");
      }
    }
  }

  void check_pattern(const core::HandlerConfig& handler, const std::string& pattern) {
    std::size_t matches = 0;
    for (const auto& [name, info] : topics_) {
      const bool derived = std::any_of(
          derived_.begin(), derived_.end(),
          [&, &topic_name = name](const std::regex& regex) { return std::regex_match(topic_name, regex); });
      if (derived || !core::pattern_matches(pattern, name)) continue;
      ++matches;
      check_source(handler, info);
    }
    if (matches == 0)
      topic(Level::warning, "no topic matches '" + pattern + "' of handler '" + handler.name +
                                "' yet; it is read as soon as there is one");
  }

  void check_source(const core::HandlerConfig& handler, const runtime::TopicInfo& source) {
    const Settings* const settings = settings_of(source.name);
    if (settings == nullptr) return;
    topic(Level::fine, source.name + ": " + count_of(source.partitions, "partition") + ", read by '" +
                           handler.name + "' as group " + handler.group);
    if (handler.lanes > static_cast<std::uint32_t>(std::max(source.partitions, 1)) &&
        handler.topics.size() == 1) {
      topic(Level::warning, source.name + " has fewer partitions than handler '" + handler.name +
                                "' has lanes (" + std::to_string(handler.lanes) + "); the rest idle");
    }
    const auto wanted = runtime::wanted_topics(handler, source, *settings);
    if (!wanted) return topic(Level::wrong, wanted.error().message);
    for (std::size_t i = 0; i < wanted->size(); ++i) {
      const bool letters = i + 1 == wanted->size();
      check_derived(handler, source, *settings, (*wanted)[i],
                    letters ? std::nullopt : std::optional(handler.retry.delays[i]));
    }
  }

  // A retry topic (with its delay) or the dead-letter topic. Each name is looked at once for each number of source partitions.
  void check_derived(const core::HandlerConfig& handler, const runtime::TopicInfo& source,
                     const Settings& source_settings, const runtime::TopicSpec& wanted,
                     const std::optional<core::Delay>& delay) {
    if (!seen_.emplace(wanted.name, source.name).second) return;
    const std::string what = delay ? "retry topic " + wanted.name : "dead-letter topic " + wanted.name;
    const auto found = topics_.find(wanted.name);
    if (found == topics_.end()) {
      const bool create = delay ? handler.retry.create_topics : handler.dead_letter.create_topics;
      const std::string size = count_of(wanted.partitions, "partition");
      if (!planned_.insert(wanted.name).second) return;
      if (create) return topic(Level::plan, what + " will be created with " + size);
      return topic(Level::wrong, what + " does not exist and create_topics = false (" + handler.where +
                                     "); create it with " + size);
    }
    const Settings* const settings = settings_of(wanted.name);
    if (settings == nullptr) return;
    const std::size_t before = out_.size();
    if (delay) {
      if (found->second.partitions < source.partitions) {
        topic(Level::warning, what + " has " + count_of(found->second.partitions, "partition") +
                                  ", its source " + source.name + " has " +
                                  std::to_string(source.partitions) +
                                  "; copies are then spread by key; add partitions");
      }
      check_retention(what, *settings, delay->duration * 10, "ten times its delay");
    } else {
      check_retention(what, *settings, handler.dead_letter.retention, "dead_letter.retention");
    }
    check_settings(what, *settings, source, source_settings, found->second);
    if (out_.size() == before) topic(Level::fine, what + ": fits");
  }

  void check_retention(const std::string& what, const Settings& settings, core::Millis least,
                       const char* why) {
    const std::int64_t retention = number(settings, "retention.ms", -1);
    if (retention < 0 || retention >= least.count()) return;
    topic(std::string_view(why).starts_with("ten") ? Level::wrong : Level::warning,
          what + " keeps records for retention.ms = " + std::to_string(retention) + ", which is less than " +
              why + " (" + std::to_string(least.count()) + "); raise it");
  }

  void check_settings(const std::string& what, const Settings& settings, const runtime::TopicInfo& source,
                      const Settings& source_settings, const runtime::TopicInfo& info) {
    if (const auto policy = settings.find("cleanup.policy");
        policy != settings.end() && policy->second.find("compact") != std::string::npos) {
      topic(Level::wrong, what + " has cleanup.policy = " + policy->second +
                              ": compaction loses records that share a key; set it to delete");
    }
    constexpr std::int64_t broker_default = 1048588;
    const std::int64_t largest = number(settings, "max.message.bytes", broker_default);
    const std::int64_t needed = number(source_settings, "max.message.bytes", broker_default);
    if (largest < needed) {
      topic(Level::wrong, what + " has max.message.bytes = " + std::to_string(largest) + ", its source " +
                              source.name + " " + std::to_string(needed) + "; raise it by at least " +
                              std::to_string(needed + runtime::copy_headroom_bytes - largest) +
                              " (copies carry more headers)");
    }
    const std::int64_t in_sync = number(settings, "min.insync.replicas", 1);
    if (in_sync < number(source_settings, "min.insync.replicas", 1)) {
      topic(Level::warning, what + " has min.insync.replicas = " + std::to_string(in_sync) +
                                ", less than its source " + source.name +
                                "; copies are less safe than the records");
    }
    if (info.replication < source.replication) {
      topic(Level::warning, what + " has " + count_of(info.replication, "replica") + ", its source " +
                                source.name + " has " + std::to_string(source.replication) +
                                "; copies are less safe than the records");
    }
  }

  // nullptr (reported) if the broker does not tell.
  const Settings* settings_of(const std::string& name) {
    const auto known = settings_.find(name);
    if (known != settings_.end()) return &known->second;
    core::Result<Settings> settings = admin_.settings(name);
    if (settings) return &settings_.emplace(name, std::move(*settings)).first->second;
    topic(Level::unreachable, "settings of " + name + " cannot be read: " + settings.error().message);
    return nullptr;
  }

  const core::HostConfig& config_;
  runtime::Admin& admin_;
  Findings& out_;
  std::map<std::string, runtime::TopicInfo> topics_;
  std::map<std::string, Settings> settings_;
  std::vector<std::regex> derived_;
  std::set<std::pair<std::string, std::string>> seen_; // derived topic, source
  std::set<std::string> planned_;
};

} // namespace

void check_topics(const core::HostConfig& config, runtime::Admin& admin, Findings& out) {
  TopicCheck(config, admin, out).run();
}

} // namespace hostler::cli
