#include "cli/operated.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <utility>

#include "cli/audit.h"
#include "cli/commands.h"
#include "kafka/group_admin.h"
#include "runtime/derived_topics.h"
#include "runtime/identity_check.h"
#include "store/open_ledger.h"

namespace hostler::cli {
namespace {

constexpr core::Millis look_timeout{10'000};

CommandError unreachable(std::string message) { return {exit_unreachable, std::move(message)}; }

}  // namespace

CommandError ledger_error(const runtime::LedgerError& error) {
  const bool away = error.kind == runtime::LedgerError::Kind::outage || error.kind == runtime::LedgerError::Kind::again;
  return {away ? exit_unreachable : exit_not_fine, "ledger: " + error.message};
}

int complain(const CommandError& error) {
  std::fprintf(stderr, "hostler: %s\n", error.message.c_str());
  return error.exit_code;
}

std::string text_of(const core::TopicPartition& where) { return where.topic + "/" + std::to_string(where.partition.value); }

std::string amount(std::uint64_t count, const std::string& what) { return std::to_string(count) + " " + what + (count == 1 ? "" : "s"); }

Operation<std::unique_ptr<Operated>> Operated::open(const core::HostConfig& config, const core::HandlerConfig& handler) {
  std::unique_ptr<Operated> out(new Operated(config, handler));
  const core::KafkaConfig& cluster = config.cluster_of(handler);
  for (const auto& broker : cluster.brokers) out->options_.brokers += (out->options_.brokers.empty() ? "" : ",") + broker;
  out->options_.client_id = cluster.client_id;
  out->options_.properties = cluster.properties;
  out->admin_ = std::make_unique<kafka::KafkaAdmin>(out->options_);
  if (const auto started = out->admin_->start(); !started) return CommandError{exit_usage, started.error().message};
  if (handler.idempotency == core::Idempotency::off) return out;
  const std::string& url = config.ledger_of(handler).url;
  constexpr std::string_view sqlite_scheme = "sqlite://";
  if (url.starts_with(sqlite_scheme) && !std::filesystem::exists(url.substr(sqlite_scheme.size())))  // opening would make it
    return unreachable("the ledger " + url + " does not exist yet; run: hostler ledger migrate --config " + config.file);
  store::LedgerOptions patient;
  patient.answer_timeout = std::chrono::minutes(10);  // counting what lies in a large ledger takes its time
  auto ledger = store::open_ledger(config.ledger_of(handler), patient);
  if (!ledger) return unreachable(ledger.error().message);
  out->ledger_ = std::move(*ledger);
  return out;
}

Operation<std::vector<PartitionStanding>> Operated::partitions(const std::string& topic) {
  const auto existing = admin_->topics();
  if (!existing) {
    const std::string why = admin_->refused_login();
    return unreachable(why.empty() ? existing.error().message : why);
  }
  auto topics = runtime::source_topics(handler_, config_, *existing);
  if (!topic.empty()) {
    if (std::find(topics.begin(), topics.end(), topic) == topics.end())
      return CommandError{exit_usage, "handler " + handler_.name + " does not read topic " + topic + " (" + handler_.where + ")"};
    topics = {topic};
  }
  const auto committed = kafka::committed_offsets(options_, handler_.group);
  if (!committed) return unreachable(committed.error().message);

  std::vector<PartitionStanding> out;
  std::vector<runtime::Asked> asked;
  for (const auto& name : topics) {
    const auto info = std::find_if(existing->begin(), existing->end(), [&](const auto& t) { return t.name == name; });
    if (info == existing->end()) return CommandError{exit_not_fine, "topic " + name + " does not exist"};
    for (std::int32_t p = 0; p < info->partitions; ++p) {
      PartitionStanding one;
      one.where = {name, {p}};
      if (const auto known = committed->find(one.where); known != committed->end()) one.now.committed = known->second;
      asked.push_back({one.where, one.now.committed});
      out.push_back(std::move(one));
    }
  }
  if (ledger_ != nullptr) {
    const auto compared = runtime::compare(ledger_->operations(), handler_.name, *admin_, asked, look_timeout);
    if (!compared) return unreachable(compared.error().message);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].memory = (*compared)[i].memory;
      out[i].now = (*compared)[i].now;
      out[i].refusal = (*compared)[i].refusal;
    }
  }
  std::vector<runtime::LookAt> places;  // of partitions that the ledger does not know
  for (const auto& one : out) {
    if (!one.memory) places.push_back({one.where, {}});
  }
  const auto edges = admin_->look_into(places, look_timeout);
  if (!edges) return unreachable(edges.error().message);
  auto edge = edges->begin();
  for (auto& one : out) {
    if (one.memory) continue;
    if (!edge->trouble.empty()) return unreachable(edge->trouble);
    one.now.low = edge->low;
    one.now.high = edge->high;
    ++edge;
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.where < b.where; });
  return out;
}

