#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <unordered_set>

#include "bench/drain.h"
#include "bench/group_reader.h"
#include "bench/pg_pipeline.h"
#include "bench/sides.h"
#include "bench/traffic.h"

namespace hostler::bench {
namespace {

class EffectsLoop {
 public:
  EffectsLoop(const core::HostConfig& config, const std::string& topic);
  // One transaction, two waits for the server: ids and mark, then the effects of the new ids and COMMIT.
  void settle(std::span<rd_kafka_message_t* const> batch);

 private:
  struct Item {
    std::string_view id;
    const rd_kafka_message_t* message;
    bool fresh;
  };
  void read_ids(std::span<rd_kafka_message_t* const> batch);
  void send_claim();
  void send_marks();
  void take_claim();
  std::size_t send_effects();

  PgPipeline database_;
  const std::string topic_;
  std::vector<std::int64_t> marks_; // next offset of each partition
  std::vector<Item> items_;
  std::string ids_, partitions_, offsets_, ends_;
};

EffectsLoop::EffectsLoop(const core::HostConfig& config, const std::string& topic)
    : database_(config.ledger.url), topic_(topic), marks_(static_cast<std::size_t>(partitions), 0) {
  database_.exec(
      "INSERT INTO hostler_mark (service, topic, topic_id, partition, next_offset) SELECT 'bench', '" +
      topic + "', 1, p, 0 FROM generate_series(0, " + std::to_string(partitions - 1) + ") p");
  database_.prepare(
      "claim",
      "INSERT INTO processed_events (event_id, service_name, topic, partition, record_offset) "
      "SELECT u.id, 'bench', $1, u.part, u.off FROM unnest($2::text[], $3::int[], $4::bigint[]) "
      "AS u(id, part, off) ON CONFLICT (event_id, service_name) DO NOTHING RETURNING event_id");
  database_.prepare("mark",
                    "UPDATE hostler_mark m SET next_offset = u.last FROM unnest($2::int[], $3::bigint[], "
                    "$4::bigint[]) AS u(part, first, last) WHERE m.service = 'bench' AND m.topic = $1 AND "
                    "m.topic_id = 1 AND m.partition = u.part AND m.next_offset = u.first");
  database_.prepare("effect",
                    "INSERT INTO effects (event_id, topic, part, off, body) VALUES ($1, $2, $3, $4, $5)");
  database_.enter();
}

void EffectsLoop::read_ids(std::span<rd_kafka_message_t* const> batch) {
  items_.clear();
  for (const auto* message : batch) {
    rd_kafka_headers_t* headers = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, id_header, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
      throw std::runtime_error("a record without an id");
    items_.push_back({{static_cast<const char*>(value), size}, message, false});
  }
}

void EffectsLoop::send_claim() {
  ids_ = partitions_ = offsets_ = "{";
  for (const auto& item : items_) {
    ids_.append("\"").append(item.id).append("\",");
    fmt::format_to(std::back_inserter(partitions_), "{},", item.message->partition);
    fmt::format_to(std::back_inserter(offsets_), "{},", item.message->offset);
  }
  for (auto* array : {&ids_, &partitions_, &offsets_}) array->back() = '}';
  database_.send_prepared("claim", {topic_, ids_, partitions_, offsets_});
}

// A batch of the shared queue has records of several partitions, in order within each.
void EffectsLoop::send_marks() {
  partitions_ = offsets_ = ends_ = "{";
  std::vector<std::int64_t> ends(marks_.size(), -1);
  for (const auto& item : items_)
    ends.at(static_cast<std::size_t>(item.message->partition)) = item.message->offset + 1;
  for (std::size_t p = 0; p < ends.size(); ++p) {
    if (ends[p] < 0) continue;
    fmt::format_to(std::back_inserter(partitions_), "{},", p);
    fmt::format_to(std::back_inserter(offsets_), "{},", marks_[p]);
    fmt::format_to(std::back_inserter(ends_), "{},", ends[p]);
    marks_[p] = ends[p];
  }
  for (auto* array : {&partitions_, &offsets_, &ends_}) array->back() = '}';
  database_.send_prepared("mark", {topic_, partitions_, offsets_, ends_});
}

void EffectsLoop::take_claim() {
  const auto claimed = database_.take();
  const auto rows = static_cast<std::size_t>(PQntuples(claimed.get()));
  if (rows == items_.size()) { // all are new: the common way
    for (auto& item : items_) item.fresh = true;
    return;
  }
  std::unordered_set<std::string_view> fresh;
  for (std::size_t row = 0; row < rows; ++row)
    fresh.insert(PQgetvalue(claimed.get(), static_cast<int>(row), 0));
  for (auto& item : items_) item.fresh = fresh.erase(item.id) == 1;
}

std::size_t EffectsLoop::send_effects() {
  std::size_t sent = 0;
  std::string id, partition, offset;
  for (const auto& item : items_) {
    if (!item.fresh) continue;
    id = item.id;
    partition = std::to_string(item.message->partition);
    offset = std::to_string(item.message->offset);
    database_.send_prepared("effect",
                            {id, topic_, partition, offset, {item.message->payload, item.message->len}});
    ++sent;
  }
  return sent;
}

void EffectsLoop::settle(std::span<rd_kafka_message_t* const> batch) {
  read_ids(batch);
  database_.send("BEGIN");
  send_claim();
  send_marks();
  database_.flush();
  (void)database_.take();
  take_claim();
  if (const auto moved = database_.take(); std::string_view(PQcmdTuples(moved.get())) == "0")
    throw std::runtime_error("the mark was not where it was left");

  const std::size_t effects = send_effects();
  database_.send("COMMIT");
  database_.sync();
  for (std::size_t i = 0; i < effects; ++i) (void)database_.take();
  if (const auto committed = database_.take(); std::string_view(PQcmdStatus(committed.get())) != "COMMIT")
    throw std::runtime_error("COMMIT was answered with ROLLBACK");
  database_.take_sync();
}

} // namespace

void run_effects_twin(const Job& job) {
  const auto config = load(job);
  GroupReader reader(config);
  EffectsLoop loop(config, reader.topic());
  Drain drain(job.records);
  while (!drain.done()) {
    const auto batch = reader.read();
    if (batch.empty()) continue;
    loop.settle(batch);
    const auto count = batch.size();
    reader.settled();
    drain.settled(count);
  }
  fmt::print("{}", to_line(drain.finish(std::chrono::seconds(0))));
  reader.commit();
}

} // namespace hostler::bench
