#include "config/load_config.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "config/document.h"
#include "config/environment.h"
#include "config/handler.h"
#include "config/schema.h"
#include "config/section.h"
#include "config/substitution.h"
#include "config/tables.h"

namespace hostler::config {
namespace {

using core::HostConfig;

// [kafka.clusters.NAME] and [ledgers.NAME].
template <class Read>
void read_named(const Node* tables, const std::string& title, Problems& problems, Report& report, const Read& read) {
  if (tables == nullptr) return;
  if (tables->kind != Node::Kind::table)
    return problems.add(tables->at, "write [" + title + ".NAME], this is " + std::string(kind_name(tables->kind)));
  for (const Member& member : tables->members) {
    if (!is_plain_name(member.key)) {
      problems.add(member.at, in_quotes(member.key) + " in [" + title + "] is no name; it can have 1 to 64 of a-z, A-Z, 0-9, '_', '-'");
      continue;
    }
    read(member.key, Section(&member.value, title + ".*", title + "." + member.key, member.at, problems, &report));
  }
}

void read_topic_defaults(const Section& section, core::TopicDefaults& out) {
  section.read("partitions", out.partitions);
  section.read("replication", out.replication);
  section.read("retention", out.retention);
}

void read_handlers(Node& document, HostConfig& config, Problems& problems, Report& report) {
  Node* list = nullptr;
  for (Member& member : document.members) {
    if (member.key == "handler") list = &member.value;
  }
  if (list == nullptr) return problems.add(document.at, "there is no [[handler]], so there is nothing to run");
  if (list->kind != Node::Kind::array)
    return problems.add(list->at, "write [[handler]] in double brackets: there can be several");
  const Node* const defaults = document.find("defaults");
  std::vector<HandlerDraft> drafts;
  for (Node& table : list->items) {
    inherit_defaults(table, defaults);
    drafts.push_back(read_handler(table, config, problems, &report));
  }
  check_handlers(drafts, problems);
  for (HandlerDraft& draft : drafts) config.handlers.push_back(std::move(draft.config));
}

void merge_drop_ins(const std::string& path, Node& document, Problems& problems) {
  namespace fs = std::filesystem;
  std::error_code failed;
  const fs::path folder = fs::path(path).parent_path() / "conf.d";
  std::vector<std::string> files;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (entry->path().extension() == ".toml") files.push_back(entry->path().string());
  }
  if (failed && failed != std::errc::no_such_file_or_directory && failed != std::errc::not_a_directory) {
    problems.add({folder.string(), 0, 0, "cannot be read: " + failed.message()});
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) merge(document, read_document(file, problems), problems);
}

// From a document with everything in it to values.
HostConfig read_all(Node& document, Problems& problems, Report& report) {
  HostConfig config;
  const Section top(&document, "", "", document.at, problems, &report);
  read_host(top.section("host"), config);
  read_http(top.section("http"), config.http);
  const Section kafka = top.section("kafka");
  read_cluster(kafka, config.kafka);
  read_named(kafka.find("clusters"), "kafka.clusters", problems, report,
             [&](const std::string& name, const Section& section) { read_cluster(section, config.clusters[name]); });
  read_ledger(top.section("ledger"), config.ledger, false);
  read_named(top.find("ledgers"), "ledgers", problems, report,
             [&](const std::string& name, const Section& section) { read_ledger(section, config.ledgers[name], true); });
  const Section defaults(top.find("defaults"), "defaults", "defaults", top.at(), problems, nullptr);
  check_defaults(defaults, top.find("kafka"));
  read_topic_defaults(top.section("defaults").section("topics"), config.topics);
  read_handlers(document, config, problems, report);
  return config;
}

} // namespace

std::string ConfigError::text() const {
  if (line == 0) return file + ": " + message;
  return file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + message;
}

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (const std::size_t equals = text.find('='); equals != std::string_view::npos)
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

core::Result<HostConfig, ConfigErrors> load_config(const std::string& path, const Environment& environment,
                                                   std::vector<Setting>* settings) {
  Problems problems;
  Node document = read_document(path, problems);
  if (problems.any()) return problems.take(); // whatever else would be said is a consequence
  merge_drop_ins(path, document, problems);
  if (problems.any()) return problems.take();
  substitute(document, environment, problems);
  std::vector<std::string> variables = apply_environment(document, environment, problems);
  Report report;
  HostConfig config = read_all(document, problems, report);
  if (settings != nullptr) *settings = report.take();
  if (problems.any()) return problems.take();
  config.file = path;
  config.from_environment = std::move(variables);
  return config;
}

std::vector<Setting> default_settings() {
  const Node empty;
  Node handlers;
  handlers.kind = Node::Kind::array;
  handlers.items.push_back(empty);
  Node document;
  insert(document, "handler", {}, std::move(handlers));
  Problems missing; // what has no default is missing, of course
  Report report;
  (void)read_all(document, missing, report);
  std::vector<Setting> settings = report.take();
  for (Setting& setting : settings) {
    constexpr std::string_view nameless = "handler.?.";
    if (setting.key.starts_with(nameless)) setting.key.replace(0, nameless.size(), "handler.");
  }
  return settings;
}

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  const auto add = [&](std::string_view section) {
    for (const KeyInfo* const info : keys_of(section)) {
      if (info->state == KeyState::works)
        keys.push_back(section.empty() ? std::string(info->key) : std::string(section) + "." + std::string(info->key));
    }
  };
  std::vector<std::string_view> seen;
  for (const KeyInfo& info : all_keys()) {
    if (std::find(seen.begin(), seen.end(), info.section) != seen.end()) continue;
    seen.push_back(info.section);
    add(info.section);
  }
  for (const std::string_view section : {"defaults", "defaults.retry", "defaults.dead_letter"}) add(section);
  return keys;
}

} // namespace hostler::config
