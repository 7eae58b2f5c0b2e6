// Checks among handlers: what each may state alone, but not together.
#include <map>
#include <string>
#include <string_view>

#include "config/handler.h"
#include "core/topic_names.h"

namespace hostler::config {
namespace {

using core::HandlerConfig;

struct Seen {
  const HandlerDraft* draft = nullptr;
  std::string what;
};

void check_names(const std::vector<HandlerDraft>& handlers, Problems& problems) {
  std::map<std::string, const HandlerDraft*> names;
  for (const HandlerDraft& draft : handlers) {
    if (draft.config.name.empty()) continue;
    const auto [known, fresh] = names.emplace(draft.config.name, &draft);
    if (!fresh)
      problems.add(draft.places.at("name"),
                   "handler name " + in_quotes(draft.config.name) + " is taken by " +
                       known->second->config.where +
                       "; names are unique, the ledger keeps handlers apart by them");
  }
}

using Handlers = std::vector<const HandlerDraft*>;

void check_groups(const Handlers& handlers, Problems& problems) {
  std::map<std::string, const HandlerDraft*> groups;
  for (const HandlerDraft* const draft : handlers) {
    if (draft->config.group.empty() || !draft->config.enabled) continue;
    const auto [known, fresh] = groups.emplace(draft->config.group, draft);
    if (!fresh) {
      problems.add(draft->places.at("group"),
                   "group " + in_quotes(draft->config.group) + " is taken by handler " +
                       in_quotes(known->second->config.name) + " (" + known->second->config.where +
                       "); two handlers in one group would each get half of the records and filter each "
                       "other's retry copies; give each its own group");
    }
  }
  for (const auto& [group, draft] : groups) {
    if (const auto retries = groups.find(group + ".retry"); retries != groups.end()) {
      problems.add(retries->second->places.at("group"),
                   "group " + in_quotes(retries->first) + " is where handler " +
                       in_quotes(draft->config.name) + " (" + draft->config.where +
                       ") reads its retries; choose another");
    }
  }
}

// Where copies of one handler go, and whether that runs into anything. Shared topics are allowed; a topic with two delays
// or a retry topic that is read as a source is not.
class DerivedTopics {
 public:
  DerivedTopics(const Handlers& handlers, Problems& problems) : problems_(problems) {
    for (const HandlerDraft* const draft : handlers) {
      for (const std::string& topic : draft->config.topics) sources_.emplace(topic, draft);
    }
  }

  void check(const HandlerDraft& draft) {
    for (std::size_t i = 0; i < draft.config.topics.size(); ++i) {
      if (core::is_pattern(draft.config.topics[i])) continue;
      if (!check_retries(draft, draft.config.topics[i]) || !check_dead_letters(draft, draft.config.topics[i]))
        return;
    }
  }

 private:
  // False: one error about this handler is enough.
  bool check_retries(const HandlerDraft& draft, const std::string& topic) {
    const HandlerConfig& config = draft.config;
    const Position& at = draft.places.at("retry.topic");
    const auto tiers = config.retry.max_retries == 0 ? 0 : config.retry.delays.size();
    for (std::uint32_t tier = 0; tier < tiers; ++tier) {
      const core::Result<std::string> name = core::retry_topic(config, topic, tier);
      if (!name) return fail(at, draft, name.error().message);
      const core::Delay& delay = config.retry.delays[tier];
      if (const auto source = sources_.find(*name); source != sources_.end()) {
        return fail(at, draft,
                    "retry topic " + in_quotes(*name) + " is a source topic of handler " +
                        in_quotes(source->second->config.name) + "; change 'topic' in [handler.retry]");
      }
      const auto [known, fresh] = delays_.emplace(*name, delay);
      if (!fresh && known->second.duration != delay.duration) {
        return fail(at, draft,
                    "retry topic " + in_quotes(*name) + " would hold records for " + known->second.text +
                        " and for " + delay.text +
                        "; a retry topic has one delay, put {delay} into its name");
      }
      if (letters_.count(*name) != 0)
        return fail(at, draft, "topic " + in_quotes(*name) + " would hold both retries and dead letters");
    }
    return true;
  }

  bool check_dead_letters(const HandlerDraft& draft, const std::string& topic) {
    const Position& at = draft.places.at("dead_letter.topic");
    const core::Result<std::string> name = core::dead_letter_topic(draft.config, topic);
    if (!name) return fail(at, draft, name.error().message);
    letters_.emplace(*name, &draft);
    for (const std::string& own : draft.config.topics) {
      const bool read_again = core::is_pattern(own) ? false : own == *name;
      if (read_again)
        return fail(at, draft,
                    "dead-letter topic " + in_quotes(*name) +
                        " is a topic that the handler reads; its poison would go round for ever");
    }
    if (delays_.count(*name) != 0)
      return fail(at, draft, "topic " + in_quotes(*name) + " would hold both retries and dead letters");
    return true;
  }

  bool fail(const Position& at, const HandlerDraft& draft, const std::string& what) {
    problems_.add(at, "handler " + in_quotes(draft.config.name) + ": " + what);
    return false;
  }

  Problems& problems_;
  std::map<std::string, const HandlerDraft*> sources_;
  std::map<std::string, core::Delay> delays_;
  std::map<std::string, const HandlerDraft*> letters_;
};

} // namespace

void check_handlers(const std::vector<HandlerDraft>& handlers, Problems& problems) {
  check_names(handlers, problems);
  std::map<std::string, Handlers> clusters; // groups and topics meet on one cluster only
  for (const HandlerDraft& draft : handlers) clusters[draft.config.cluster].push_back(&draft);
  for (const auto& [name, neighbours] : clusters) {
    check_groups(neighbours, problems);
    DerivedTopics topics(neighbours, problems);
    for (const HandlerDraft* const draft : neighbours) {
      if (draft->right && draft->config.enabled) topics.check(*draft);
    }
  }
}

} // namespace hostler::config