Operation<Operated::Commit> Operated::commit(const std::map<core::TopicPartition, core::Offset>& offsets) {
  const auto set = kafka::set_offsets(options_, handler_.group, offsets);
  if (!set) return unreachable(set.error().message);
  if (*set == kafka::OffsetsSet::done) return Commit{true, "done; Kafka's offsets of group " + handler_.group + " are set likewise"};
  return Commit{false, "done; group " + handler_.group + " has members: a running host notices within seconds, reads on there and commits by itself"};
}

std::string Operated::follow(const std::map<core::TopicPartition, core::Offset>& offsets) {
  const auto set = commit(offsets);
  return set ? set->words : "done; Kafka's offsets follow when a host reads on (" + set.error().message + ")";
}

Operation<std::vector<const core::HandlerConfig*>> handlers_named(const core::HostConfig& config, const std::string& name) {
  std::vector<const core::HandlerConfig*> found;
  std::string names;
  for (const auto& handler : config.handlers) {
    if (name.empty() || handler.name == name) found.push_back(&handler);
    names += (names.empty() ? "" : ", ") + handler.name;
  }
  if (found.empty()) return CommandError{exit_usage, config.file + ": there is no handler '" + name + "'; there is " + (names.empty() ? "none" : names)};
  return found;
}

Operation<std::vector<PartitionStanding>> chosen(std::vector<PartitionStanding> all, std::optional<std::int32_t> partition) {
  if (!partition) return all;
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.where.partition.value == *partition; });
  if (found == all.end()) return CommandError{exit_usage, "there is no partition " + std::to_string(*partition) + "; the topic has " + std::to_string(all.size())};
  return std::vector<PartitionStanding>{std::move(*found)};
}

Operation<std::string> accounted(const core::HostConfig& config, const std::string& action, const std::string& object,
                                 const std::function<Operation<std::string>()>& work) {
  if (const auto noted = audit(config, action, object, "begins"); !noted) return CommandError{exit_not_fine, noted.error().message};
  auto done = work();
  if (const auto noted = audit(config, action, object, done ? *done : "failed: " + done.error().message); !noted)
    std::fprintf(stderr, "hostler: %s\n", noted.error().message.c_str());
  return done;
}

std::string table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows) {
  const auto is_number = [](const std::string& cell) { return !cell.empty() && cell.find_first_not_of("0123456789-") == std::string::npos; };
  std::vector<std::size_t> widths;
  std::vector<bool> right;
  for (std::size_t c = 0; c < titles.size(); ++c) {
    std::size_t width = titles[c].size();
    bool numbers = !rows.empty();
    for (const auto& row : rows) {
      width = std::max(width, row[c].size());
      numbers = numbers && is_number(row[c]);
    }
    widths.push_back(width);
    right.push_back(numbers);
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::string blanks(widths[c] - cells[c].size(), ' ');
      text += (c == 0 ? "" : "  ") + (right[c] ? blanks + cells[c] : cells[c] + blanks);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line(titles);
  for (const auto& row : rows) line(row);
  return out;
}

}  // namespace hostler::cli
