#include "support/kafka_client.h"
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

#include "support/wait.h"

namespace hostler::testing {
namespace {

constexpr int timeout_ms = 30'000;

template <auto Destroy>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Destroy(object);
  }
};
template <class T, auto Destroy>
using Handle = std::unique_ptr<T, Deleter<Destroy>>;

using Kafka = Handle<rd_kafka_t, rd_kafka_destroy>;
using Queue = Handle<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using Event = Handle<rd_kafka_event_t, rd_kafka_event_destroy>;
using Message = Handle<rd_kafka_message_t, rd_kafka_message_destroy>;
using Error = Handle<rd_kafka_error_t, rd_kafka_error_destroy>;
using Headers = Handle<rd_kafka_headers_t, rd_kafka_headers_destroy>;
using Options = Handle<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using Partitions = Handle<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using Metadata = Handle<const struct rd_kafka_metadata, rd_kafka_metadata_destroy>;

[[noreturn]] void fail(const std::string& what, const std::string& why) {
  throw std::runtime_error("Kafka test client: " + what + ": " + why);
}

void check(rd_kafka_resp_err_t error, const std::string& what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail(what, rd_kafka_err2str(error));
}

using Properties = std::map<std::string, std::string>;

Kafka open(rd_kafka_type_t type, const Properties& properties, void* opaque,
           void (*setup)(rd_kafka_conf_t*)) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) {
      rd_kafka_conf_destroy(conf);
      fail("property " + name, error);
    }
  }
  rd_kafka_conf_set_opaque(conf, opaque);
  if (setup != nullptr) setup(conf);
  Kafka kafka(rd_kafka_new(type, conf, error, sizeof error));
  if (!kafka) {
    rd_kafka_conf_destroy(conf);
    fail("new client", error);
  }
  return kafka;
}

OptionalBytes bytes(const void* data, std::size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(data), size);
}

KafkaRecord copy(const rd_kafka_message_t& message) {
  KafkaRecord record;
  record.key = bytes(message.key, message.key_len);
  record.value = bytes(message.payload, message.len);
  record.partition = message.partition;
  record.offset = message.offset;
  record.timestamp_ms = rd_kafka_message_timestamp(&message, nullptr);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* data = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &data, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
      record.headers.push_back({name, bytes(data, size)});
  }
  return record;
}

rd_kafka_vu_t argument(rd_kafka_vtype_t type) {
  rd_kafka_vu_t result{};
  result.vtype = type;
  return result;
}

rd_kafka_vu_t memory(rd_kafka_vtype_t type, const OptionalBytes& value) {
  rd_kafka_vu_t result = argument(type);
  result.u.mem.ptr =
      value ? const_cast<char*>(value->data()) : nullptr; // with RD_KAFKA_MSG_F_COPY it is only read
  result.u.mem.size = value ? value->size() : 0;
  return result;
}

} // namespace

OptionalBytes KafkaRecord::header(std::string_view name) const {
  for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
    if (header->name == name) return header->value;
  }
  return std::nullopt;
}

struct KafkaClient::Impl {
  std::string bootstrap;
  std::string first_failure;   // of a delivery since the last flush
  std::size_t undelivered = 0; // produced, no delivery report yet
  Kafka producer;              // also carries the admin calls
  Queue admin;
  // Ask for a group's offsets, and never join: in a client without a group librdkafka falls over the answer NOT_COORDINATOR.
  struct GroupClient {
    Kafka kafka;
    Queue replies;
  };
  std::map<std::string, GroupClient> groups; // by group.id

