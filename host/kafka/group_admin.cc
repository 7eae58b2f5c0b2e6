#include "kafka/group_admin.h"

#include <array>
#include <chrono>
#include <functional>
#include <thread>
#include <utility>

#include "kafka/client.h"
#include "kafka/client_config.h"
#include "kafka/group_offsets.h"

namespace hostler::kafka {
namespace {

using std::chrono::steady_clock;

// A client of its own that never joins. In one without a group librdkafka (every version up to 2.14.2) takes the whole program down
// when the answer is NOT_COORDINATOR, as the first answer of a new cluster is.
core::Result<std::shared_ptr<Client>> group_client(const AdminOptions& options, const std::string& group) {
  auto conf = admin_config(options.brokers, options.client_id, options.properties);
  if (!conf) return conf.error();
  std::array<char, 256> text{};
  if (rd_kafka_conf_set(conf->get(), "group.id", group.c_str(), text.data(), text.size()) != RD_KAFKA_CONF_OK)
    return core::Error{"group " + group + ": " + text.data()};
  return Client::create(RD_KAFKA_CONSUMER, std::move(*conf), options.log, "admin of group " + group);
}

bool coordinator_moves(rd_kafka_resp_err_t err) {
  return err == RD_KAFKA_RESP_ERR_NOT_COORDINATOR || err == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS || err == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE;
}

using Send = std::function<void(rd_kafka_t*, const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>;
using Judge = std::function<rd_kafka_resp_err_t(rd_kafka_event_t*)>;  // of the group in the answer

struct Question {
  rd_kafka_admin_op_t operation;
  const char* words;  // "a question for a group's offsets"
  Send send;
  Judge judge;
};

// Asks again while the group's coordinator is being chosen, or reads its log.
core::Result<EventHandle> ask(const AdminOptions& options, const Client& client, const Question& question) {
  const int timeout = static_cast<int>(options.timeout.count());
  const AdminOptionsHandle request(rd_kafka_AdminOptions_new(client.get(), question.operation));
  std::array<char, 256> text{};
  if (rd_kafka_AdminOptions_set_request_timeout(request.get(), timeout, text.data(), text.size()) != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{text.data()};
  const QueueHandle replies(rd_kafka_queue_new(client.get()));
  const auto until = steady_clock::now() + options.timeout;
  while (true) {
    question.send(client.get(), request.get(), replies.get());
    EventHandle reply(rd_kafka_queue_poll(replies.get(), timeout + 1'000));
    const std::string failed = "the brokers at " + options.brokers + " did not answer " + question.words;
    if (!reply) return core::Error{failed};
    const auto err = rd_kafka_event_error(reply.get());
    if (const auto last = err != RD_KAFKA_RESP_ERR_NO_ERROR ? err : question.judge(reply.get()); !coordinator_moves(last) || steady_clock::now() >= until) {
      if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{failed + ": " + error_text(err) + ": " + rd_kafka_event_error_string(reply.get())};
      return reply;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

const rd_kafka_group_result_t* only_group(const rd_kafka_group_result_t** groups, std::size_t count) { return count == 1 ? groups[0] : nullptr; }

const rd_kafka_group_result_t* listed(rd_kafka_event_t* reply) {
  std::size_t count = 0;
  const auto** groups = rd_kafka_ListConsumerGroupOffsets_result_groups(rd_kafka_event_ListConsumerGroupOffsets_result(reply), &count);
  return only_group(groups, count);
}

const rd_kafka_group_result_t* altered(rd_kafka_event_t* reply) {
  std::size_t count = 0;
  const auto** groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(rd_kafka_event_AlterConsumerGroupOffsets_result(reply), &count);
  return only_group(groups, count);
}

rd_kafka_resp_err_t error_of(const rd_kafka_group_result_t* group) {
  const auto* error = group == nullptr ? nullptr : rd_kafka_group_result_error(group);
  return error == nullptr ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
}

// Some brokers answer that they do not coordinate the group (any more) for each partition.
rd_kafka_resp_err_t coordinator_error_of(const rd_kafka_group_result_t* group) {
  const auto* partitions = group == nullptr ? nullptr : rd_kafka_group_result_partitions(group);
  const auto err = error_of(group);
  return err == RD_KAFKA_RESP_ERR_NO_ERROR && partitions != nullptr && partitions->cnt > 0 ? partitions->elems[0].err : err;
}

// What the brokers answer about a group that has members.
bool in_use(rd_kafka_resp_err_t err) { return err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID || err == RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP; }

}  // namespace

core::Result<std::map<core::TopicPartition, core::Offset>> committed_offsets(const AdminOptions& options, const std::string& group) {
  const auto client = group_client(options, group);
  if (!client) return client.error();
  const GroupOffsetsHandle wanted(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), nullptr));
  rd_kafka_ListConsumerGroupOffsets_t* groups[] = {wanted.get()};
  const auto reply = ask(options, **client,
                         {RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, "a question for a group's offsets",
                          [&](rd_kafka_t* rk, const rd_kafka_AdminOptions_t* request, rd_kafka_queue_t* replies) { rd_kafka_ListConsumerGroupOffsets(rk, groups, 1, request, replies); },
                          [](rd_kafka_event_t* event) { return coordinator_error_of(listed(event)); }});
  if (!reply) return reply.error();
  const auto* result = listed(reply->get());
  if (result == nullptr) return core::Error{"the brokers tell nothing of group " + group};
  if (const auto err = error_of(result); err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"cannot look at group " + group + ": " + error_text(err)};
  const rd_kafka_topic_partition_list_t* partitions = rd_kafka_group_result_partitions(result);
  std::map<core::TopicPartition, core::Offset> committed;
  for (int i = 0; partitions != nullptr && i < partitions->cnt; ++i) {
    const auto& entry = partitions->elems[i];
    if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"cannot look at group " + group + ", topic " + entry.topic + ": " + error_text(entry.err)};
    if (entry.offset >= 0) committed[{entry.topic, {entry.partition}}] = {entry.offset};
  }
  return committed;
}

core::Result<OffsetsSet> set_offsets(const AdminOptions& options, const std::string& group, const std::map<core::TopicPartition, core::Offset>& offsets) {
  if (offsets.empty()) return OffsetsSet::done;
  const auto client = group_client(options, group);
  if (!client) return client.error();
  const PartitionList list = to_list(offsets);
  const AlterOffsetsHandle wanted(rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get()));
  rd_kafka_AlterConsumerGroupOffsets_t* groups[] = {wanted.get()};
  const auto reply = ask(options, **client,
                         {RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, "a request to set a group's offsets",
                          [&](rd_kafka_t* rk, const rd_kafka_AdminOptions_t* request, rd_kafka_queue_t* replies) { rd_kafka_AlterConsumerGroupOffsets(rk, groups, 1, request, replies); },
                          [](rd_kafka_event_t* event) { return coordinator_error_of(altered(event)); }});
  if (!reply) return reply.error();
  const auto* result = altered(reply->get());
  if (result == nullptr) return core::Error{"the brokers tell nothing of group " + group};
  if (const auto err = error_of(result); err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (in_use(err)) return OffsetsSet::group_in_use;
    return core::Error{"cannot set the offsets of group " + group + ": " + error_text(err)};
  }
  const rd_kafka_topic_partition_list_t* partitions = rd_kafka_group_result_partitions(result);
  for (int i = 0; partitions != nullptr && i < partitions->cnt; ++i) {
    const auto& entry = partitions->elems[i];
    if (entry.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    if (in_use(entry.err)) return OffsetsSet::group_in_use;
    return core::Error{"cannot set the offset of group " + group + " in " + entry.topic + " [" + std::to_string(entry.partition) + "]: " + error_text(entry.err)};
  }
  return OffsetsSet::done;
}

}  // namespace hostler::kafka
