#include "kafka/lane_source.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "core/due.h"
#include "runtime/failpoint.h"

namespace hostler::kafka {
namespace {

using std::chrono::steady_clock;

// Events of a queue come when it stops being empty. Should one ever be missed, this is how long it goes unnoticed.
constexpr auto look_everywhere_every = std::chrono::seconds(1);

core::Now now_by_both_clocks(core::SteadyTime steady) {
  return {std::chrono::floor<core::Millis>(std::chrono::system_clock::now()), steady};
}

core::Millis wait_of(const HeldMessage& held, core::Millis delay, const core::Now& now) {
  if (held.given_back) return core::Millis(0);
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t stamp = rd_kafka_message_timestamp(held.message.get(), &type);
  return core::until_due(core::from_epoch_ms(stamp), delay, held.fetched, now);
}

}  // namespace

bool LaneSource::poll(core::Batch& out, std::size_t max_records, core::Millis max_wait, core::Millis wait) {
  recycle(out);
  const Wish wish{std::max<std::size_t>(max_records, 1), max_wait};
  core::SteadyTime now = steady_clock::now();
  const core::SteadyTime until = now + wait;
  while (!draining()) {
    core::SteadyTime look_again = std::min(until, now + look_everywhere_every);
    {
      const std::lock_guard lock(mutex_);
      if (take_turn(out, wish, now, look_again)) return true;
    }
    if (now >= until) return false;
    wakeup_->wait_until(look_again);
    now = steady_clock::now();
  }
  return false;
}

bool LaneSource::take_turn(core::Batch& out, const Wish& wish, core::SteadyTime now, core::SteadyTime& look_again) {
  if (now - looked_everywhere_ >= look_everywhere_every) {
    looked_everywhere_ = now;
    for (const auto& p : partitions_) p->ready.store(true);
  }
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    const std::size_t at = (turn_ + i) % partitions_.size();
    PartitionState& p = *partitions_[at];
    if (!p.owned.load() || p.seek_to || !p.halted.empty()) continue;
    if (now < p.held_until) {
      look_again = std::min(look_again, p.held_until);
      continue;
    }
    gather(p, wish, now, look_again);
    if (spare_->messages.empty()) continue;
    turn_ = at + 1;
    if (p.tier) static_cast<void>(runtime::failpoint("release"));
    spare_->describe(out, partitions_[at]);
    out.storage = std::move(spare_);
    return true;
  }
  return false;
}

// Puts what may be delivered now into spare_, from what was read ahead first.
void LaneSource::gather(PartitionState& p, const Wish& wish, core::SteadyTime now, core::SteadyTime& look_again) {
  const bool retry = p.tier.has_value();
  auto& messages = spare_->messages;
  if (p.ahead.empty() && !retry) {  // the quick way: straight from the queue
    read_queue(p, wish.max_records);
    if (messages.empty() || messages.size() == wish.max_records || wish.max_wait <= core::Millis(0)) return;
  } else if (p.ahead.size() < wish.max_records) {
    const bool waiting = retry && !p.ahead.empty() && wait_of(p.ahead.back(), p.delay, now_by_both_clocks(now)) > core::Millis(0);
    if (!waiting) read_queue(p, wish.max_records - p.ahead.size());
  }
  for (rd_kafka_message_t* message : messages) p.ahead.push_back({MessageHandle(message), now});
  messages.clear();

  const std::size_t count = deliverable(p, wish, now, look_again);
  for (std::size_t i = 0; i < count; ++i) {
    messages.push_back(p.ahead.front().message.release());
    p.ahead.pop_front();
  }
}

std::size_t LaneSource::deliverable(const PartitionState& p, const Wish& wish, core::SteadyTime now,
                                    core::SteadyTime& look_again) const {
  const std::size_t most = std::min(p.ahead.size(), wish.max_records);
  if (most == 0) return 0;
  if (p.tier) {  // delays are constant, so the head is the first to be due
    const core::Now both = now_by_both_clocks(now);
    for (std::size_t i = 0; i < most; ++i) {
      const core::Millis wait = wait_of(p.ahead[i], p.delay, both);
      if (wait <= core::Millis(0)) continue;
      if (i == 0) look_again = std::min(look_again, now + wait);
      return i;
    }
    return most;
  }
  const core::SteadyTime full_age = p.ahead.front().fetched + wish.max_wait;
  if (most == wish.max_records || now >= full_age || p.ahead.front().given_back) return most;
  look_again = std::min(look_again, full_age);
  return 0;
}

void LaneSource::read_queue(PartitionState& p, std::size_t at_most) {
  if (p.queue == nullptr || !p.ready.load(std::memory_order_acquire)) return;
  auto& messages = spare_->messages;
  p.ready.store(false);  // before reading: an event from now on sets it again
  messages.resize(at_most);
  const ssize_t got = rd_kafka_consume_batch_queue(p.queue.get(), 0, messages.data(), at_most);
  messages.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got <= 0) return;
  p.ready.store(true);  // whether the queue is empty is known when it gives nothing
  drop_unusable(p);
  if (!messages.empty()) p.floor = core::Offset{messages.back()->offset}.next();
}

