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
  TopicCheck(const core::HostConfig& config, const std::string& cluster, runtime::Admin& admin,
             const KafkaQuestions& questions, Findings& out)
      : config_(config), cluster_(cluster), admin_(admin), questions_(questions), out_(out) {}

  void run() {
    const core::Result<std::vector<runtime::TopicInfo>> topics = admin_.topics();
    if (!topics) return add(Level::unreachable, "broker", topics.error().message);
    add(Level::fine, "broker", "answers, " + count_of(static_cast<std::int64_t>(topics->size()), "topic"));
    for (const runtime::TopicInfo& topic : *topics) topics_[topic.name] = topic;
    for (const std::string& regex : core::derived_topic_regexes(config_))
      derived_.emplace_back(regex, std::regex::extended);
    for (const core::HandlerConfig& handler : config_.handlers) {
      if (handler.enabled && handler.cluster == cluster_) check(handler);
    }
  }

 private:
  void add(Level level, std::string about, std::string text) {
    out_.push_back({level, std::move(about), std::move(text)});
  }
  void topic(Level level, std::string text) { add(level, "topic", std::move(text)); }

  void check(const core::HandlerConfig& handler) {
    reads_.clear();
    writes_.clear();
    check_horizons(handler);
    for (const std::string& name : handler.topics) {
      if (core::is_pattern(name)) {
        check_pattern(handler, name);
      } else if (const auto found = topics_.find(name); found != topics_.end()) {
        check_source(handler, found->second);
      } else if (const auto looked = admin_.topic(name); !looked) {
        topic(Level::wrong, "handler '" + handler.name + "' (" + handler.where + ") " + looked.error().message +
                                "; does this user have the rights Describe and Read on it?");
      } else {
        topic(Level::wrong, name + " does not exist, handler '" + handler.name + "' reads it (" +
                                handler.where + "); create it, or let this user see it");
      }
    }
    if (!reads_.empty()) plan(handler);
  }

  // What is remembered must outlast what can come back.
  void check_horizons(const core::HandlerConfig& handler) {
    if (handler.idempotency == core::Idempotency::off) return;
    core::Millis waits{0};
    for (std::uint32_t retry = 0; retry < handler.retry.max_retries && !handler.retry.delays.empty(); ++retry)
      waits += handler.retry.delays[std::min<std::size_t>(retry, handler.retry.delays.size() - 1)].duration;
    const core::Millis kept = config_.ledger_of(handler).retention;
    const std::string remembered = "the ledger of handler '" + handler.name + "' forgets after " + in_days(kept);
    if (kept <= waits) {
      add(Level::wrong, "ledger", remembered + ", but its retries wait for " + in_days(waits) +
                                      " altogether; raise 'retention' in its ledger");
    } else if (kept < handler.dead_letter.retention) {
      add(Level::warning, "ledger", remembered + ", its dead letters are kept for " +
                                        in_days(handler.dead_letter.retention) +
                                        "; one that was replayed and is then sent to its source again is handled once more");
    }
  }

  void check_source_horizon(const core::HandlerConfig& handler, const std::string& source, const Settings& settings) {
    const std::int64_t retention = number(settings, "retention.ms", -1);
    const core::Millis kept = config_.ledger_of(handler).retention;
    if (handler.idempotency == core::Idempotency::off || retention < 0 || retention <= kept.count()) return;
    add(Level::warning, "ledger", source + " keeps records for " + in_days(core::Millis(retention)) +
                                      ", the ledger of handler '" + handler.name + "' forgets after " + in_days(kept) +
                                      "; records older than that are handled again when offsets are set back");
  }

  static std::string in_days(core::Millis time) {
    constexpr std::int64_t minute = 60'000;
    constexpr std::int64_t day = 24 * 60 * minute;
    if (time.count() % day == 0) return count_of(time.count() / day, "day");
    return time.count() % minute == 0 ? count_of(time.count() / minute, "minute") : std::to_string(time.count()) + " ms";
  }

  void plan(const core::HandlerConfig& handler) {
    std::string begins;
    if (questions_.committed_partitions) {
      const auto committed = questions_.committed_partitions(handler.group);
      if (!committed) {
        const bool refused = committed.error().message.find("AUTHORIZATION") != std::string::npos;
        return add(refused ? Level::wrong : Level::unreachable, "group",
                   committed.error().message + (refused ? "; this user needs the right Read on the group" : ""));
      }
      begins = *committed > 0 ? ", which goes on where it has committed (" +
                                    count_of(static_cast<std::int64_t>(*committed), "partition") + ")"
                              : std::string(", which is new and begins at the ") +
                                    (handler.start == core::Start::latest ? "latest" : "earliest") + " record";
    }
    const std::string settles = handler.effects == core::Effects::kafka
                                    ? "settles in transactions of the brokers, for which this user needs the rights Write and Describe on the "
                                      "transactional ids that begin with " +
                                          core::transactional_prefix(handler.group)
                                : handler.idempotency == core::Idempotency::off ? "settles in Kafka's offsets alone"
                                : handler.ledger.empty()                      ? "settles in [ledger]"
                                                         : "settles in [ledgers." + handler.ledger + "]";
    add(Level::plan, "handler", "'" + handler.name + "' reads " + reads_ + " as group " + handler.group + begins + "; " +
                                    settles + (writes_.empty() ? "" : "; writes " + writes_));
  }

  static void list(std::string& names, const std::string& name) { names += (names.empty() ? "" : ", ") + name; }

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
    list(reads_, source.name);
    check_source_horizon(handler, source.name, *settings);
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
    if (writes_.find(wanted.name) == std::string::npos) list(writes_, wanted.name);
    if (!seen_.emplace(wanted.name, source.name).second) return;
    const std::string what = delay ? "retry topic " + wanted.name : "dead-letter topic " + wanted.name;
    const auto found = topics_.find(wanted.name);
    if (found == topics_.end()) {
      const bool create = delay ? handler.retry.create_topics : handler.dead_letter.create_topics;
      const std::string size = count_of(wanted.partitions, "partition");
      if (!planned_.insert(wanted.name).second) return;
      if (create && questions_.try_create) {
        if (const auto allowed = questions_.try_create(std::span(&wanted, 1)); !allowed)
          return topic(Level::wrong, what + " could not be created: " + allowed.error().message);
      }
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
  const std::string& cluster_;
  runtime::Admin& admin_;
  const KafkaQuestions& questions_;
  Findings& out_;
  std::string reads_, writes_; // of the handler that is looked at
  std::map<std::string, runtime::TopicInfo> topics_;
  std::map<std::string, Settings> settings_;
  std::vector<std::regex> derived_;
  std::set<std::pair<std::string, std::string>> seen_; // derived topic, source
  std::set<std::string> planned_;
};

} // namespace

void check_topics(const core::HostConfig& config, const std::string& cluster, runtime::Admin& admin,
                  const KafkaQuestions& questions, Findings& out) {
  TopicCheck(config, cluster, admin, questions, out).run();
}

} // namespace hostler::cli
