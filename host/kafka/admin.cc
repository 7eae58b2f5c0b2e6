#include "kafka/admin.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "kafka/client.h"
#include "kafka/client_config.h"
#include "kafka/group_admin.h"
#include "kafka/record_reader.h"

namespace hostler::kafka {

using runtime::TopicInfo;
using runtime::TopicSpec;

class KafkaAdmin::Impl {
 public:
  explicit Impl(AdminOptions options) : options_(std::move(options)) {}

  core::Status<> start() {
    auto conf = admin_config(options_.brokers, options_.client_id, options_.properties);
    if (!conf) return conf.error();
    auto client = Client::create(RD_KAFKA_PRODUCER, std::move(*conf), options_.log, "admin");
    if (!client) return client.error();
    client_ = std::move(*client);
    return core::Status<>::success();
  }
  // Topics as the brokers describe them; with a name that one only. `usable`: every partition has a leader.
  struct Described {
    TopicInfo info;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    bool usable = false;
  };
  core::Result<std::vector<Described>> describe(const std::string* name);
  core::Result<std::map<std::string, std::string>> settings(const std::string& topic);
  enum class Mode : std::uint8_t { create, only_ask };
  core::Status<> create(std::span<const TopicSpec> topics, Mode mode);
  core::Result<std::string> cluster_id();
  core::Result<core::ClusterHealth> look(std::span<const std::string> topics, core::Millis timeout);
  [[nodiscard]] const AdminOptions& options() const { return options_; }
  [[nodiscard]] std::string refused_login() const { return client_ == nullptr ? "" : client_->refused_login(); }

 private:
  [[nodiscard]] int timeout_ms() const { return static_cast<int>(options_.timeout.count()); }
  core::Result<EventHandle> wait_for(const QueueHandle& replies, const char* request) const;
  core::Result<AdminOptionsHandle> request_options(rd_kafka_admin_op_t operation) const;
  core::Status<> know(std::span<const std::string> topics);
  void ask_each(std::vector<core::BrokerHealth>& brokers, core::Millis timeout) const;
  core::Status<> wait_until_usable(std::span<const TopicSpec> topics);
  core::Status<> ready() const {
    if (client_ == nullptr) return core::Error{"the Kafka client was not started"};
    return core::Status<>::success();
  }

  const AdminOptions options_;
  std::shared_ptr<Client> client_;
  std::mutex known_mutex_;
  std::map<std::string, TopicHandle> known_;  // topics that look() asks for; guarded by known_mutex_; they end before the client
};

core::Result<std::vector<KafkaAdmin::Impl::Described>> KafkaAdmin::Impl::describe(const std::string* name) {
  if (auto r = ready(); !r) return r.error();
  TopicHandle only;
  if (name != nullptr) {
    only.reset(rd_kafka_topic_new(client_->get(), name->c_str(), nullptr));
    if (!only) return core::Error{"cannot look at topic " + *name + ": " + error_text(rd_kafka_last_error())};
  }
  const struct rd_kafka_metadata* raw = nullptr;
  const rd_kafka_resp_err_t err = rd_kafka_metadata(client_->get(), name == nullptr ? 1 : 0, only.get(), &raw, timeout_ms());
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_poll(client_->get(), 0);  // or nobody hears why: a refused login is told to the error callback only
    const std::string hint = client_->hang_up_hint();
    return core::Error{"cannot read the topics of the cluster at " + options_.brokers + ": " + error_text(err) + "; " +
                       (hint.empty() ? "does a broker answer there?" : hint)};
  }
  const MetadataHandle metadata(raw);
  client_->heard_from_broker();
  std::vector<Described> found;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    Described d;
    d.info.name = topic.topic;
    d.info.partitions = topic.partition_cnt;
    d.info.replication = topic.partition_cnt > 0 ? topic.partitions[0].replica_cnt : 0;
    d.err = topic.err;
    d.usable = topic.err == RD_KAFKA_RESP_ERR_NO_ERROR && topic.partition_cnt > 0 &&
               std::all_of(topic.partitions, topic.partitions + topic.partition_cnt,
                           [](const auto& p) { return p.err == RD_KAFKA_RESP_ERR_NO_ERROR && p.leader >= 0; });
    found.push_back(std::move(d));
  }
  return found;
}