// Errors, and records below the floor: what a client that rewinds on its own delivers twice.
void LaneSource::drop_unusable(PartitionState& p) {
  auto& messages = spare_->messages;
  if (!messages.empty() && p.tier && messages.front()->err == RD_KAFKA_RESP_ERR_NO_ERROR && messages.front()->offset < p.floor.value) {
    // The committed offset was out of range and the client began anew: whatever is there must run.
    p.floor = p.delivered = {messages.front()->offset};
    p.settled.store(p.floor.value);
  }
  const auto unusable = [&](rd_kafka_message_t* m) { return m->err != RD_KAFKA_RESP_ERR_NO_ERROR || m->offset < p.floor.value; };
  if (std::none_of(messages.begin(), messages.end(), unusable)) return;
  std::size_t kept = 0;
  for (rd_kafka_message_t* m : messages) {
    if (!unusable(m)) {
      messages[kept++] = m;
      continue;
    }
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const std::string text = p.where.topic + " [" + std::to_string(p.where.partition.value) + "]: " + rd_kafka_message_errstr(m);
      const bool out_of_range = m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET;
      if (out_of_range) p.halted = text;
      p.client->reporter().trouble(LogLevel::error, p.where.topic + "/" + std::to_string(p.where.partition.value), rd_kafka_err2name(m->err),
                                   out_of_range ? text + "; the partition is held: its next record is gone. Move the offset to go on" : text);
    }
    rd_kafka_message_destroy(m);
  }
  messages.resize(kept);
}

void LaneSource::recycle(core::Batch& out) {
  if (MessageStorage* storage = storage_of(out)) {
    // A batch that was dropped without a word is read again: nothing may be skipped.
    if (storage->in_hand() && !out.records.empty()) give_back(out, out.records.front().delivered_offset, {});
    storage->reset();
    if (spare_ == nullptr) spare_.reset(static_cast<MessageStorage*>(out.storage.release()));
  }
  out.clear();
  if (spare_ == nullptr) spare_ = std::make_unique<MessageStorage>();
}

void LaneSource::settled(const core::Batch& batch, core::Offset next) {
  MessageStorage* storage = storage_of(batch);
  if (storage == nullptr) return;
  PartitionState& p = storage->partition();
  const bool news = next.value > p.settled.load();
  if (news) p.settled.store(next.value);
  storage->let_go();  // after the offset: a revocation looks at it once the batch is let go
  if (news) control_.commit();
}

void LaneSource::give_back(const core::Batch& batch, core::Offset resume_at, core::SteadyTime not_before) {
  MessageStorage* storage = storage_of(batch);
  if (storage == nullptr) return;
  PartitionState& p = storage->partition();
  bool seek = false, news = false;
  if (p.owned.load()) {
    const std::lock_guard lock(mutex_);
    p.held_until = std::max(p.held_until, not_before);
    put_back(p, *storage, resume_at);
    seek = p.seek_to.has_value();
    news = resume_at > storage->from() && resume_at.value > p.settled.load();
    if (news) p.settled.store(resume_at.value);
  }
  storage->let_go();
  if (seek) control_.seek();
  if (news) control_.commit();
}

// Makes `resume_at` the next record of the partition: from the messages of the batch if it is among them, else by a seek.
void LaneSource::put_back(PartitionState& p, MessageStorage& storage, core::Offset resume_at) {
  if (resume_at < std::min(storage.from(), p.delivered)) {
    p.seek_to = p.seek_to ? std::min(*p.seek_to, resume_at) : resume_at;
    return;
  }
  const auto below = [](const HeldMessage& held, std::int64_t offset) { return held.message->offset < offset; };
  // Backwards, so that each goes to the front; other batches of the partition may have been given back before.
  for (auto it = storage.messages.rbegin(); it != storage.messages.rend() && *it != nullptr && (*it)->offset >= resume_at.value; ++it) {
    const auto at = std::lower_bound(p.ahead.begin(), p.ahead.end(), (*it)->offset, below);
    p.ahead.insert(at, {MessageHandle(*it), {}, true});
    *it = nullptr;
  }
  const auto position = [&](core::Offset offset) { return std::lower_bound(p.ahead.begin(), p.ahead.end(), offset.value, below); };
  if (resume_at > storage.from()) p.ahead.erase(position(storage.from()), position(resume_at));
  // Unless an earlier batch was given back before this one, this is where reading goes on.
  if (p.delivered >= storage.from()) p.delivered = resume_at;
  p.floor = std::max(p.floor, resume_at);
}

void LaneSource::progress(std::vector<runtime::PartitionProgress>& out) const {
  const std::lock_guard lock(mutex_);
  const core::Now both = now_by_both_clocks(steady_clock::now());
  for (const auto& p : partitions_) {
    runtime::PartitionProgress progress;
    progress.where = p->where;
    std::int64_t low = -1, high = -1;
    if (rd_kafka_get_watermark_offsets(p->client->get(), p->where.topic.c_str(), p->where.partition.value, &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0)
      progress.end = core::Offset{high};
    progress.settled = {std::max({p->settled.load(), low, std::int64_t{0}})};  // nothing committed: from the beginning
    if (p->tier && !p->ahead.empty()) progress.next_due = both.wall + std::max(core::Millis(0), wait_of(p->ahead.front(), p->delay, both));
    out.push_back(std::move(progress));
  }
}

bool LaneSource::owns(const core::Batch& batch) const {
  MessageStorage* storage = storage_of(batch);
  return storage != nullptr && storage->partition().owned.load();
}

void LaneSource::add(std::shared_ptr<PartitionState> partition) {
  {
    const std::lock_guard lock(mutex_);
    partitions_.push_back(std::move(partition));
  }
  wakeup_->notify();
}

void LaneSource::remove(const PartitionState& partition) {
  const std::lock_guard lock(mutex_);
  std::erase_if(partitions_, [&](const auto& p) { return p.get() == &partition; });
}

std::string LaneSource::halted() {
  const std::lock_guard lock(mutex_);
  for (const auto& p : partitions_) {
    if (!p->halted.empty()) return p->halted;
  }
  return {};
}

void LaneSource::drain() {
  draining_.store(true);
  wakeup_->notify();
}

}  // namespace hostler::kafka
