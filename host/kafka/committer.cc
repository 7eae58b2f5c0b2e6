#include "kafka/committer.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "runtime/failpoint.h"
namespace hostler::kafka {
namespace {

// The group has moved on without this member: the new owner commits.
bool is_stale(rd_kafka_resp_err_t err) {
  switch (err) {
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
      return true;
    default:
      return err == static_cast<rd_kafka_resp_err_t>(113);  // STALE_MEMBER_EPOCH, which older headers do not name
  }
}

}  // namespace

Committer::Committer(Client& client, const ConsumerOptions& options, std::function<void()> wake)
    : client_(client), interval_(options.commit_interval), timeout_(options.request_timeout), idle_(options.transactions.has_value()), wake_(std::move(wake)), answers_(rd_kafka_queue_new(client.get())) {
  rd_kafka_queue_cb_event_enable(
      answers_.get(), [](rd_kafka_t*, void* self) { static_cast<Committer*>(self)->wake_(); }, this);
}

Committer::~Committer() { rd_kafka_queue_cb_event_enable(answers_.get(), nullptr, nullptr); }

bool Committer::has_news(const PartitionState& p) const {
  if (idle_) return false;
  const std::int64_t settled = p.settled.load();
  return settled >= 0 && settled != p.acked && settled != p.refused;
}

core::SteadyTime Committer::tick(const PartitionStates& partitions, core::SteadyTime now) {
  while (EventHandle answer{rd_kafka_queue_poll(answers_.get(), 0)}) take_answer(answer.get());
  if (!due_ && wanted_.load()) due_ = now + interval_;
  if (due_ && now >= *due_ && in_flight_.empty()) {
    due_.reset();
    wanted_.store(false);  // before looking: what is settled from here on asks again
    send(partitions);
  }
  if (due_ && in_flight_.empty()) return *due_;
  return core::SteadyTime::max();  // an answer or noted() wakes
}

void Committer::send(const PartitionStates& partitions) {
  Offsets offsets;
  for (const auto& [where, p] : partitions) {
    if (!has_news(*p)) continue;
    const std::int64_t settled = p->settled.load();
    offsets[where] = {settled};
    in_flight_[where] = {p, settled};
  }
  if (offsets.empty() || runtime::failpoint("offsets")) return in_flight_.clear();
  const PartitionList list = to_list(offsets);
  const rd_kafka_resp_err_t err = rd_kafka_commit_queue(client_.get(), list.get(), answers_.get(), nullptr, nullptr);
  if (err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  in_flight_.clear();
  client_.reporter().trouble(LogLevel::warning, "commit", rd_kafka_err2name(err), "cannot commit offsets: " + error_text(err));
  noted();
}

void Committer::take_answer(rd_kafka_event_t* answer) {
  const rd_kafka_resp_err_t whole = rd_kafka_event_error(answer);
  const rd_kafka_topic_partition_list_t* list = rd_kafka_event_topic_partition_list(answer);
  bool any_own_error = false;
  for (int i = 0; list != nullptr && i < list->cnt; ++i) any_own_error |= list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR;
  for (int i = 0; list != nullptr && i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& entry = list->elems[i];
    const auto sent = in_flight_.find({entry.topic, {entry.partition}});
    // The answer of a request that flush() did not wait for any longer finds nothing, or another offset.
    if (sent == in_flight_.end() || sent->second.offset != entry.offset) continue;
    judge(*sent->second.partition, entry.offset, any_own_error ? entry.err : whole);
  }
  in_flight_.clear();
}

void Committer::judge(PartitionState& p, std::int64_t offset, rd_kafka_resp_err_t err) {
  if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    acknowledge(p, offset);
    client_.heard_from_broker();
    client_.reporter().over("commit", "offsets are committed again");
    return;
  }
  if (is_stale(err)) {
    p.refused = offset;
    client_.reporter().trouble(LogLevel::info, "commit", rd_kafka_err2name(err),
                               "a commit came too late, the group has moved on: " + error_text(err));
    return;
  }
  client_.reporter().trouble(LogLevel::warning, "commit", rd_kafka_err2name(err),
                             "the commit of offset " + std::to_string(offset) + " of " + p.where.topic + " [" +
                                 std::to_string(p.where.partition.value) + "] failed and is sent again: " + error_text(err));
  noted();
}

// What is committed later is at least what is settled now, even where a rewind has moved that back meanwhile.
void Committer::acknowledge(PartitionState& p, std::int64_t offset) {
  p.acked = offset;
  p.confirmed.store(std::min(offset, p.settled.load()));
}

void Committer::flush(std::span<const std::shared_ptr<PartitionState>> partitions) {
  // The answer of what is on its way first, so that an older commit cannot land after this one.
  const core::SteadyTime until = std::chrono::steady_clock::now() + timeout_;
  while (!in_flight_.empty()) {
    const auto left = std::chrono::ceil<core::Millis>(until - std::chrono::steady_clock::now());
    if (left <= core::Millis(0)) break;
    if (const EventHandle answer{rd_kafka_queue_poll(answers_.get(), static_cast<int>(left.count()))}) take_answer(answer.get());
  }
  in_flight_.clear();
  Offsets offsets;
  for (const auto& p : partitions) {
    if (has_news(*p)) offsets[p->where] = {p->settled.load()};
  }
  if (!offsets.empty() && runtime::failpoint("offsets")) return;
  if (const auto done = GroupOffsets(client_, timeout_).commit(offsets); !done) {
    client_.reporter().say(LogLevel::warning, "settled offsets stay uncommitted, their records come again: " + done.error().message);
    return;
  }
  for (const auto& p : partitions) {
    if (const auto sent = offsets.find(p->where); sent != offsets.end()) acknowledge(*p, sent->second.value);
  }
}

}  // namespace hostler::kafka
