#include "runtime/outbox.h"

#include <limits>

namespace hostler::runtime {
namespace {

constexpr std::uint32_t null_size = std::numeric_limits<std::uint32_t>::max();

constexpr std::string_view insert_sql =
    "INSERT INTO hostler_outbox (service, topic, topic_id, partition, record_offset, message, to_topic, to_partition, key, value, headers, stamp) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
// Lanes of source partitions hold it already, by their fence; those of retried records do not. In the order of the marks.
constexpr std::string_view lock_sql = "SELECT 1 FROM hostler_mark WHERE service = $1 AND topic = $2 AND topic_id = $3 AND partition = $4 FOR NO KEY UPDATE";

SqlValue text(std::string_view v) { return {SqlType::text, 0, 0, core::Bytes(v)}; }
SqlValue integer(std::int64_t v) { return {SqlType::integer, v, 0, {}}; }
SqlValue blob(core::Bytes v) {
  if (v.is_null()) return {};
  return {SqlType::blob, 0, 0, v};
}

void put_size(std::string& out, std::uint32_t size) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((size >> shift) & 0xff);
}

// Takes bytes off the front.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  [[nodiscard]] bool at_end() const { return left_.empty(); }
  std::optional<std::uint32_t> size() {
    if (left_.size() < 4) return std::nullopt;
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < 4; ++i) out |= static_cast<std::uint32_t>(static_cast<unsigned char>(left_[i])) << (8 * i);
    left_.remove_prefix(4);
    return out;
  }
  std::optional<std::string> bytes(std::uint32_t size) {
    if (left_.size() < size) return std::nullopt;
    std::string out(left_.substr(0, size));
    left_.remove_prefix(size);
    return out;
  }

 private:
  std::string_view left_;
};

}  // namespace

std::string pack_headers(std::span<const OutHeader> headers) {
  std::string out;
  for (const auto& h : headers) {
    put_size(out, static_cast<std::uint32_t>(h.name.size()));
    out += h.name;
    put_size(out, h.value ? static_cast<std::uint32_t>(h.value->size()) : null_size);
    if (h.value) out += *h.value;
  }
  return out;
}

core::Result<std::vector<OutHeader>> unpack_headers(std::string_view bytes) {
  const core::Error broken{"the headers of a message in the outbox are damaged"};
  std::vector<OutHeader> out;
  for (Reader reader(bytes); !reader.at_end();) {
    const auto name_size = reader.size();
    auto name = name_size ? reader.bytes(*name_size) : std::nullopt;
    const auto value_size = name ? reader.size() : std::nullopt;
    if (!value_size) return broken;
    OutHeader header{std::move(*name), std::nullopt};
    if (*value_size != null_size) {
      header.value = reader.bytes(*value_size);
      if (!header.value) return broken;
    }
    out.push_back(std::move(header));
  }
  return out;
}

void OutboxWriter::begin(const Slice& slice, std::span<const EnqueuedStatement> statements) {
  slice_ = slice;
  statements_.assign(statements.begin(), statements.end());
  inserts_.clear();
  rows_.clear();
  marks_.clear();
  count_ = 0;
}

OutboxWriter::Origin OutboxWriter::origin_of(std::size_t record) const {
  const auto& r = slice_.records()[record];
  const auto* mark = slice_.batch->mark;
  return {r.topic, mark != nullptr ? mark->topic_id : r.topic_id, r.partition.value};
}

void OutboxWriter::add(std::size_t record, const OutRecord& message) {
  if (record != last_record_) count_ = 0;
  last_record_ = record;
  const Origin origin = origin_of(record);
  marks_.emplace(origin, record);
  const auto& [topic, topic_id, partition] = origin;
  const std::int64_t offset = slice_.records()[record].offset.value;
  auto& row = rows_.emplace_back();
  std::vector<OutHeader> headers = message.headers;
  headers.push_back({std::string(output_id_header), service_ + "/" + std::string(topic) + "/" + std::to_string(topic_id) + "/" + std::to_string(partition) + "/" +
                                                        std::to_string(offset) + "/" + std::to_string(count_)});
  row.headers = pack_headers(headers);
  row.values = {text(service_), text(topic), integer(topic_id), integer(partition), integer(offset), integer(static_cast<std::int64_t>(count_++)),
                text(message.topic), message.partition ? integer(message.partition->value) : SqlValue{}, blob(message.key), blob(message.value),
                blob(core::Bytes(row.headers)), integer(message.timestamp_ms)};
  inserts_.push_back({record, {insert_sql, row.values}});
}

std::span<const EnqueuedStatement> OutboxWriter::finish() {
  if (slice_.batch->mark == nullptr && dialect_ == SqlDialect::postgresql) {
    for (const auto& [origin, record] : marks_) {
      auto& row = rows_.emplace_back();
      row.values = {text(service_), text(std::get<0>(origin)), integer(std::get<1>(origin)), integer(std::get<2>(origin))};
      statements_.push_back({record, {lock_sql, row.values}});
    }
  }
  statements_.insert(statements_.end(), inserts_.begin(), inserts_.end());
  return statements_;
}

}  // namespace hostler::runtime