  // Two batches in flight to a topic that was just made can lose the first: a broker that is not leader yet refuses it, takes
  // the second a moment later (it knows no sequence of this producer), and the client concludes that the first must have
  // arrived. Such a report has no error, but no offset either.
  static void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& impl = *static_cast<Impl*>(opaque);
    --impl.undelivered;
    if (!impl.first_failure.empty()) return;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      impl.first_failure = rd_kafka_err2str(message->err);
    else if (message->offset < 0)
      impl.first_failure = "reported as delivered, but without an offset";
  }

  // Runs one admin request and returns its result event. `send` gets the options and the queue.
  template <class Send>
  Event request(rd_kafka_admin_op_t operation, const std::string& what, Send send) {
    return request(producer.get(), admin.get(), operation, what, send);
  }
  template <class Send>
  static Event request(rd_kafka_t* kafka, rd_kafka_queue_t* replies, rd_kafka_admin_op_t operation,
                       const std::string& what, Send send) {
    const Options options(rd_kafka_AdminOptions_new(kafka, operation));
    char text[256];
    check(rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, text, sizeof text), what);
    Event event(nullptr);
    // A coordinator that has just been chosen says so until it has read its log.
    const bool settled = eventually(30s, [&] {
      send(options.get(), replies);
      event.reset(rd_kafka_queue_poll(replies, timeout_ms + 5'000));
      const auto error = event ? rd_kafka_event_error(event.get()) : RD_KAFKA_RESP_ERR_NO_ERROR;
      return error != RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS && error != RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE &&
             error != RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
    });
    if (!event || !settled) fail(what, "no answer");
    if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
      fail(what, rd_kafka_event_error_string(event.get()));
    return event;
  }

  const GroupClient& group_client(const std::string& group) {
    auto& client = groups[group];
    if (!client.kafka) {
      client.kafka = open(RD_KAFKA_CONSUMER, {{"bootstrap.servers", bootstrap}, {"group.id", group}, {"log_level", "3"}},
                          nullptr, nullptr);
      client.replies.reset(rd_kafka_queue_new(client.kafka.get()));
    }
    return client;
  }

  Metadata metadata(rd_kafka_topic_t* only) const {
    const struct rd_kafka_metadata* raw = nullptr;
    check(rd_kafka_metadata(producer.get(), only == nullptr ? 1 : 0, only, &raw, timeout_ms), "metadata");
    return Metadata(raw);
  }

  // The partitions of a topic that have a leader, as the broker says now; none when there is no such topic.
  std::vector<std::int32_t> led_partitions(const std::string& topic) const {
    std::vector<std::int32_t> result;
    const auto all = metadata(nullptr);
    for (int t = 0; t < all->topic_cnt; ++t) {
      const auto& found = all->topics[t];
      if (topic != found.topic || found.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      for (int p = 0; p < found.partition_cnt; ++p) {
        if (found.partitions[p].leader >= 0) result.push_back(found.partitions[p].id);
      }
    }
    std::sort(result.begin(), result.end());
    return result;
  }

  void wait_for_leaders(const std::string& topic, int partitions) const {
    const auto ready = [&] { return led_partitions(topic).size() == static_cast<std::size_t>(partitions); };
    if (!eventually(30s, ready)) fail("create " + topic, "its partitions got no leaders");
  }

  static void check_topics(const rd_kafka_topic_result_t* const* results, std::size_t count,
                           const std::string& what) {
    for (std::size_t i = 0; i < count; ++i) {
      if (rd_kafka_topic_result_error(results[i]) == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      const char* words = rd_kafka_topic_result_error_string(results[i]);
      fail(what, words != nullptr ? words : rd_kafka_err2name(rd_kafka_topic_result_error(results[i])));
    }
  }
};

KafkaClient::KafkaClient(const std::string& bootstrap) : impl_(std::make_unique<Impl>()) {
  impl_->bootstrap = bootstrap;
  impl_->producer =
      open(RD_KAFKA_PRODUCER,
           {{"bootstrap.servers", bootstrap},
            {"enable.idempotence", "true"},
            {"linger.ms", "2"},
            {"max.in.flight", "1"}, // see delivered()
            {"message.max.bytes", "10000000"},
            {"message.timeout.ms", std::to_string(timeout_ms)},
            {"log_level", "3"}},
           impl_.get(), [](rd_kafka_conf_t* conf) { rd_kafka_conf_set_dr_msg_cb(conf, &Impl::delivered); });
  impl_->admin.reset(rd_kafka_queue_new(impl_->producer.get()));
}

KafkaClient::~KafkaClient() = default;

void KafkaClient::create_topic(const std::string& topic, int partitions,
                               const std::map<std::string, std::string>& config) {
  char text[256];
  Handle<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy> wanted(
      rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, text, sizeof text));
  if (!wanted) fail("create " + topic, text);
  for (const auto& [name, value] : config)
    check(rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str()), "create " + topic);
  const Event event =
      impl_->request(RD_KAFKA_ADMIN_OP_CREATETOPICS, "create " + topic, [&](auto* options, auto* queue) {
        auto* list = wanted.get();
        rd_kafka_CreateTopics(impl_->producer.get(), &list, 1, options, queue);
      });
  std::size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  Impl::check_topics(results, count, "create " + topic);
  impl_->wait_for_leaders(topic, partitions);
}