core::Result<AdminOptionsHandle> KafkaAdmin::Impl::request_options(rd_kafka_admin_op_t operation) const {
  AdminOptionsHandle options(rd_kafka_AdminOptions_new(client_->get(), operation));
  std::array<char, 256> text{};
  const auto err = rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms(), text.data(), text.size());
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{text.data()};
  return options;
}

core::Result<EventHandle> KafkaAdmin::Impl::wait_for(const QueueHandle& replies, const char* request) const {
  EventHandle reply(rd_kafka_queue_poll(replies.get(), timeout_ms() + 1'000));
  const std::string failed = std::string("the brokers at ") + options_.brokers + " did not answer " + request;
  if (!reply) return core::Error{failed};
  if (const auto err = rd_kafka_event_error(reply.get()); err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return core::Error{failed + ": " + error_text(err) + ": " + rd_kafka_event_error_string(reply.get())};
  }
  return reply;
}

core::Result<std::map<std::string, std::string>> KafkaAdmin::Impl::settings(const std::string& topic) {
  if (auto r = ready(); !r) return r.error();
  const ConfigResourceHandle resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  const QueueHandle replies(rd_kafka_queue_new(client_->get()));
  auto options = request_options(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
  if (!options) return options.error();
  rd_kafka_ConfigResource_t* resources[] = {resource.get()};
  rd_kafka_DescribeConfigs(client_->get(), resources, 1, options->get(), replies.get());
  const auto reply = wait_for(replies, "a question for topic settings");
  if (!reply) return reply.error();

  std::size_t count = 0;
  const auto* result = rd_kafka_event_DescribeConfigs_result(reply->get());
  const auto** described = rd_kafka_DescribeConfigs_result_resources(result, &count);
  if (count != 1) return core::Error{"the brokers describe no settings of topic " + topic};
  if (const auto err = rd_kafka_ConfigResource_error(described[0]); err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return core::Error{"cannot read the settings of topic " + topic + ": " + error_text(err)};
  }
  std::map<std::string, std::string> settings;
  const auto** entries = rd_kafka_ConfigResource_configs(described[0], &count);
  for (std::size_t i = 0; i < count; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value != nullptr) settings[rd_kafka_ConfigEntry_name(entries[i])] = value;
  }
  return settings;
}

core::Status<> KafkaAdmin::Impl::create(std::span<const TopicSpec> topics, Mode mode) {
  if (auto r = ready(); !r) return r.error();
  if (topics.empty()) return core::Status<>::success();
  std::vector<NewTopicHandle> owned;
  std::vector<rd_kafka_NewTopic_t*> requested;
  std::array<char, 512> text{};
  for (const TopicSpec& spec : topics) {
    NewTopicHandle topic(rd_kafka_NewTopic_new(spec.name.c_str(), spec.partitions, spec.replication, text.data(), text.size()));
    if (!topic) return core::Error{"cannot create topic " + spec.name + ": " + text.data()};
    for (const auto& [name, value] : spec.settings) rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
    requested.push_back(topic.get());
    owned.push_back(std::move(topic));
  }
  const QueueHandle replies(rd_kafka_queue_new(client_->get()));
  auto options = request_options(RD_KAFKA_ADMIN_OP_CREATETOPICS);
  if (!options) return options.error();
  if (mode == Mode::only_ask) rd_kafka_AdminOptions_set_validate_only(options->get(), 1, text.data(), text.size());
  rd_kafka_CreateTopics(client_->get(), requested.data(), requested.size(), options->get(), replies.get());
  const auto reply = wait_for(replies, "a request to create topics");
  if (!reply) return reply.error();

  std::size_t count = 0;
  const auto** results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(reply->get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto err = rd_kafka_topic_result_error(results[i]);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR || err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    const char* why = rd_kafka_topic_result_error_string(results[i]);
    return core::Error{std::string("cannot create topic ") + rd_kafka_topic_result_name(results[i]) + ": " + error_text(err) +
                       (why == nullptr ? "" : std::string(": ") + why)};
  }
  return mode == Mode::only_ask ? core::Status<>::success() : wait_until_usable(topics);
}

core::Status<> KafkaAdmin::Impl::wait_until_usable(std::span<const TopicSpec> topics) {
  std::set<std::string> waiting;
  for (const TopicSpec& spec : topics) waiting.insert(spec.name);
  const auto until = std::chrono::steady_clock::now() + options_.timeout;
  while (true) {
    const auto all = describe(nullptr);
    if (!all) return all.error();
    for (const Described& d : *all) {
      if (d.usable) waiting.erase(d.info.name);
    }
    if (waiting.empty()) return core::Status<>::success();
    if (std::chrono::steady_clock::now() >= until) {
      return core::Error{"topic " + *waiting.begin() + " was created but has no leader after " + std::to_string(options_.timeout.count()) + " ms"};
    }
    std::this_thread::sleep_for(core::Millis(20));
  }
}

// The client describes all topics, one, or those it knows: so it gets to know these.
core::Status<> KafkaAdmin::Impl::know(std::span<const std::string> topics) {
  const std::lock_guard lock(known_mutex_);
  for (const std::string& name : topics) {
    auto& handle = known_[name];
    if (handle) continue;
    handle.reset(rd_kafka_topic_new(client_->get(), name.c_str(), nullptr));
    if (!handle) return core::Error{"cannot look at topic " + name + ": " + error_text(rd_kafka_last_error())};
  }
  return core::Status<>::success();
}

// A question for its own settings goes to the broker it is about; a refusal is an answer too.
void KafkaAdmin::Impl::ask_each(std::vector<core::BrokerHealth>& brokers, core::Millis timeout) const {
  const QueueHandle replies(rd_kafka_queue_new(client_->get()));
  std::array<char, 256> text{};
  const auto began = std::chrono::steady_clock::now();
  for (auto& broker : brokers) {
    broker.error = "no answer within " + std::to_string(timeout.count()) + " ms";
    const ConfigResourceHandle resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, std::to_string(broker.id).c_str()));
    const AdminOptionsHandle options(rd_kafka_AdminOptions_new(client_->get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS));
    rd_kafka_AdminOptions_set_request_timeout(options.get(), static_cast<int>(timeout.count()), text.data(), text.size());
    rd_kafka_AdminOptions_set_opaque(options.get(), &broker);
    rd_kafka_ConfigResource_t* resources[] = {resource.get()};
    rd_kafka_DescribeConfigs(client_->get(), resources, 1, options.get(), replies.get());
  }
  for (std::size_t i = 0; i < brokers.size(); ++i) {
    const EventHandle reply(rd_kafka_queue_poll(replies.get(), static_cast<int>(timeout.count()) + 1'000));
    if (!reply) return;
    auto& broker = *static_cast<core::BrokerHealth*>(rd_kafka_event_opaque(reply.get()));
    const auto err = rd_kafka_event_error(reply.get());
    const bool silent = err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__TIMED_OUT || err == RD_KAFKA_RESP_ERR__RESOLVE ||
                        err == RD_KAFKA_RESP_ERR__WAIT_COORD || err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    broker.error = silent ? error_text(err) : "";
    broker.latency = std::chrono::duration_cast<core::Millis>(std::chrono::steady_clock::now() - began);
  }
}

core::Result<core::ClusterHealth> KafkaAdmin::Impl::look(std::span<const std::string> topics, core::Millis timeout) {
  if (auto r = ready(); !r) return r.error();
  if (auto known = know(topics); !known) return known.error();
  const auto began = std::chrono::steady_clock::now();
  const struct rd_kafka_metadata* raw = nullptr;
  const auto err = rd_kafka_metadata(client_->get(), 0, nullptr, &raw, static_cast<int>(timeout.count()));
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"no broker answers at " + options_.brokers + ": " + error_text(err)};
  const MetadataHandle metadata(raw);
  core::ClusterHealth out;
  out.asked = true;
  out.latency = std::chrono::duration_cast<core::Millis>(std::chrono::steady_clock::now() - began);
  for (int i = 0; i < metadata->broker_cnt; ++i) {
    const auto& b = metadata->brokers[i];
    out.brokers.push_back({b.id, std::string(b.host) + ":" + std::to_string(b.port), "", core::Millis(0)});
  }
  for (const std::string& name : topics) {
    core::TopicHealth topic;
    topic.name = name;
    const rd_kafka_metadata_topic_t *first = metadata->topics, *end = first + metadata->topic_cnt;
    const auto* found = std::find_if(first, end, [&](const auto& t) { return name == t.topic && t.err == RD_KAFKA_RESP_ERR_NO_ERROR; });
    if (found != end) {
      topic.partitions = found->partition_cnt;
      for (int p = 0; p < found->partition_cnt; ++p) {
        if (found->partitions[p].leader < 0) ++topic.offline;
        else if (found->partitions[p].isr_cnt < found->partitions[p].replica_cnt) ++topic.under_replicated;
      }
    }
    if (topic.partitions == 0) {  // a client that knows a missing topic looks for it every second
      const std::lock_guard lock(known_mutex_);
      known_.erase(name);
    }
    out.topics.push_back(std::move(topic));
  }
  ask_each(out.brokers, timeout);
  out.controller = rd_kafka_controllerid(client_->get(), 0);
  if (char* id = rd_kafka_clusterid(client_->get(), 0); id != nullptr) {
    out.id = id;
    rd_kafka_mem_free(client_->get(), id);
  }
  return out;
}

core::Result<std::string> KafkaAdmin::Impl::cluster_id() {
  if (auto r = ready(); !r) return r.error();
  char* id = rd_kafka_clusterid(client_->get(), timeout_ms());
  if (id == nullptr) return core::Error{"the brokers at " + options_.brokers + " do not tell their cluster's id; does a broker answer there?"};
  std::string text = id;
  rd_kafka_mem_free(client_->get(), id);
  return text;
}

KafkaAdmin::KafkaAdmin(AdminOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
KafkaAdmin::~KafkaAdmin() = default;
core::Status<> KafkaAdmin::start() { return impl_->start(); }

core::Result<std::vector<TopicInfo>> KafkaAdmin::topics() {
  auto described = impl_->describe(nullptr);
  if (!described) return described.error();
  std::vector<TopicInfo> found;
  for (auto& d : *described) {
    if (d.err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) found.push_back(std::move(d.info));
  }
  return found;
}

core::Result<std::optional<TopicInfo>> KafkaAdmin::topic(const std::string& name) {
  auto described = impl_->describe(&name);
  if (!described) return described.error();
  for (auto& d : *described) {
    if (d.info.name != name || d.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) continue;
    if (d.err != RD_KAFKA_RESP_ERR_NO_ERROR && d.err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
      return core::Error{"cannot look at topic " + name + ": " + error_text(d.err)};
    }
    return std::optional<TopicInfo>(std::move(d.info));
  }
  return std::optional<TopicInfo>();
}

core::Result<std::map<std::string, std::string>> KafkaAdmin::settings(const std::string& topic) { return impl_->settings(topic); }
core::Status<> KafkaAdmin::create(std::span<const TopicSpec> topics) { return impl_->create(topics, Impl::Mode::create); }
core::Status<> KafkaAdmin::try_create(std::span<const TopicSpec> topics) { return impl_->create(topics, Impl::Mode::only_ask); }
core::Result<std::size_t> KafkaAdmin::committed_partitions(const std::string& group) {
  const auto offsets = committed_offsets(impl_->options(), group);
  if (!offsets) return offsets.error();
  return offsets->size();
}
core::Result<std::vector<runtime::PartitionLook>> KafkaAdmin::look_into(std::span<const runtime::LookAt> places, core::Millis timeout) {
  return kafka::look_into(impl_->options(), places, timeout);
}
core::Result<std::string> KafkaAdmin::cluster_id() { return impl_->cluster_id(); }
core::Result<core::ClusterHealth> KafkaAdmin::look(std::span<const std::string> topics, core::Millis timeout) { return impl_->look(topics, timeout); }

std::string KafkaAdmin::refused_login() const { return impl_->refused_login(); }

std::string client_version() { return rd_kafka_version_str(); }

}  // namespace hostler::kafka
