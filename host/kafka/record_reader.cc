#include "kafka/record_reader.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "kafka/client.h"
#include "kafka/client_config.h"

namespace hostler::kafka {
namespace {

using runtime::LookAt;
using runtime::LyingRecord;
using runtime::PartitionLook;
using std::chrono::steady_clock;

constexpr int nudge_every = 50;  // milliseconds

std::string name_of(const core::TopicPartition& where) { return where.topic + " [" + std::to_string(where.partition.value) + "]"; }

std::string optional_text(const void* data, std::size_t size) { return {static_cast<const char*>(data), size}; }

LyingRecord record_of(const rd_kafka_message_t& message) {
  LyingRecord record;
  if (message.key != nullptr) record.key = optional_text(message.key, message.key_len);
  if (message.payload != nullptr) record.value = optional_text(message.payload, message.len);
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  record.timestamp = core::from_epoch_ms(rd_kafka_message_timestamp(&message, &type));
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    record.headers.push_back({name, value == nullptr ? std::nullopt : std::optional(optional_text(value, size))});
  }
  return record;
}

// One look: a client, its deadline, and what it reads.
class Reader {
 public:
  Reader(const AdminOptions& options, core::Millis timeout) : options_(options), until_(steady_clock::now() + timeout) {}
  ~Reader() {
    for (const auto& [where, topic] : reading_) rd_kafka_consume_stop(topic.get(), where.partition.value);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  core::Status<> open();
  // What is wrong with partitions that cannot be asked: the others need not wait for them.
  core::Result<std::map<core::TopicPartition, std::string>> leaderless(const std::vector<core::TopicPartition>& partitions);
  // The offset of each partition for a time in milliseconds, or for a logical time; one request to each broker.
  core::Result<std::vector<core::Offset>> offsets(const std::vector<core::TopicPartition>& partitions, std::int64_t time);
  // Begins to read what is asked for; finish() waits for it.
  core::Status<> start(std::span<const LookAt> places);
  void finish(std::span<const LookAt> places, std::vector<PartitionLook>& looks);

 private:
  using Wanted = std::map<core::TopicPartition, std::pair<core::Offset, PartitionLook*>>;
  [[nodiscard]] int left() const {
    return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<core::Millis>(until_ - steady_clock::now()).count()));
  }
  static void take(const rd_kafka_message_t& message, Wanted& wanted);

  const AdminOptions& options_;
  const steady_clock::time_point until_;
  std::shared_ptr<Client> client_;
  QueueHandle queue_;                                    // ends before the client
  std::map<core::TopicPartition, TopicHandle> reading_;  // likewise
};

core::Status<> Reader::open() {
  auto conf = reader_config(options_.brokers, options_.client_id, options_.properties);
  if (!conf) return conf.error();
  auto client = Client::create(RD_KAFKA_CONSUMER, std::move(*conf), {}, "reader");  // whoever asked says what went wrong
  if (!client) return client.error();
  client_ = std::move(*client);
  queue_.reset(rd_kafka_queue_new(client_->get()));
  return core::Status<>::success();
}

core::Result<std::map<core::TopicPartition, std::string>> Reader::leaderless(const std::vector<core::TopicPartition>& partitions) {
  std::map<core::TopicPartition, std::string> out;
  std::set<std::string> topics;
  for (const auto& where : partitions) topics.insert(where.topic);
  for (const auto& name : topics) {
    const TopicHandle topic(rd_kafka_topic_new(client_->get(), name.c_str(), nullptr));
    const rd_kafka_metadata_t* raw = nullptr;
    const auto err = rd_kafka_metadata(client_->get(), 0, topic.get(), &raw, left());
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"the brokers at " + options_.brokers + " do not tell of topic " + name + ": " + error_text(err)};
    const std::unique_ptr<const rd_kafka_metadata_t, decltype(&rd_kafka_metadata_destroy)> metadata(raw, &rd_kafka_metadata_destroy);
    for (int i = 0; metadata->topic_cnt == 1 && i < metadata->topics[0].partition_cnt; ++i) {
      const auto& p = metadata->topics[0].partitions[i];
      if (p.leader < 0) out[{name, {p.id}}] = "it has no leader at present: " + error_text(p.err);
    }
  }
  return out;
}

core::Result<std::vector<core::Offset>> Reader::offsets(const std::vector<core::TopicPartition>& partitions, std::int64_t time) {
  const PartitionList list = new_partition_list(static_cast<int>(partitions.size()));
  for (const auto& where : partitions) rd_kafka_topic_partition_list_add(list.get(), where.topic.c_str(), where.partition.value)->offset = time;
  const auto err = rd_kafka_offsets_for_times(client_->get(), list.get(), left());
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return core::Error{"cannot ask the brokers at " + options_.brokers + " where " + name_of(partitions.front()) +
                       (partitions.size() > 1 ? " and other partitions begin and end: " : " begins and ends: ") + error_text(err)};
  }
  std::vector<core::Offset> found;
  for (const auto& where : partitions) {  // the client may have sorted the list
    const auto* entry = rd_kafka_topic_partition_list_find(list.get(), where.topic.c_str(), where.partition.value);
    if (entry->err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"cannot ask where " + name_of(where) + " begins and ends: " + error_text(entry->err)};
    found.push_back({entry->offset});
  }
  return found;
}