void KafkaClient::delete_topic(const std::string& topic) {
  Handle<rd_kafka_DeleteTopic_t, rd_kafka_DeleteTopic_destroy> wanted(
      rd_kafka_DeleteTopic_new(topic.c_str()));
  const Event event =
      impl_->request(RD_KAFKA_ADMIN_OP_DELETETOPICS, "delete " + topic, [&](auto* options, auto* queue) {
        auto* list = wanted.get();
        rd_kafka_DeleteTopics(impl_->producer.get(), &list, 1, options, queue);
      });
  std::size_t count = 0;
  const auto* results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  Impl::check_topics(results, count, "delete " + topic);
  if (!eventually(30s, [&] { return !has_topic(topic); })) fail("delete " + topic, "it is still there");
}

void KafkaClient::add_partitions(const std::string& topic, int new_total) {
  char text[256];
  Handle<rd_kafka_NewPartitions_t, rd_kafka_NewPartitions_destroy> wanted(
      rd_kafka_NewPartitions_new(topic.c_str(), static_cast<std::size_t>(new_total), text, sizeof text));
  if (!wanted) fail("add partitions to " + topic, text);
  const Event event = impl_->request(
      RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, "add partitions to " + topic, [&](auto* options, auto* queue) {
        auto* list = wanted.get();
        rd_kafka_CreatePartitions(impl_->producer.get(), &list, 1, options, queue);
      });
  std::size_t count = 0;
  const auto* results =
      rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event.get()), &count);
  Impl::check_topics(results, count, "add partitions to " + topic);
  impl_->wait_for_leaders(topic, new_total);
}

std::vector<std::string> KafkaClient::topics(std::string_view prefix) {
  std::vector<std::string> result;
  const auto all = impl_->metadata(nullptr);
  for (int t = 0; t < all->topic_cnt; ++t) {
    if (std::string_view(all->topics[t].topic).starts_with(prefix)) result.emplace_back(all->topics[t].topic);
  }
  std::sort(result.begin(), result.end());
  return result;
}

bool KafkaClient::has_topic(const std::string& topic) {
  const auto all = topics(topic);
  return std::find(all.begin(), all.end(), topic) != all.end();
}

int KafkaClient::partitions(const std::string& topic) {
  return static_cast<int>(impl_->led_partitions(topic).size());
}

std::map<std::string, std::string> KafkaClient::topic_config(const std::string& topic) {
  Handle<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy> wanted(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  const Event event = impl_->request(
      RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, "configuration of " + topic, [&](auto* options, auto* queue) {
        auto* list = wanted.get();
        rd_kafka_DescribeConfigs(impl_->producer.get(), &list, 1, options, queue);
      });
  std::map<std::string, std::string> result;
  std::size_t count = 0;
  const auto* resources =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  for (std::size_t r = 0; r < count; ++r) {
    if (rd_kafka_ConfigResource_error(resources[r]) != RD_KAFKA_RESP_ERR_NO_ERROR)
      fail("configuration of " + topic, rd_kafka_ConfigResource_error_string(resources[r]));
    std::size_t entries = 0;
    const auto* configs = rd_kafka_ConfigResource_configs(resources[r], &entries);
    for (std::size_t c = 0; c < entries; ++c) {
      const char* value = rd_kafka_ConfigEntry_value(configs[c]);
      result[rd_kafka_ConfigEntry_name(configs[c])] = value != nullptr ? value : "";
    }
  }
  return result;
}

void KafkaClient::produce(const std::string& topic, const KafkaRecord& record) {
  Headers headers(rd_kafka_headers_new(record.headers.size()));
  for (const auto& [name, value] : record.headers)
    check(
        rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()),
                            value ? value->data() : nullptr, value ? static_cast<ssize_t>(value->size()) : 0),
        "header " + name);
  std::vector<rd_kafka_vu_t> arguments{argument(RD_KAFKA_VTYPE_TOPIC),
                                       argument(RD_KAFKA_VTYPE_PARTITION),
                                       argument(RD_KAFKA_VTYPE_TIMESTAMP),
                                       argument(RD_KAFKA_VTYPE_MSGFLAGS),
                                       argument(RD_KAFKA_VTYPE_HEADERS),
                                       memory(RD_KAFKA_VTYPE_KEY, record.key),
                                       memory(RD_KAFKA_VTYPE_VALUE, record.value)};
  arguments[0].u.cstr = topic.c_str();
  arguments[1].u.i32 = record.partition;
  arguments[2].u.i64 = record.timestamp_ms;
  arguments[3].u.i = RD_KAFKA_MSG_F_COPY;
  arguments[4].u.headers = headers.get();
  for (;;) {
    const Error error(rd_kafka_produceva(impl_->producer.get(), arguments.data(), arguments.size()));
    if (!error) break;
    if (rd_kafka_error_code(error.get()) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
      fail("produce to " + topic, rd_kafka_error_string(error.get()));
    rd_kafka_poll(impl_->producer.get(), 50);
  }
  (void)headers.release(); // now it belongs to the client
  ++impl_->undelivered;
  rd_kafka_poll(impl_->producer.get(), 0);
}

