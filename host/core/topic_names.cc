#include "core/topic_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

namespace hostler::core {
namespace {

constexpr std::size_t max_topic_length = 249;

struct Placeholder {
  std::string_view name;
  std::string_view NameParts::* part;
};
constexpr std::array<Placeholder, 6> placeholders = {{{"{topic}", &NameParts::topic},
                                                      {"{group}", &NameParts::group},
                                                      {"{handler}", &NameParts::handler},
                                                      {"{delay}", &NameParts::delay},
                                                      {"{attempt}", &NameParts::attempt},
                                                      {"{tenant}", &NameParts::tenant}}};

std::string escape_regex(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (std::string_view(".[]{}()\\*+?^$|").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// Walks a template: `literal` for text between placeholders, `placeholder` for each of them.
template <class Literal, class Part>
void walk(std::string_view name_template, Literal literal, Part placeholder) {
  while (!name_template.empty()) {
    std::size_t at = std::string_view::npos;
    const Placeholder* which = nullptr;
    for (const auto& p : placeholders) {
      const std::size_t found = name_template.find(p.name);
      if (found < at) {
        at = found;
        which = &p;
      }
    }
    if (which == nullptr) return literal(name_template);
    literal(name_template.substr(0, at));
    placeholder(*which);
    name_template.remove_prefix(at + which->name.size());
  }
}

std::string fill_in(std::string_view name_template, const NameParts& parts) {
  std::string text;
  walk(
      name_template, [&](std::string_view literal) { text += literal; }, [&](const Placeholder& p) { text += parts.*(p.part); });
  return text;
}

}  // namespace

bool is_legal_topic(std::string_view name) {
  return !name.empty() && name.size() <= max_topic_length && name != "." && name != ".." && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (std::isalnum(c) != 0 && c < 128) || c == '.' || c == '_' || c == '-';
  });
}

Result<std::string> expand_topic(std::string_view name_template, const NameParts& parts) {
  const std::string name = fill_in(name_template, parts);
  if (!is_legal_topic(name)) {
    return Error{"topic name '" + name + "' from template '" + std::string(name_template) +
                 "' is not legal: " + std::string(legal_topics)};
  }
  return name;
}

Result<std::string> retry_topic(const HandlerConfig& handler, std::string_view topic, std::uint32_t tier) {
  const std::string attempt = std::to_string(tier + 1);
  return expand_topic(handler.retry.topic, {topic, handler.group, handler.name, handler.retry.delays.at(tier).text, attempt, ""});
}

Result<std::string> dead_letter_topic(const HandlerConfig& handler, std::string_view topic) {
  return expand_topic(handler.dead_letter.topic, {topic, handler.group, handler.name, "", "", ""});
}

Result<std::string> stray_letter_topic(const HandlerConfig& handler, std::string_view retry_topic_name) {
  for (const auto& topic : handler.topics) {
    for (std::uint32_t tier = 0; tier < handler.retry.delays.size(); ++tier) {
      const auto name = retry_topic(handler, topic, tier);
      if (name && name.value() == retry_topic_name) return dead_letter_topic(handler, topic);
    }
  }
  return dead_letter_topic(handler, retry_topic_name);
}

bool is_pattern(std::string_view topic) { return topic.find('*') != std::string_view::npos; }

bool pattern_matches(std::string_view pattern, std::string_view topic) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < topic.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == topic[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string pattern_regex(std::string_view pattern) {
  std::string out = "^";
  std::size_t from = 0;
  for (std::size_t star = pattern.find('*'); star != std::string_view::npos; star = pattern.find('*', from)) {
    out += escape_regex(pattern.substr(from, star - from));
    out += ".*";
    from = star + 1;
  }
  return out + escape_regex(pattern.substr(from)) + "$";
}

std::vector<std::string> derived_topic_regexes(const HostConfig& config) {
  std::set<std::string> templates = {RetryPolicy{}.topic, DeadLetterPolicy{}.topic};
  for (const auto& handler : config.handlers) {
    templates.insert(handler.retry.topic);
    templates.insert(handler.dead_letter.topic);
  }
  std::vector<std::string> regexes;
  for (const auto& name_template : templates) {
    std::string regex = "^";
    walk(
        name_template, [&](std::string_view text) { regex += escape_regex(text); }, [&](const Placeholder&) { regex += ".+"; });
    regexes.push_back(regex + "$");
  }
  return regexes;
}

std::string retry_topic_pattern(const HandlerConfig& handler, std::string_view pattern, std::uint32_t tier) {
  const std::string attempt = std::to_string(tier + 1);
  return fill_in(handler.retry.topic, {pattern, handler.group, handler.name, handler.retry.delays.at(tier).text, attempt, ""});
}

std::string transactional_id(std::string_view group, const TopicPartition& where, std::size_t turn) {
  return transactional_prefix(group) + "/" + where.topic + "/" + std::to_string(where.partition.value) + "/" + std::to_string(turn);
}

std::string transactional_prefix(std::string_view group) { return "hostler/" + std::string(group); }

}  // namespace hostler::core
