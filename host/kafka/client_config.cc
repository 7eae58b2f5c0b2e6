#include "kafka/client_config.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "core/topic_names.h"
#include "kafka/client_limits.h"
#include "kafka/topic_pattern.h"

namespace hostler::kafka {
namespace {

// A prefetched record costs about 300 bytes in the client beside its own; the client counts only values.
constexpr std::uint64_t bytes_per_record = 600;

class Builder {
 public:
  Builder(const std::string& brokers, const std::string& client_id) : conf_(rd_kafka_conf_new()) {
    set("bootstrap.servers", brokers);
    set("client.id", client_id);
    set("socket.nagle.disable", "true");
    set("log.connection.close", "true");  // Client listens for those of a broker that hangs up at once, and drops the rest
    set("reconnect.backoff.max.ms", "3000");
  }

  void set(const char* name, const std::string& value) {
    std::array<char, 512> text{};
    if (rd_kafka_conf_set(conf_.get(), name, value.c_str(), text.data(), text.size()) == RD_KAFKA_CONF_OK) return;
    if (error_.empty()) {
      // Without our copy of the value, which may be a password; the client quotes values of numbers and words only.
      error_ = std::string("librdkafka ") + rd_kafka_version_str() + " refuses the property " + name + ": " + text.data() + "; see [kafka.properties] and [handler.kafka]";
    }
  }

  // For what only some versions know.
  void set_if_known(const char* name, const std::string& value) {
    std::array<char, 512> text{};
    rd_kafka_conf_set(conf_.get(), name, value.c_str(), text.data(), text.size());
  }

  // The user's properties, but for those in `ours`.
  void apply(const core::Properties& properties, const std::set<std::string_view>& ours) {
    for (const auto& [name, value] : properties) {
      if (!ours.contains(name)) set(name.c_str(), value);
    }
  }

  core::Result<ConfHandle> take() {
    if (!error_.empty()) return core::Error{error_};
    return std::move(conf_);
  }

