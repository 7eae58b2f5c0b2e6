// What is published arrives byte for byte; what cannot arrive is told apart.
#include "kafka/publisher.h"

#include <thread>

#include "kafka/mock_cluster.h"
#include "support/catch.h"
#include "support/private_server.h"
#include "support/kafka_client.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;
using Kind = runtime::PublishFailure::Kind;

namespace {

kafka::PublisherOptions options() {
  kafka::PublisherOptions o;
  o.brokers = kafka_bootstrap();
  return o;
}

runtime::OutRecord record(const std::string& topic, core::Bytes value, core::Bytes key = {}) {
  runtime::OutRecord r;
  r.topic = topic;
  r.partition = core::Partition{0};
  r.key = key;
  r.value = value;
  return r;
}

core::Bytes bytes(const std::string& text) { return {text.data(), text.size()}; }

std::vector<Kind> kinds(const std::vector<runtime::PublishFailure>& failures) {
  std::vector<Kind> found;
  for (const auto& f : failures) found.push_back(f.kind);
  return found;
}

}  // namespace

TEST_CASE("keys, values and headers arrive byte for byte: null, empty, NUL, invalid UTF-8, repeats") {
  KafkaClient client;
  const std::string topic = unique_prefix() + "t";
  client.create_topic(topic, 1, {{"retention.ms", "-1"}});  // the records are stamped years ago
  kafka::KafkaPublisher publisher(options());
  REQUIRE(publisher.start());
  const std::string nul("a\0b", 3), broken("\xff\xfe\x80", 3), big(900'000, 'x'), empty;
  const std::vector<OptionalBytes> payloads = {std::nullopt, empty, nul, broken, big};
  std::vector<runtime::OutRecord> records;
  for (const auto& key : payloads) {
    for (const auto& value : payloads) {
      auto r = record(topic, value ? bytes(*value) : core::Bytes(), key ? bytes(*key) : core::Bytes());
      if (key && value && key->size() + value->size() > 1'000'000) continue;
      r.headers = {{"null", std::nullopt}, {"empty", empty}, {"nul", nul}, {"broken", broken}, {"twice", "1"}, {"twice", "2"}, {"", "nameless"}};
      r.timestamp_ms = 1'600'000'000'123;
      records.push_back(std::move(r));
    }
  }
  CHECK(publisher.publish(records).empty());
  const auto arrived = client.read(topic);
  REQUIRE(arrived.size() == records.size());
  const std::vector<Header> headers = {{"null", std::nullopt}, {"empty", ""}, {"nul", nul}, {"broken", broken}, {"twice", "1"}, {"twice", "2"}, {"", "nameless"}};
  for (std::size_t i = 0; i < arrived.size(); ++i) {
    const auto same = [](const OptionalBytes& got, const core::Bytes& sent) {
      return got.has_value() == !sent.is_null() && (!got || *got == sent.view());
    };
    CHECK(same(arrived[i].key, records[i].key));
    CHECK(same(arrived[i].value, records[i].value));
    CHECK(arrived[i].headers == headers);
    CHECK(arrived[i].timestamp_ms == 1'600'000'000'123);
  }
}

TEST_CASE("without a partition the key decides, as in Java's producer, and without a timestamp it is now") {
  KafkaClient client;
  const std::string topic = unique_prefix() + "t";
  client.create_topic(topic, 10);
  kafka::KafkaPublisher publisher(options());
  REQUIRE(publisher.start());
  const std::string key = "user-42";
  auto r = record(topic, bytes(key), bytes(key));
  r.partition.reset();
  const auto before = std::chrono::system_clock::now();
  CHECK(publisher.publish({&r, 1}).empty());
  CHECK(publisher.publish({&r, 1}).empty());
  const auto arrived = client.read(topic);
  REQUIRE(arrived.size() == 2);
  CHECK(arrived[0].partition == arrived[1].partition);
  // murmur2("user-42") & 0x7fffffff, modulo 10
  const auto murmur2 = [](const std::string& s) {
    std::uint32_t h = 0x9747b28cU ^ static_cast<std::uint32_t>(s.size());
    std::size_t i = 0;
    const auto at = [&](std::size_t n) { return static_cast<std::uint32_t>(static_cast<unsigned char>(s[n])); };
    for (; i + 4 <= s.size(); i += 4) {
      std::uint32_t k = at(i) | at(i + 1) << 8 | at(i + 2) << 16 | at(i + 3) << 24;
      k *= 0x5bd1e995U;
      k ^= k >> 24;
      k *= 0x5bd1e995U;
      h = h * 0x5bd1e995U ^ k;
    }
    if (s.size() - i == 3) h ^= at(i + 2) << 16;
    if (s.size() - i >= 2) h ^= at(i + 1) << 8;
    if (s.size() - i >= 1) h = (h ^ at(i)) * 0x5bd1e995U;
    h ^= h >> 13;
    h *= 0x5bd1e995U;
    return h ^ h >> 15;
  };
  CHECK(arrived[0].partition == static_cast<std::int32_t>((murmur2(key) & 0x7fffffffU) % 10));
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(before.time_since_epoch()).count();
  CHECK(std::abs(arrived[0].timestamp_ms - now_ms) < 10'000);
}

TEST_CASE("a record that is too large for its topic is told apart, and the others arrive") {
  KafkaClient client;
  const std::string topic = unique_prefix() + "t";
  client.create_topic(topic, 1, {{"max.message.bytes", "20000"}});
  auto o = options();
  o.properties["compression.codec"] = "none";
  kafka::KafkaPublisher publisher(o);
  REQUIRE(publisher.start());
  const std::string small(5'000, 's'), large(30'000, 'l'), huge(3'000'000, 'h');
  // Together the small ones exceed the limit as well: the client sends them in one request.
  std::vector<runtime::OutRecord> records;
  for (int i = 0; i < 30; ++i) records.push_back(record(topic, bytes(i == 7 ? large : i == 20 ? huge : small)));
  const auto failures = publisher.publish(records);
  CHECK(kinds(failures) == std::vector<Kind>{Kind::too_large, Kind::too_large});
  REQUIRE(failures.size() == 2);
  CHECK(failures[0].index == 7);
  CHECK(failures[1].index == 20);
  CHECK_THAT(failures[0].message, contains(topic));
  CHECK(client.count(topic) == 28);
  CHECK(publisher.publish({records.data(), 3}).empty());  // the producer is still whole
}

TEST_CASE("a topic larger than the client's usual limit takes a large record") {
  KafkaClient client;
  const std::string topic = unique_prefix() + "t";
  client.create_topic(topic, 1, {{"max.message.bytes", "8000000"}});
  kafka::KafkaPublisher publisher(options());
  REQUIRE(publisher.start());
  const std::string value(5'000'000, 'v');
  auto r = record(topic, bytes(value));
  CHECK(publisher.publish({&r, 1}).empty());
  CHECK(client.read(topic).at(0).value == value);
}

TEST_CASE("a missing topic fails within seconds, beside records that arrive, and works once it exists") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "there");
  kafka::KafkaPublisher publisher(options());
  REQUIRE(publisher.start());
  const std::string v = "v";
  const std::vector<runtime::OutRecord> records = {record(name + "there", bytes(v)), record(name + "missing", bytes(v)), record(name + "there", bytes(v))};
  const auto begin = std::chrono::steady_clock::now();
  const auto failures = publisher.publish(records);
  CHECK(std::chrono::steady_clock::now() - begin < 8s);
  REQUIRE(kinds(failures) == std::vector<Kind>{Kind::topic_missing});
  CHECK(failures[0].index == 1);
  CHECK(client.count(name + "there") == 2);
  CHECK_FALSE(client.has_topic(name + "missing"));

  const auto again = publisher.publish({&records[1], 1});
  CHECK(kinds(again) == std::vector<Kind>{Kind::topic_missing});
  client.create_topic(name + "missing");
  CHECK(publisher.publish({&records[1], 1}).empty());
  CHECK(client.count(name + "missing") == 1);
}

