#include "config/kafka_properties.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

namespace hostler::config {
namespace {

struct Refused {
  std::string_view name;
  std::string_view reason;
};
constexpr std::string_view committed_by_host =
    "the host commits an offset after its record is settled, never before";
constexpr std::string_view by_brokers = "state 'brokers' in [kafka]";
constexpr std::string_view by_idempotent_producer =
    "copies and dead letters need the idempotent producer with acks from all replicas";
constexpr std::array refused = {
    Refused{"enable.auto.commit", committed_by_host},
    Refused{"auto.commit.enable", committed_by_host},
    Refused{"auto.commit.interval.ms", committed_by_host},
    Refused{"enable.auto.offset.store", committed_by_host},
    Refused{"offset.store.method", committed_by_host},
    Refused{"offset.store.path", committed_by_host},
    Refused{"enable.partition.eof", "end-of-partition entries make the client skip a record"},
    Refused{"auto.offset.reset", "'start' of the handler decides where a new group begins"},
    Refused{"group.id", "state 'group' of the handler"},
    Refused{"bootstrap.servers", by_brokers},
    Refused{"metadata.broker.list", by_brokers},
    Refused{"client.id", "state 'client_id' in [kafka]"},
    Refused{"enable.idempotence", by_idempotent_producer},
    Refused{"acks", by_idempotent_producer},
    Refused{"request.required.acks", by_idempotent_producer},
    Refused{"transactional.id", "transactional ids belong to partitions and are made by the host"},
    Refused{"message.timeout.ms", "the host bounds how long it waits for a delivery"},
    Refused{"delivery.timeout.ms", "the host bounds how long it waits for a delivery"},
    Refused{"delivery.report.only.error", "the host waits for every delivery report"},
    Refused{"allow.auto.create.topics", "a mistyped topic must be an error, not a new topic"},
};

bool is_pointer(std::string_view name) {
  return name.ends_with("_cb") || name == "opaque" || name == "default_topic_conf" ||
         name == "interceptors" || name == "enabled_events";
}

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
  });
}

class Reader {
 public:
  Reader(std::string_view title, std::string name, core::Properties& out, Problems& problems, Report* report)
      : title_(title), name_(std::move(name)), out_(out), problems_(problems), report_(report) {}

  void read(const Node& table, const std::string& prefix) {
    for (const Member& member : table.members) {
      const std::string name = prefix + member.key;
      if (!is_name(name)) {
        problems_.add(member.at,
                      in_quotes(name) + " in " + title_ + " is not the name of a librdkafka property");
      } else if (member.value.kind == Node::Kind::table) {
        read(member.value, name + ".");
      } else {
        read_one(member, name);
      }
    }
  }

 private:
  void read_one(const Member& member, const std::string& name) {
    const auto* const reason =
        std::find_if(refused.begin(), refused.end(), [&](const Refused& r) { return r.name == name; });
    if (reason != refused.end())
      return problems_.add(member.at, in_quotes(name) + " cannot be set: " + std::string(reason->reason));
    if (is_pointer(name))
      return problems_.add(member.at, in_quotes(name) + " cannot be set: it is a pointer inside a program");
    if (!seen_.insert(name).second)
      return problems_.add(member.at,
                           in_quotes(name) + " is stated twice in " + title_ + ", quoted and with bare dots");
    const Node& value = member.value;
    std::string text;
    switch (value.kind) {
      case Node::Kind::string: text = value.text; break;
      case Node::Kind::integer: text = std::to_string(value.integer); break;
      case Node::Kind::boolean: text = value.boolean ? "true" : "false"; break;
      default:
        problems_.add(value.at, in_quotes(name) + " must be a string, an integer, true or false, this is " +
                                    std::string(kind_name(value.kind)));
        return;
    }
    if (text.find('\0') != std::string::npos)
      return problems_.add(value.at, in_quotes(name) + " holds a NUL character");
    out_[name] = text;
    if (report_ != nullptr) report_->add(name_, toml_string(name), names_secret(name) ? "\"***\"" : shown(value), &value);
  }

  std::string title_;
  std::string name_;
  core::Properties& out_;
  Problems& problems_;
  Report* report_;
  std::set<std::string> seen_;
};

} // namespace

void read_properties(const Node* table, std::string_view title, const std::string& name, core::Properties& out,
                     Problems& problems, Report* report) {
  if (table == nullptr) return;
  if (table->kind != Node::Kind::table) {
    return problems.add(
        table->at, std::string(title) + " must be a table, this is " + std::string(kind_name(table->kind)));
  }
  Reader(title, name, out, problems, report).read(*table, "");
}

const Node* find_property(const Node* table, std::string_view property) {
  if (table == nullptr) return nullptr;
  if (const Node* const whole = table->find(property); whole != nullptr) return whole;
  for (std::size_t dot = property.find('.'); dot != std::string_view::npos; dot = property.find('.', dot + 1)) {
    const Node* const below = table->find(property.substr(0, dot));
    if (const Node* const found = find_property(below, property.substr(dot + 1)); found != nullptr) return found;
  }
  return nullptr;
}

void check_properties(const core::Properties& properties, const Position& at, Problems& problems) {
  bool right = true;
  const auto number = [&](const char* name, std::int64_t otherwise) {
    const auto found = properties.find(name);
    if (found == properties.end()) return otherwise;
    std::int64_t value = 0;
    const char* const end = found->second.data() + found->second.size();
    const auto [stop, failure] = std::from_chars(found->second.data(), end, value);
    constexpr std::int64_t longest = 86'400'000;
    if (failure == std::errc() && stop == end && value >= 1 && value <= longest) return value;
    problems.add(at, in_quotes(name) + " must be a whole number of milliseconds, 1 to 86400000");
    right = false;
    return otherwise;
  };
  const core::HandlerConfig defaults; // where nothing is stated
  const std::int64_t session = number("session.timeout.ms", defaults.session_timeout.count());
  const std::int64_t heartbeat = number("heartbeat.interval.ms", defaults.heartbeat.count());
  const std::int64_t poll = number("max.poll.interval.ms", defaults.poll_interval.count());
  if (!right) return;
  if (heartbeat * 3 > session) {
    problems.add(at, "'heartbeat.interval.ms' (" + std::to_string(heartbeat) +
                         ") must be at most a third of 'session.timeout.ms' (" + std::to_string(session) +
                         "), or one lost heartbeat ends the membership");
  }
  if (poll < session) {
    problems.add(at, "'max.poll.interval.ms' (" + std::to_string(poll) +
                         ") must not be below 'session.timeout.ms' (" + std::to_string(session) + ")");
  }
}

} // namespace hostler::config
