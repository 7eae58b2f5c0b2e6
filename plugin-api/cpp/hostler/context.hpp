// context.hpp - what a record function may do beside its verdict: SQL, publish, headers, explain, log, look
// at the time.
//
// Part of the C++20 SDK; include <hostler/plugin.hpp>. A Context belongs to one record of one call: do not
// keep it.
// log() and remaining() may be used by the handler's helper threads while the call runs; the rest only on its
// own thread.
#pragma once

#include <hostler/services.hpp>
#include <hostler/sql.hpp>

#include <array>
#include <chrono>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace hostler {

struct Header {
  std::string_view name;
  Bytes value;
};

// The headers of a record, in the producer's order; names may repeat.
class Headers {
 public:
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = Header;
    Iterator() = default;
    explicit Iterator(const hostler_header* at) noexcept : at_(at) {}
    Header operator*() const noexcept { return {detail::view(at_->name), at_->value}; }
    Iterator& operator++() noexcept { return ++at_, *this; }
    Iterator operator++(int) noexcept { return Iterator(at_++); }
    bool operator==(const Iterator&) const noexcept = default;

   private:
    const hostler_header* at_ = nullptr;
  };

  explicit Headers(std::span<const hostler_header> headers) noexcept : headers_(headers) {}
  [[nodiscard]] std::size_t size() const noexcept { return headers_.size(); }
  [[nodiscard]] bool empty() const noexcept { return headers_.empty(); }
  [[nodiscard]] Iterator begin() const noexcept { return Iterator(headers_.data()); }
  [[nodiscard]] Iterator end() const noexcept { return Iterator(headers_.data() + headers_.size()); }

  // The last header of that name, as Kafka's own clients answer; nullopt when there is none.
  [[nodiscard]] std::optional<Bytes> find(std::string_view name) const noexcept {
    for (std::size_t i = headers_.size(); i-- > 0;)
      if (detail::view(headers_[i].name) == name) return Bytes(headers_[i].value);
    return std::nullopt;
  }

 private:
  std::span<const hostler_header> headers_;
};

// What to publish. Everything is copied by publish().
struct Message {
  std::string_view topic;
  Bytes key = {};   // null: no key
  Bytes value = {}; // null: a tombstone
  std::span<const Header> headers = {};
  std::int32_t partition = -1;   // -1: by key
  std::string_view profile = {}; // producer profile of the configuration; empty: the default
  Time timestamp = {};           // the epoch: now
  bool wait = true;              // false: fire and forget
};

class Context {
 public:
  Context(const detail::Services& services, void* host_batch, const hostler_record& record,
          std::uint32_t index) noexcept
      : services_(&services), host_batch_(host_batch), record_(&record), index_(index) {}

  [[nodiscard]] Record record() const noexcept { return Record(*record_); }
  [[nodiscard]] std::uint32_t attempt() const noexcept { return record_->attempt; }
  [[nodiscard]] std::uint32_t index() const noexcept { return index_; } // of the record in its batch
  [[nodiscard]] Host host() const noexcept { return Host(*services_); }

  // Needs the flag enqueues or queries; see sql.hpp.
  [[nodiscard]] Sql sql() const { return {*services_, host_batch_, index_}; }

  // Keeps a message with this record: produced, and awaited, only if the record's verdict is done.
  //   ctx.publish({.topic = "emails", .key = id, .value = text});
  void publish(const Message& message) const {
    if (services_->publish == nullptr) services_->missing(HOSTLER_EXT_PUBLISH, "ctx.publish()", "");
    std::array<hostler_header, 8> few{};
    std::vector<hostler_header> many;
    if (message.headers.size() > few.size()) many.resize(message.headers.size());
    hostler_header* headers = many.empty() ? few.data() : many.data();
    for (std::size_t i = 0; i < message.headers.size(); ++i)
      headers[i] = {detail::str(message.headers[i].name), message.headers[i].value.c()};
    hostler_message c{};
    c.struct_size = sizeof c;
    c.partition = message.partition;
    c.topic = detail::str(message.topic);
    c.profile = detail::str(message.profile);
    c.key = message.key.c();
    c.value = message.value.c();
    c.headers = headers;
    c.timestamp_ms = message.timestamp.time_since_epoch().count();
    c.header_count = static_cast<std::uint32_t>(message.headers.size());
    c.flags = message.wait ? 0u : std::uint32_t{HOSTLER_MESSAGE_NO_WAIT};
    detail::check(services_->publish->publish(services_->host, host_batch_, index_, &c), "publish");
  }

