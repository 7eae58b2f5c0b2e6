// sdk_probe.so - handlers that use each corner of the SDK, for sdk_test.cc. What they do is what their test
// says.
#include <hostler/plugin.hpp>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace std::string_view_literals;

namespace {

// Every type of parameter.
hostler::Verdict params(const hostler::Record& record, hostler::Context& ctx) {
  const std::string text = "text";
  const std::vector<std::uint8_t> blob = {0, 1, 0, 255};
  const std::optional<int> none;
  const auto time = hostler::Time(std::chrono::milliseconds(1700000000123));
  const char* no_text = nullptr;
  const auto sql = ctx.sql();
  sql.enqueue("no parameters");
  sql.enqueue("numbers", 1, std::int64_t{-5000000000}, std::uint8_t{7}, 2.5, 1.5f, true, false);
  sql.enqueue("texts", "literal", text, "nul\0inside"sv, ""sv, std::string_view());
  sql.enqueue("nulls", nullptr, std::nullopt, none, hostler::Bytes(), no_text, hostler::uuid{},
              std::optional<std::string>());
  sql.enqueue("blobs", blob, std::span<const std::uint8_t>(blob), hostler::Bytes(""sv), record.key(),
              record.value());
  sql.enqueue(
      "tagged", hostler::uuid{"6f1ed002-ab59-5892-a4e4-6f6dd0ed5d47"}, hostler::json{R"({"a":1})"}, time,
      hostler::timestamp{std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(42))},
      std::optional(hostler::json{"null"}));
  const std::vector<hostler::Param> list = {hostler::param(1), hostler::param("two")};
  sql.enqueue_params("list", list);
  return hostler::done();
}

hostler::Verdict too_big(const hostler::Record&, hostler::Context& ctx) {
  ctx.sql().enqueue("big", std::uint64_t{1} << 63u);
  return hostler::done();
}

// Reads rows; the value says how.
hostler::Verdict rows(const hostler::Record& record, hostler::Context& ctx) {
  std::string seen;
  const auto how = record.value().text();
  const auto count = ctx.sql().query(hostler::read, "SELECT", how, [&](const hostler::Row& row) {
    if (how == "throw") throw std::runtime_error("from the row");
    if (how == "stop") return false;
    if (how == "null") seen += std::to_string(row.get<std::int64_t>(3));
    if (how == "narrow") seen += std::to_string(row.get<std::int8_t>(0));
    if (how == "beyond") seen += std::to_string(row.get<int>(9));
    seen += std::to_string(row.get<std::int64_t>(0)) + "," + row.get<std::string>(1) + "," +
            std::to_string(row.get<int>(2)) + "," +
            (row.is_null(3) && !row.get<std::optional<int>>(3) ? "null" : "value") + "," +
            std::to_string(row.get<hostler::Bytes>(4).size()) + "," + (row.get<bool>(5) ? "true" : "false") +
            ";";
    return true;
  });
  ctx.log(hostler::Level::info, std::to_string(count) + ":" + seen);
  return hostler::done();
}

// The verdicts with all they can carry.
hostler::Verdict verdicts(const hostler::Record& record, hostler::Context& ctx) {
  const auto value = record.value().text();
  if (value == "later")
    return hostler::retry("rate limit", 429)
        .detail("line 1\nline 2")
        .not_before(hostler::Time(std::chrono::milliseconds(1800000000000)));
  if (value == "explain") {
    ctx.explain("noted", "more", 5);
    return hostler::Verdict(HOSTLER_REJECT);
  }
  if (value == "int") throw 42;
  if (value == "coded") throw hostler::Error("with a code", 77);
  if (value == "cancel" && ctx.remaining() == std::chrono::milliseconds(0))
    throw hostler::Cancelled("out of time");
  if (value == "attempt")
    return hostler::drop(std::to_string(ctx.attempt()) + "@" + std::string(record.topic()));
  return hostler::done();
}

hostler::Verdict publish(const hostler::Record& record, hostler::Context& ctx) {
  std::vector<hostler::Header> headers;
  for (const hostler::Header header : ctx.headers()) headers.push_back(header);
  if (const auto trace = ctx.headers().find("trace")) headers.push_back({"found", *trace});
  ctx.publish({.topic = record.value().text(),
               .key = record.key(),
               .headers = headers,
               .timestamp = record.timestamp(),
               .wait = false});
  ctx.publish({.topic = "plain", .value = "text"});
  return hostler::done();
}

// Configuration, start, lanes.
class Lifecycle {
 public:
  struct Lane {
    Lane(Lifecycle& owner, std::uint32_t n) : number(n) {
      if (owner.mode_ == "bad lane") throw std::runtime_error("no lane for you");
    }
    std::uint32_t number;
    int calls = 0;
  };
  Lifecycle(const hostler::Host& host, std::string_view config) : host_(host), mode_(config) {
    if (config == "long") {
      std::string text(246, 'x');
      throw std::runtime_error(text + "\xc3\xa4\xc3\xa4"); // the first ä would end at byte 248
    }
    if (config == "bad") throw std::invalid_argument("table must be a name");
    host_.log(hostler::Level::info, "made for " + std::string(host.handler_name()));
  }
  ~Lifecycle() { host_.log(hostler::Level::info, "destroyed"); }
  Lifecycle(const Lifecycle&) = delete;
  Lifecycle& operator=(const Lifecycle&) = delete;
  static void validate_config(std::string_view config) {
    if (config == "bad") throw std::invalid_argument("table must be a name");
  }
  static constexpr std::string_view config_schema = R"({"type":"object"})";
  void start() {
    host_.log(hostler::Level::info, "start");
    if (mode_ == "bad start") throw std::runtime_error("cannot start");
  }
  void stop() {
    host_.log(hostler::Level::info, "stop");
    throw std::runtime_error("stop failed");
  }
  hostler::Verdict on_record(const hostler::Record&, hostler::Context& ctx, Lane& lane) const {
    ctx.log(hostler::Level::info,
            "lane " + std::to_string(lane.number) + " call " + std::to_string(++lane.calls));
    return hostler::done();
  }

 private:
  hostler::Host host_;
  std::string mode_;
};

// Not const: the SDK must not let two lanes in.
struct NotConst {
  int calls = 0;
  hostler::Verdict on_record(const hostler::Record&, hostler::Context&) { return ++calls, hostler::done(); }
};

void batch_throws(hostler::Batch& batch) {
  batch.verdicts()[0] = HOSTLER_DONE;
  if (batch[0].value().text() == "down") throw hostler::Unavailable("the mail server is down", 3);
  if (batch[0].value().text() == "int") throw 42;
  throw std::runtime_error(std::string(batch.delivery_topic()) + " cannot be handled");
}

} // namespace

HOSTLER_PLUGIN(
    hostler::handler<params>("params", {.flags = hostler::enqueues}),
    hostler::handler<too_big>("too_big", {.flags = hostler::enqueues}),
    hostler::handler<rows>("rows", {.flags = hostler::queries}), hostler::handler<verdicts>("verdicts"),
    hostler::handler<publish>("publish", {.needs = hostler::needs::publish | hostler::needs::headers}),
    hostler::handler<Lifecycle>("lifecycle", {.version = "2.0", .description = "d", .event_types = "a,b"}),
    hostler::handler<NotConst>("not_const"), hostler::handler<batch_throws>("batch_throws"));