void KafkaClient::flush() {
  check(rd_kafka_flush(impl_->producer.get(), timeout_ms + 5'000), "flush");
  const std::string failure = std::exchange(impl_->first_failure, "");
  if (!failure.empty()) fail("delivery", failure);
  if (impl_->undelivered != 0)
    fail("flush", std::to_string(impl_->undelivered) + " records without a delivery report");
}

void KafkaClient::produce_all(const std::string& topic, const std::vector<KafkaRecord>& records) {
  for (const auto& record : records) produce(topic, record);
  flush();
}

std::vector<KafkaRecord> KafkaClient::read(const std::string& topic, Isolation isolation) {
  const auto ids = impl_->led_partitions(topic);
  if (ids.empty()) fail("read " + topic, "no such topic");
  const Kafka consumer = open(
      RD_KAFKA_CONSUMER,
      {{"bootstrap.servers", impl_->bootstrap},
       {"group.id", "hostler-test-reader"}, // never joined, nothing is committed
       {"enable.auto.commit", "false"},
       {"enable.partition.eof", "true"},
       {"auto.offset.reset", "earliest"},
       {"fetch.wait.max.ms", "10"},
       {"isolation.level", isolation == Isolation::read_committed ? "read_committed" : "read_uncommitted"},
       {"log_level", "3"}},
      nullptr, nullptr);
  rd_kafka_poll_set_consumer(consumer.get());
  const Partitions assignment(rd_kafka_topic_partition_list_new(static_cast<int>(ids.size())));
  for (const auto id : ids)
    rd_kafka_topic_partition_list_add(assignment.get(), topic.c_str(), id)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  check(rd_kafka_assign(consumer.get(), assignment.get()), "assign " + topic);

  std::vector<KafkaRecord> records;
  std::set<std::int32_t> ended; // partitions read to their end
  while (ended.size() < ids.size()) {
    const Message message(rd_kafka_consumer_poll(consumer.get(), timeout_ms));
    if (!message) fail("read " + topic, "nothing came for 30 s");
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
      records.push_back(copy(*message));
    else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
      ended.insert(message->partition);
    else if (message->err != RD_KAFKA_RESP_ERR__TRANSPORT)
      fail("read " + topic, rd_kafka_message_errstr(message.get()));
  }
  std::stable_sort(records.begin(), records.end(), [](const auto& left, const auto& right) {
    return std::pair(left.partition, left.offset) < std::pair(right.partition, right.offset);
  });
  return records;
}

std::map<std::int32_t, Watermarks> KafkaClient::watermarks(const std::string& topic) {
  std::map<std::int32_t, Watermarks> result;
  for (const auto id : impl_->led_partitions(topic)) {
    auto& marks = result[id];
    const auto ask = [&] { return rd_kafka_query_watermark_offsets(impl_->producer.get(), topic.c_str(), id, &marks.low, &marks.high, timeout_ms); };
    // A broker may not know yet that it leads a topic which was just made.
    rd_kafka_resp_err_t err = ask();
    for (int tries = 0; tries < 100 && (err == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE); ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      err = ask();
    }
    check(err, "watermarks of " + topic);
  }
  return result;
}

std::int64_t KafkaClient::count(const std::string& topic) {
  std::int64_t result = 0;
  for (const auto& [partition, marks] : watermarks(topic)) result += marks.high - marks.low;
  return result;
}

std::map<std::int32_t, std::int64_t> KafkaClient::committed(const std::string& group,
                                                            const std::string& topic) {
  const Partitions wanted(rd_kafka_topic_partition_list_new(1));
  for (const auto id : impl_->led_partitions(topic))
    rd_kafka_topic_partition_list_add(wanted.get(), topic.c_str(), id);
  Handle<rd_kafka_ListConsumerGroupOffsets_t, rd_kafka_ListConsumerGroupOffsets_destroy> list(
      rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), wanted.get()));
  const auto& asker = impl_->group_client(group);
  const Event event = Impl::request(
      asker.kafka.get(), asker.replies.get(), RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, "offsets of " + group,
      [&](auto* options, auto* queue) {
        auto* raw = list.get();
        rd_kafka_ListConsumerGroupOffsets(asker.kafka.get(), &raw, 1, options, queue);
      });
  std::map<std::int32_t, std::int64_t> result;
  std::size_t count = 0;
  const auto* groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count);
  for (std::size_t g = 0; g < count; ++g) {
    if (const auto* error = rd_kafka_group_result_error(groups[g]); error != nullptr)
      fail("offsets of " + group, rd_kafka_error_string(error));
    const auto* partitions = rd_kafka_group_result_partitions(groups[g]);
    for (int p = 0; p < partitions->cnt; ++p) {
      if (partitions->elems[p].offset >= 0)
        result[partitions->elems[p].partition] = partitions->elems[p].offset;
    }
  }
  return result;
}

