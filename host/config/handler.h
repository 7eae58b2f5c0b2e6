// One [[handler]] and the defaults it starts from. Used inside config/ only. Thread-safety: one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/section.h"
#include "core/host_config.h"

namespace hostler::config {

// A handler with the places of what is checked against other handlers, by key ("group", "retry.topic", …).
struct HandlerDraft {
  core::HandlerConfig config;
  std::map<std::string, Position> places;
  std::vector<Position> topic_places; // parallel to config.topics; empty if the topics were wrong
  bool right = true;                  // nothing was wrong with it: fit for checks against others
};

// Reads what [defaults] states, for its errors; the values reach the handlers by inherit_defaults(). `cluster` is [kafka].
void check_defaults(const Section& defaults, const Node* cluster);

// Puts what [defaults] states, and the handler does not, into the handler's table. `defaults` may be nullptr.
void inherit_defaults(Node& handler, const Node* defaults);

[[nodiscard]] HandlerDraft read_handler(const Node& table, const core::HostConfig& host, Problems& problems,
                                        Report* report);

// What is only wrong among handlers: names, groups, topics that run into each other.
void check_handlers(const std::vector<HandlerDraft>& handlers, Problems& problems);

// A relative path means: beside the file that states it.
[[nodiscard]] std::string beside(const Position& file, const std::string& path);

} // namespace hostler::config