TEST_CASE("in a topic with fewer partitions than the one asked for the key decides") {
  KafkaClient client;
  const std::string topic = unique_prefix() + "t";
  client.create_topic(topic, 3);
  kafka::KafkaPublisher publisher(options());
  REQUIRE(publisher.start());
  const std::string key = "user-42";
  std::vector<runtime::OutRecord> records(2, record(topic, bytes(key), bytes(key)));
  records[0].partition = core::Partition{9};
  records[1].partition.reset();
  CHECK(publisher.publish(records).empty());          // the client does not know the topic yet
  CHECK(publisher.publish({records.data(), 1}).empty());  // and now it does
  const auto arrived = client.read(topic);
  REQUIRE(arrived.size() == 3);
  CHECK(arrived[0].partition == arrived[1].partition);
  CHECK(arrived[0].partition == arrived[2].partition);
}

TEST_CASE("no broker: everything is unavailable after the delivery timeout") {
  auto o = options();
  o.brokers = "127.0.0.1:1";
  o.delivery_timeout = 500ms;
  kafka::KafkaPublisher publisher(o);
  REQUIRE(publisher.start());
  const std::string v = "v";
  const std::vector<runtime::OutRecord> records = {record("t", bytes(v)), record("t", bytes(v))};
  const auto begin = std::chrono::steady_clock::now();
  CHECK(kinds(publisher.publish(records)) == std::vector<Kind>{Kind::unavailable, Kind::unavailable});
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

TEST_CASE("many threads publish at once, and each gets its own answers") {
  KafkaClient client;
  const std::string topic = unique_prefix() + "t";
  client.create_topic(topic, 1);
  kafka::KafkaPublisher publisher(options());
  REQUIRE(publisher.start());
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const std::string v(300, 'v');
      for (int round = 0; round < 50; ++round) {
        std::vector<runtime::OutRecord> records(20, record(topic, bytes(v)));
        failures += static_cast<int>(publisher.publish(records).size());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
  CHECK(client.count(topic) == 4 * 50 * 20);
}

TEST_CASE("records that nobody waits for leave by themselves, at the latest before the publisher is gone") {
  KafkaClient client;
  const std::string topic = unique_prefix() + "t";
  client.create_topic(topic, 1);
  {
    kafka::KafkaPublisher publisher(options());
    REQUIRE(publisher.start());
    const std::string v = "v";
    std::vector<runtime::OutRecord> records(100, record(topic, bytes(v)));
    for (auto& r : records) r.await = false;
    CHECK(publisher.publish(records).empty());
  }
  CHECK(client.count(topic) == 100);
}

TEST_CASE("closing gives up what does not leave in time, says so, and takes no more") {
  PrivateKafka kafka;
  KafkaClient(kafka.url()).create_topic("t", 1);
  auto o = options();
  o.brokers = kafka.url();
  o.delivery_timeout = 300s;
  std::mutex mutex;
  std::string log;
  o.log = [&](kafka::LogLevel, std::string_view text) {
    const std::lock_guard lock(mutex);
    log.append(text).append("\n");
  };
  kafka::KafkaPublisher publisher(o);
  REQUIRE(publisher.start());
  const std::string v = "v";
  auto r = record("t", bytes(v));
  REQUIRE(publisher.publish({&r, 1}).empty());
  kafka.freeze();
  r.await = false;
  CHECK(publisher.publish({&r, 1}).empty());
  const auto began = std::chrono::steady_clock::now();
  publisher.close(began + 500ms);
  CHECK(std::chrono::steady_clock::now() - began < 30s);  // of 300
  kafka.thaw();
  const auto refused = publisher.publish({&r, 1});
  REQUIRE(refused.size() == 1);
  CHECK_THAT(refused[0].message, contains("closed"));
  const std::lock_guard lock(mutex);
  CHECK_THAT(log, contains("a record for t that nobody waits for was not delivered"));
}

TEST_CASE("after a fatal error of the producer the next call gets a new one") {
  auto cluster = kafka::MockCluster::create();
  REQUIRE(cluster);
  REQUIRE((*cluster)->create_topic("t", 1));
  auto o = options();
  o.brokers = (*cluster)->bootstrap();
  std::mutex mutex;
  std::vector<std::string> log;
  o.log = [&](kafka::LogLevel, std::string_view text) {
    const std::lock_guard lock(mutex);
    log.emplace_back(text);
  };
  kafka::KafkaPublisher publisher(o);
  REQUIRE(publisher.start());
  const std::string v = "v";
  auto r = record("t", bytes(v));
  REQUIRE(publisher.publish({&r, 1}).empty());
  constexpr std::int16_t out_of_order_sequence_number = 45;
  (*cluster)->fail(kafka::MockCluster::Request::produce, out_of_order_sequence_number, 1);
  CHECK(kinds(publisher.publish({&r, 1})) == std::vector<Kind>{Kind::unavailable});
  CHECK(publisher.publish({&r, 1}).empty());
  const std::lock_guard lock(mutex);
  CHECK(std::any_of(log.begin(), log.end(), [](const auto& line) { return line.find("fatal") != std::string::npos; }));
}

TEST_CASE("what the broker does not allow is refused, what it cannot do now is unavailable") {
  auto cluster = kafka::MockCluster::create();
  REQUIRE(cluster);
  REQUIRE((*cluster)->create_topic("t", 1));
  auto o = options();
  o.brokers = (*cluster)->bootstrap();
  o.delivery_timeout = 2s;
  kafka::KafkaPublisher publisher(o);
  REQUIRE(publisher.start());
  const std::string v = "v";
  auto r = record("t", bytes(v));
  const auto with_error = [&](std::int16_t error, std::size_t count) {
    (*cluster)->fail(kafka::MockCluster::Request::produce, error, count);
    return kinds(publisher.publish({&r, 1}));
  };
  CHECK(with_error(29, 1).empty());                                // TOPIC_AUTHORIZATION_FAILED: asked again once
  CHECK(with_error(29, 2) == std::vector<Kind>{Kind::refused});
  CHECK(with_error(87, 1) == std::vector<Kind>{Kind::refused});    // INVALID_RECORD
  CHECK(with_error(7, 1).empty());                                 // REQUEST_TIMED_OUT is tried again
  CHECK(with_error(19, 1000) == std::vector<Kind>{Kind::unavailable});  // NOT_ENOUGH_REPLICAS for too long
}

TEST_CASE("a delivery that the client only infers is none: without an offset nobody knows that the record is there") {
  auto cluster = kafka::MockCluster::create();
  REQUIRE(cluster);
  REQUIRE((*cluster)->create_topic("t", 1));
  auto o = options();
  o.brokers = (*cluster)->bootstrap();
  kafka::KafkaPublisher publisher(o);
  REQUIRE(publisher.start());
  const std::string v = "v";
  auto r = record("t", bytes(v));
  REQUIRE(publisher.publish({&r, 1}).empty());
  // The client takes it for "written before" and reports the record as delivered, at no offset.
  constexpr std::int16_t duplicate_sequence_number = 46;
  (*cluster)->fail(kafka::MockCluster::Request::produce, duplicate_sequence_number, 1);
  CHECK(kinds(publisher.publish({&r, 1})) == std::vector<Kind>{Kind::unavailable});
  CHECK(publisher.publish({&r, 1}).empty());
}

TEST_CASE("the first record for each of many topics does not wait for the client's next look round") {
  KafkaClient client;
  const std::string prefix = unique_prefix();
  std::vector<std::string> topics;
  for (int i = 0; i < 10; ++i) client.create_topic(topics.emplace_back(prefix + "t" + std::to_string(i)), 1);
  kafka::KafkaPublisher publisher(options());
  REQUIRE(publisher.start());
  const std::string v = "v";
  const auto began = std::chrono::steady_clock::now();
  for (const auto& topic : topics) {
    auto r = record(topic, bytes(v));
    r.partition = core::Partition{0};
    REQUIRE(publisher.publish({&r, 1}).empty());
  }
  // Left alone the client looks once a second: ten topics would take about ten.
  CHECK(std::chrono::steady_clock::now() - began < 5s);
}