std::int64_t KafkaClient::lag(const std::string& group, const std::string& topic) {
  const auto offsets = committed(group, topic);
  std::int64_t result = 0;
  for (const auto& [partition, marks] : watermarks(topic)) {
    const auto offset = offsets.find(partition);
    result += marks.high - (offset != offsets.end() ? offset->second : marks.low);
  }
  return result;
}

void KafkaClient::set_committed(const std::string& group, const std::string& topic, std::int32_t partition,
                                std::int64_t offset) {
  const Partitions wanted(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(wanted.get(), topic.c_str(), partition)->offset = offset;
  Handle<rd_kafka_AlterConsumerGroupOffsets_t, rd_kafka_AlterConsumerGroupOffsets_destroy> list(
      rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), wanted.get()));
  const Event event =
      impl_->request(RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, "set offsets of " + group,
                     [&](auto* options, auto* queue) {
                       auto* raw = list.get();
                       rd_kafka_AlterConsumerGroupOffsets(impl_->producer.get(), &raw, 1, options, queue);
                     });
  std::size_t count = 0;
  const auto* groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
      rd_kafka_event_AlterConsumerGroupOffsets_result(event.get()), &count);
  for (std::size_t g = 0; g < count; ++g) {
    const auto* error = rd_kafka_group_result_error(groups[g]);
    const auto* partitions = rd_kafka_group_result_partitions(groups[g]);
    const auto code = error != nullptr ? rd_kafka_error_code(error) : partitions->cnt > 0 ? partitions->elems[0].err : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS || code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the broker has just made its offsets topic
      return set_committed(group, topic, partition, offset);
    }
    check(code, "set offsets of " + group);
  }
}

void KafkaClient::forget_group(const std::string& group) {
  Handle<rd_kafka_DeleteGroup_t, rd_kafka_DeleteGroup_destroy> wanted(rd_kafka_DeleteGroup_new(group.c_str()));
  const Event event = impl_->request(RD_KAFKA_ADMIN_OP_DELETEGROUPS, "forget " + group, [&](auto* options, auto* queue) {
    auto* raw = wanted.get();
    rd_kafka_DeleteGroups(impl_->producer.get(), &raw, 1, options, queue);
  });
  std::size_t count = 0;
  const auto* groups = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event.get()), &count);
  for (std::size_t g = 0; g < count; ++g) {
    if (const auto* error = rd_kafka_group_result_error(groups[g]); error != nullptr) fail("forget " + group, rd_kafka_error_string(error));
  }
}

KafkaClient::Group KafkaClient::group(const std::string& group) {
  const char* name = group.c_str();
  const Event event = impl_->request(
      RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, "group " + group, [&](auto* options, auto* queue) {
        rd_kafka_DescribeConsumerGroups(impl_->producer.get(), &name, 1, options, queue);
      });
  std::size_t count = 0;
  const auto* groups = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  if (count != 1) fail("group " + group, "not described");
  if (const auto* error = rd_kafka_ConsumerGroupDescription_error(groups[0]); error != nullptr)
    fail("group " + group, rd_kafka_error_string(error));
  return {rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(groups[0])),
          rd_kafka_ConsumerGroupDescription_member_count(groups[0])};
}

} // namespace hostler::testing