 private:
  ConfHandle conf_;
  std::string error_;
};

bool property_is(const core::Properties& properties, const char* name, std::string_view value) {
  const auto found = properties.find(name);
  return found != properties.end() && found->second == value;
}

std::string number(std::uint64_t n) { return std::to_string(n); }

void set_producer_defaults(Builder& b, core::Millis missing_topic) {
  b.set("linger.ms", "0");
  b.set("compression.codec", "lz4");
  b.set("partitioner", "murmur2_random");  // as Java's producer: a key goes to the partition it came from
  b.set("allow.auto.create.topics", "false");
  b.set("topic.metadata.propagation.max.ms", number(static_cast<std::uint64_t>(missing_topic.count())));
  b.set("queue.buffering.max.messages", "500000");
  b.set("message.max.bytes", "1000000000");  // the topic's own limit decides
}

// Not the user's to change.
const std::set<std::string_view> producer_musts = {"acks", "request.required.acks", "enable.idempotence", "delivery.report.only.error",
                                                   "max.in.flight", "max.in.flight.requests.per.connection", "message.timeout.ms", "delivery.timeout.ms",
                                                   "transactional.id", "bootstrap.servers", "metadata.broker.list"};

void set_producer_musts(Builder& b) {
  b.set("enable.idempotence", "true");
  b.set("acks", "all");
  // With more, librdkafka 2.0.2 takes a batch that was refused (NOT_LEADER on a new topic) for delivered when the next one is accepted.
  b.set("max.in.flight.requests.per.connection", "1");
}

}  // namespace

Prefetch prefetch_for(const ConsumerOptions& options) {
  constexpr std::uint64_t mb = 1ULL << 20;
  const std::uint64_t share =
      std::max(options.memory_bytes / std::max<std::uint64_t>(options.expected_partitions, 1), 2 * mb);
  Prefetch p;
  p.max_kbytes = std::min<std::uint64_t>(share / 1024, 2'097'151);
  p.min_messages = std::clamp<std::uint64_t>(share / bytes_per_record, 1'000, 1'000'000);
  p.fetch_bytes = std::clamp<std::uint64_t>(share / 4, mb, 8 * mb);
  if (options.role == ConsumerOptions::Role::retry) {
    // Delay topics are slow by design, yet a queue of a thousand starves the release (the client sleeps when it is full).
    p.min_messages = std::min<std::uint64_t>(p.min_messages, 10'000);
    p.fetch_bytes = mb;
  }
  return p;
}

core::Result<ConfHandle> consumer_config(const ConsumerOptions& options) {
  const bool retry = options.role == ConsumerOptions::Role::retry;
  const Prefetch prefetch = prefetch_for(options);
  Builder b(options.brokers, options.client_id);
  b.set("check.crcs", "false");
  b.set("fetch.wait.max.ms", "100");
  b.set("fetch.message.max.bytes", number(prefetch.fetch_bytes));
  b.set("queued.min.messages", number(prefetch.min_messages));
  b.set("queued.max.messages.kbytes", number(prefetch.max_kbytes));
  b.set_if_known("fetch.queue.backoff.ms", "2");
  b.set("allow.auto.create.topics", "false");
  b.set("isolation.level", "read_committed");
  b.set("auto.offset.reset", retry ? "earliest" : "error");
  const bool patterns = std::any_of(options.topics.begin(), options.topics.end(), [](const auto& t) { return is_pattern(t); });
  // Topics that appear later: matched by a pattern, or created by the first failure.
  if (patterns || retry) b.set("topic.metadata.refresh.interval.ms", "10000");

  std::set<std::string_view> ours = {"group.id", "enable.auto.commit", "enable.auto.offset.store", "enable.partition.eof",
                                     "auto.offset.reset", "bootstrap.servers", "metadata.broker.list"};
  if (const auto allowed = check_group_features(options.properties); !allowed) return allowed.error();
  // Under the new group protocol the brokers decide on these, and the client refuses to be told.
  if (property_is(options.properties, "group.protocol", "consumer")) ours.insert({"session.timeout.ms", "heartbeat.interval.ms"});
  b.apply(options.properties, ours);

  if (options.transactions) b.set("isolation.level", "read_committed");  // offsets are stable ones, too
  b.set("group.id", options.group);
  b.set("enable.auto.commit", "false");
  b.set("enable.auto.offset.store", "false");
  b.set("enable.partition.eof", "false");  // with it, batches skip records on many versions
  if (patterns && !options.excluded.empty()) {
    std::string excluded;
    for (const std::string& pattern : options.excluded) excluded += (excluded.empty() ? "" : ",") + to_regex(pattern);
    b.set("topic.blacklist", excluded);
  }
  return b.take();
}

core::Result<ConfHandle> publisher_config(const PublisherOptions& options) {
  Builder b(options.brokers, options.client_id);
  set_producer_defaults(b, options.missing_topic_timeout);
  b.set("message.timeout.ms", number(static_cast<std::uint64_t>(options.delivery_timeout.count())));
  b.apply(options.properties, producer_musts);
  set_producer_musts(b);
  return b.take();
}

core::Result<ConfHandle> transactional_config(const ConsumerOptions& options, const core::TopicPartition& where, std::size_t turn) {
  Builder b(options.brokers, options.client_id);
  set_producer_defaults(b, PublisherOptions{}.missing_topic_timeout);
  b.set("transaction.timeout.ms", number(static_cast<std::uint64_t>(options.transactions->timeout.count())));  // also bounds deliveries
  b.set("retry.backoff.ms", "5");  // a transaction that begins right after another of its id is told to come back: 100 ms would be lost
  b.apply(options.properties, producer_musts);
  set_producer_musts(b);
  b.set("transactional.id", core::transactional_id(options.group, where, turn));
  return b.take();
}

core::Result<ConfHandle> admin_config(const std::string& brokers, const std::string& client_id,
                                      const core::Properties& properties) {
  Builder b(brokers, client_id);
  b.set("allow.auto.create.topics", "false");
  b.apply(properties, {"bootstrap.servers", "metadata.broker.list", "allow.auto.create.topics"});
  return b.take();
}

core::Result<ConfHandle> reader_config(const std::string& brokers, const std::string& client_id, const core::Properties& properties) {
  Builder b(brokers, client_id);
  b.set("allow.auto.create.topics", "false");
  // What belongs to a group, and what this reader needs otherwise.
  b.apply(properties, {"bootstrap.servers", "metadata.broker.list", "allow.auto.create.topics", "group.id", "group.instance.id", "group.protocol", "group.remote.assignor",
                       "session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy", "enable.auto.commit", "enable.auto.offset.store", "enable.partition.eof",
                       "auto.offset.reset", "isolation.level", "fetch.wait.max.ms", "fetch.message.max.bytes", "max.partition.fetch.bytes", "queued.min.messages"});
  b.set("enable.auto.commit", "false");
  b.set("enable.auto.offset.store", "false");
  b.set("enable.partition.eof", "true");  // says that nothing lies there
  b.set("auto.offset.reset", "error");    // likewise
  b.set("isolation.level", "read_uncommitted");
  b.set("fetch.wait.max.ms", "50");
  b.set("fetch.message.max.bytes", "65536");
  b.set("queued.min.messages", "1");
  return b.take();
}

}  // namespace hostler::kafka