  // The headers of this record; parsed when first asked for. Valid until the call of the record or batch
  // function returns.
  [[nodiscard]] Headers headers() const {
    if (services_->headers == nullptr) services_->missing(HOSTLER_EXT_HEADERS, "ctx.headers()", "");
    const hostler_header* headers = nullptr;
    std::uint32_t count = 0;
    detail::check(services_->headers->get(services_->host, host_batch_, index_, &headers, &count), "headers");
    return Headers({headers, count});
  }

  // Explains this record's verdict, whatever it will be; retry(), reject() and drop() with a reason do the
  // same and replace it.
  void explain(std::string_view reason, std::string_view detail = {}, std::int32_t code = 0,
               Time not_before = {}) const {
    if (services_->verdict == nullptr) return;
    services_->verdict->explain(services_->host, host_batch_, index_, code, detail::str(reason),
                                detail::str(detail), not_before.time_since_epoch().count());
  }

  void log(Level level, std::string_view text) const noexcept { detail::log(*services_, level, text); }
  // Whether lines of this level are written: ask before building an expensive one.
  [[nodiscard]] bool logs(Level level) const noexcept {
    return services_->log != nullptr &&
           services_->log->enabled(services_->host, static_cast<std::uint32_t>(level)) != 0;
  }

  // How long this call may still take; 0 when the time is over or the host stops hard. milliseconds::max() if
  // the host cannot say.
  [[nodiscard]] std::chrono::milliseconds remaining() const noexcept {
    if (services_->cancel == nullptr) return std::chrono::milliseconds::max();
    return std::chrono::milliseconds(services_->cancel->remaining_ms(services_->host, host_batch_));
  }

 private:
  const detail::Services* services_;
  void* host_batch_;
  const hostler_record* record_;
  std::uint32_t index_;
};

// A whole batch, for batch functions: one delivery partition, in order.
class Batch {
 public:
  Batch(const detail::Services& services, const hostler_batch& batch) noexcept
      : services_(&services), batch_(&batch) {}

  [[nodiscard]] std::uint32_t size() const noexcept { return batch_->record_count; } // 1 or more
  [[nodiscard]] Record operator[](std::uint32_t i) const noexcept {
    return Record(*hostler_record_at(batch_, i));
  }
  [[nodiscard]] Context context(std::uint32_t i) const noexcept {
    return {*services_, batch_->host_batch, *hostler_record_at(batch_, i), i};
  }
  // Where the records were read from: the source topic or a retry topic.
  [[nodiscard]] std::string_view delivery_topic() const noexcept {
    return detail::view(batch_->delivery_topic);
  }
  [[nodiscard]] std::int32_t delivery_partition() const noexcept { return batch_->delivery_partition; }
  [[nodiscard]] const hostler_batch& c() const noexcept { return *batch_; }

  // One byte per record (HOSTLER_DONE, ...), to be written directly. A record left HOSTLER_UNSET is a
  // mistake, handled as retry.
  [[nodiscard]] std::span<std::uint8_t> verdicts() const noexcept {
    return {batch_->verdicts, batch_->record_count};
  }
  void all_done() const noexcept { std::memset(batch_->verdicts, HOSTLER_DONE, batch_->record_count); }
  void set(std::uint32_t i, const Verdict& verdict) const {
    batch_->verdicts[i] = verdict.value();
    if (const Explanation* e = verdict.explanation())
      context(i).explain(e->reason, e->detail, e->code, Time(std::chrono::milliseconds(e->not_before_ms)));
  }

 private:
  const detail::Services* services_;
  const hostler_batch* batch_;
};

} // namespace hostler