core::Status<> Reader::start(std::span<const LookAt> places) {
  for (const auto& [where, offset] : places) {
    if (offset.value < 0) continue;
    auto& topic = reading_[where];
    topic.reset(rd_kafka_topic_new(client_->get(), where.topic.c_str(), nullptr));
    if (topic && rd_kafka_consume_start_queue(topic.get(), where.partition.value, offset.value, queue_.get()) == 0) continue;
    reading_.erase(where);
    return core::Error{"cannot read " + name_of(where) + ": " + error_text(rd_kafka_last_error())};
  }
  return core::Status<>::success();
}

void Reader::finish(std::span<const LookAt> places, std::vector<PartitionLook>& looks) {
  Wanted wanted;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto& [where, offset] = places[i];
    if (offset >= looks[i].low && offset < looks[i].high) wanted[where] = {offset, &looks[i]};
  }
  while (!wanted.empty()) {
    if (left() == 0) {
      for (const auto& [where, what] : wanted) what.second->trouble = "the record at offset " + std::to_string(what.first.value) + " could not be read in time";
      return;
    }
    const MessageHandle message(rd_kafka_consume_queue(queue_.get(), std::min(left(), nudge_every)));
    if (!message) {  // the client's thread for a broker may sleep for a second before it begins to fetch; a request wakes it
      std::vector<core::TopicPartition> waiting;
      for (const auto& [where, what] : wanted) waiting.push_back(where);
      static_cast<void>(offsets(waiting, RD_KAFKA_OFFSET_END));
      continue;
    }
    take(*message, wanted);
  }
}

void Reader::take(const rd_kafka_message_t& message, Wanted& wanted) {
  const auto found = wanted.find({message.rkt == nullptr ? "" : rd_kafka_topic_name(message.rkt), {message.partition}});
  if (found == wanted.end()) return;  // what lies behind a record that was found, or a client's trouble that may pass
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      if (message.offset < found->second.first.value) return;  // the batch begins before it
      if (message.offset == found->second.first.value) found->second.second->record = record_of(message);
      break;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: break;  // nothing lies there
    default: found->second.second->trouble = "it cannot be read: " + error_text(message.err);
  }
  wanted.erase(found);
}

}  // namespace

core::Result<std::vector<PartitionLook>> look_into(const AdminOptions& options, std::span<const LookAt> places, core::Millis timeout) {
  std::vector<PartitionLook> looks(places.size());
  if (places.empty()) return looks;
  Reader reader(options, timeout);
  if (auto opened = reader.open(); !opened) return opened.error();
  std::vector<core::TopicPartition> all;
  for (const auto& place : places) all.push_back(place.where);
  const auto leaderless = reader.leaderless(all);
  if (!leaderless) return leaderless.error();
  std::vector<std::size_t> asked;
  std::vector<core::TopicPartition> partitions;
  std::vector<LookAt> there;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (const auto found = leaderless->find(places[i].where); found != leaderless->end()) {
      looks[i].trouble = found->second;
      continue;
    }
    asked.push_back(i);
    partitions.push_back(places[i].where);
    there.push_back(places[i]);
  }
  if (asked.empty()) return looks;
  const auto low = reader.offsets(partitions, RD_KAFKA_OFFSET_BEGINNING);
  if (!low) return low.error();
  if (auto started = reader.start(there); !started) return started.error();
  const auto high = reader.offsets(partitions, RD_KAFKA_OFFSET_END);
  if (!high) return high.error();
  std::vector<PartitionLook> seen(there.size());
  for (std::size_t i = 0; i < there.size(); ++i) seen[i] = {(*low)[i], (*high)[i], std::nullopt};
  reader.finish(there, seen);
  for (std::size_t i = 0; i < there.size(); ++i) looks[asked[i]] = std::move(seen[i]);
  return looks;
}

core::Result<std::vector<core::Offset>> offsets_at(const AdminOptions& options, std::span<const core::TopicPartition> partitions, core::Timestamp time,
                                                   core::Millis timeout) {
  if (partitions.empty()) return std::vector<core::Offset>();
  Reader reader(options, timeout);
  if (auto opened = reader.open(); !opened) return opened.error();
  const std::vector<core::TopicPartition> all(partitions.begin(), partitions.end());
  auto found = reader.offsets(all, std::max<std::int64_t>(0, core::to_epoch_ms(time)));
  if (!found) return found;
  const auto end = reader.offsets(all, RD_KAFKA_OFFSET_END);
  if (!end) return end;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if ((*found)[i].value < 0) (*found)[i] = (*end)[i];
  }
  return found;
}

}  // namespace hostler::kafka
