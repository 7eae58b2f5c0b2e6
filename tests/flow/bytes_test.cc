// What a record holds comes out byte for byte, whatever its way was.
#include <random>

#include "flow/host_fixture.h"
#include "support/catch.h"

using namespace hostler::flow;
using namespace std::string_literals;

namespace {

std::vector<Header> foreign(const KafkaRecord& record) {
  std::vector<Header> headers = record.headers;
  std::erase_if(headers, [](const Header& header) { return header.name.starts_with("hostler-"); });
  return headers;
}

std::string noise(std::size_t size) {
  std::mt19937 random(5);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

} // namespace

TEST_CASE("tombstones, empty keys, NUL bytes, invalid UTF-8 and 1 MB records come out byte for byte") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({world.probe("probe.effects", {topic})});
  world.migrate(config);

  struct Shape {
    std::string name;
    OptionalBytes key, value;
  };
  const std::vector<Shape> shapes = {
      {"plain", "key", "value"},
      {"tombstone", "key", std::nullopt},
      {"empty-value", "key", ""},
      {"no-key", std::nullopt, "value"},
      {"empty-key", "", "value"},
      {"nothing", std::nullopt, std::nullopt},
      {"nul-bytes", "k\0y\0"s, "\0v\0\0"s},
      {"invalid-utf8", "\xff\xfe key", "\xc3( \xed\xa0\x80 \xff"},
      {"one-megabyte", "key", noise(1'000'000)},
  };
  const std::vector<Header> headers = {{"text", "a header"},   {"null", std::nullopt}, {"empty", ""},
                                       {"bytes", "\0\xff\n"s}, {"twice", "first"},     {"twice", "second"},
                                       {"naïve ☃", "name"}};
  std::map<std::string, KafkaRecord> sent;
  for (const auto& [name, key, value] : shapes) {
    for (const std::string steer : {"done", "fail:2:", "reject:"}) {
      const std::string id = name + "/" + steer;
      KafkaRecord record{.key = key, .value = value, .headers = headers};
      record.headers.insert(record.headers.begin() + 1, {{"event-id", id}, {"steer", steer}});
      sent[id] = record;
      world.kafka().produce(topic, record);
    }
  }
  world.kafka().flush();
  Host host(config);
  REQUIRE(eventually(30s, [&] { return world.effect_count() >= static_cast<long long>(2 * shapes.size()); }));
  REQUIRE(world.settles({topic}, 10s));
  CHECK(host.leave() == 0);

  const auto effects = world.effects();
  CHECK(effects.size() == 2 * shapes.size());
  for (const auto& effect : effects) {
    CAPTURE(effect.event_id);
    CHECK((effect.body == sent.at(effect.event_id).value)); // in brackets: a megabyte is no message
  }
  const auto check_copies = [&](const std::vector<KafkaRecord>& copies) {
    CHECK(copies.size() == shapes.size());
    for (const auto& copy : copies) {
      const std::string id = copy.header("event-id").value();
      CAPTURE(id);
      CHECK(copy.key == sent.at(id).key);
      CHECK((copy.value == sent.at(id).value));
      CHECK((foreign(copy) == sent.at(id).headers));
    }
  };
  check_copies(world.read(world.retry_topic(topic, "1s")));
  check_copies(world.letters(topic));
}
