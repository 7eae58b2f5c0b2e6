// One [[handler]] and the defaults it starts from. Used inside config/ only. Thread-safety: one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/section.h"
#include "core/host_config.h"

namespace hostler::config {

struct Policies {
  core::RetryPolicy retry;
  core::DeadLetterPolicy dead_letter;
};

// A handler with the places of what is checked against other handlers, by key ("group", "retry.topic", …).
struct HandlerDraft {
  core::HandlerConfig config;
  std::map<std::string, Position> places;
  std::vector<Position> topic_places; // parallel to config.topics; empty if the topics were wrong
  bool right = true;                  // nothing was wrong with it: fit for checks against others
};

// Each leaves what the section does not state.
void read_retry(const Section& section, core::RetryPolicy& out);
void read_dead_letter(const Section& section, core::DeadLetterPolicy& out);

[[nodiscard]] HandlerDraft read_handler(const Node& table, const Policies& defaults,
                                        const core::HostConfig& host, Problems& problems);

// What is only wrong among handlers: names, groups, topics that run into each other.
void check_handlers(const std::vector<HandlerDraft>& handlers, Problems& problems);

// A relative path means: beside the file that states it.
[[nodiscard]] std::string beside(const Position& file, const std::string& path);

} // namespace hostler::config
