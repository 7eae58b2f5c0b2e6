// Messages as rows of their record's transaction (publish = "outbox"): what a lane writes, what the relay reads. A message is then published
// if and only if its record's effects are committed, in the order of the commits, and a repeat after a death keeps its id.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/types.h"
#include "runtime/publisher.h"
#include "runtime/settlement.h"
#include "runtime/sql.h"

namespace hostler::runtime {

// The header by which readers tell a repeat: "handler/topic/generation/partition/offset/n", n counting the record's messages from 0.
inline constexpr std::string_view output_id_header = "hostler-output-id";

// Headers as one value: for each a length (4 bytes, little endian) and its name, a length (0xffffffff for null) and its value.
[[nodiscard]] std::string pack_headers(std::span<const OutHeader> headers);
// Strict. Error: the bytes are none of pack_headers'.
[[nodiscard]] core::Result<std::vector<OutHeader>> unpack_headers(std::string_view bytes);

// Turns a slice's messages into statements behind the handler's own. One thread; keeps what the statements borrow until the next begin().
class OutboxWriter {
 public:
  OutboxWriter(std::string service, SqlDialect dialect) : service_(std::move(service)), dialect_(dialect) {}

  // `statements` are the handler's; finish() returns them with the messages' behind them, valid until the next begin().
  void begin(const Slice& slice, std::span<const EnqueuedStatement> statements);
  // Messages of one record after the other, of those that are done.
  void add(std::size_t record, const OutRecord& message);
  [[nodiscard]] std::span<const EnqueuedStatement> finish();

 private:
  struct Row {
    std::vector<SqlValue> values;
    std::string headers;
  };
  using Origin = std::tuple<std::string_view, std::int32_t, std::int32_t>;  // topic, generation, partition
  [[nodiscard]] Origin origin_of(std::size_t record) const;

  const std::string service_;
  const SqlDialect dialect_;
  Slice slice_;
  std::vector<EnqueuedStatement> statements_;
  std::vector<EnqueuedStatement> inserts_;
  std::deque<Row> rows_;
  std::set<std::pair<Origin, std::size_t>> marks_;  // and the records of each: any of them may turn out to be none that is done
  std::size_t last_record_ = 0, count_ = 0;  // messages of last_record_ so far
};

// A row as the relay reads it. Owns its bytes.
struct OutboxMessage {
  std::int64_t seq = 0;
  core::TopicPartition from;  // its record's
  std::int32_t topic_id = 0;
  std::string topic;
  std::optional<core::Partition> partition;
  std::optional<std::string> key, value;
  std::string headers;  // packed
  std::int64_t stamp = 0;
};

}  // namespace hostler::runtime
