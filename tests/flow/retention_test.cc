// What is older than the ledger's retention goes while records flow; what still waits stays.
#include "flow/host_fixture.h"
#include "support/catch.h"
#include "support/http.h"

using namespace hostler::flow;

namespace {

void make_older(World& world, const std::string& days, const std::string& only = "") {
  const std::string span = " - interval '" + days + " days'", which = only.empty() ? "" : " WHERE event_id = '" + only + "'";
  world.db().exec("UPDATE processed_events SET processed_at = processed_at" + span + which);
  world.db().exec("UPDATE hostler_delegated SET due = due" + span + ", first_seen = first_seen" + span + which);
}

std::string states(World& world, const std::string& where) {
  return world.db().value("SELECT string_agg(event_id || ' ' || state, ', ' ORDER BY event_id) FROM " + where);
}

}  // namespace

TEST_CASE("a running host forgets old settled records, in steps, and nothing that waits") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({world.handler({topic}).set("retry.delays", R"(["1h"])")});
  world.migrate(config);
  {
    Host host(config);
    std::vector<KafkaRecord> records = {event("waits-1", "fail:2:"), event("waits-2", "fail:2:"), event("dead-old", "reject:"), event("dead", "reject:")};
    for (int i = 0; i < 200; ++i) records.push_back(event("old-" + std::to_string(i), "good"));
    world.kafka().produce_all(topic, records);
    REQUIRE(eventually(30s, [&] { return world.effect_count() == 200 && world.kafka().lag(world.group(), topic) == 0; }));
    CHECK(host.leave() == 0);
  }
  make_older(world, "31");           // retention is 30 days
  make_older(world, "7", "dead-old");  // dead for 38: a dead letter's 30, and a week for its replay
  auto& db = world.db();
  db.exec("INSERT INTO processed_events (event_id, service_name, topic, partition, record_offset, processed_at) SELECT 'older-' || n, 'effects', '" + topic +
          "', 0, n, now() - interval '31 days' FROM generate_series(1, 5000) n");
  db.exec("INSERT INTO processed_events (event_id, service_name, topic, partition, record_offset, processed_at) "
          "VALUES ('old', 'another-service', 'events', 0, 0, now() - interval '300 days')");

  Host host(config);
  int fresh = 0;
  const bool gone = eventually(30s, [&] {
    world.kafka().produce_all(topic, {event("fresh-" + std::to_string(fresh++), "good")});
    return db.number("SELECT count(*) FROM processed_events WHERE event_id LIKE 'old%'") == 1;
  });
  INFO(host.output());
  CHECK(gone);
  REQUIRE(eventually(30s, [&] { return world.effect_count() == 200 + fresh; }));
  CHECK(states(world, "processed_events WHERE event_id NOT LIKE 'fresh-%' AND service_name = 'effects'") == "dead dead, waits-1 retry, waits-2 retry");
  CHECK(states(world, "hostler_delegated") == "dead dead, waits-1 retry, waits-2 retry");
  CHECK(db.number("SELECT count(*) FROM processed_events WHERE service_name = 'another-service'") == 1);
  CHECK(db.number("SELECT count(*) FROM processed_events WHERE event_id LIKE 'fresh-%' AND state = 'done'") == fresh);
  const std::string expired = "\nhostler_ledger_expired_total{ledger=\"\",table=";
  CHECK(eventually(10s, [&] { return http_get(host.port(), "/metrics").body.find(expired + "\"processed_events\"} 5201\n") != std::string::npos; }));
  CHECK(http_get(host.port(), "/metrics").body.find(expired + "\"hostler_delegated\"} 1\n") != std::string::npos);

  // What is remembered is a duplicate, what was forgotten is news.
  world.kafka().produce_all(topic, {event("waits-1", "good"), event("fresh-0", "good"), event("dead", "good"), event("old-7", "good")});
  REQUIRE(eventually(30s, [&] { return world.kafka().lag(world.group(), topic) == 0; }));
  CHECK(host.leave() == 0);
  CHECK(world.effect_count() == 200 + fresh + 1);
  CHECK(db.number("SELECT count(*) FROM effects WHERE event_id = 'old-7'") == 2);
}
