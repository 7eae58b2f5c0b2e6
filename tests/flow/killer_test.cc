// Killer records: one that ends the host or never comes back costs only itself.
#include <csignal>
#include <tuple>

#include "flow/host_fixture.h"
#include "flow/late_port.h"
#include "flow/service.h"
#include "support/catch.h"
#include "support/http.h"
#include "support/private_server.h"
#include "support/sqlite.h"

using namespace hostler::flow;

namespace {

// A dead member's partitions are given away after this; short, as each crash costs it.
const std::map<std::string, std::string> quick_session = {{"session.timeout.ms", "1200"}, {"heartbeat.interval.ms", "300"}};

// A host that comes back is the same member, and has its partitions at once.
HandlerToml sole_member(HandlerToml handler) { return handler.text("instance_id", "sole"); }

// `count` good records over all partitions with the killer in their midst.
std::vector<KafkaRecord> crowd(int count, const std::string& deadly) {
  std::vector<KafkaRecord> records;
  for (int i = 0; i < count; ++i) {
    records.push_back(event("good-" + std::to_string(i), "value " + std::to_string(i)));
    if (i == count / 2) records.push_back(event("killer", deadly));
  }
  return records;
}

// Everybody but the killer has one effect and was never but on the first attempt.
void check_neighbours(World& world, const std::string& topic, int count, int attempt = 1) {
  std::vector<Effect> expected;
  for (const auto& record : world.read(topic)) {
    if (record.key != "killer") expected.push_back({*record.key, topic, record.partition, record.offset, record.value});
  }
  REQUIRE(expected.size() == static_cast<std::size_t>(count));
  std::sort(expected.begin(), expected.end());
  CHECK(difference(world.effects(), expected) == "");
  for (const auto& delivery : world.deliveries()) {
    if (delivery.attempt > attempt) FAIL(delivery.event_id << " was delivered on attempt " << delivery.attempt);
  }
}

// The one letter, which its row in the ledger confirms.
KafkaRecord check_letter(World& world, const std::string& topic, const std::string& reason) {
  const auto letters = world.letters(topic);
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].key == "killer");
  CHECK(letters[0].header("hostler-reason") == reason);
  const std::string row = " FROM hostler_delegated WHERE event_id = 'killer'";
  CHECK(world.db().value("SELECT state" + row) == "dead");
  CHECK(world.db().value("SELECT step" + row) == letters[0].header("hostler-step"));
  CHECK(world.db().number("SELECT count(*) FROM hostler_delegated") == 1);
  CHECK(world.db().number("SELECT count(*) FROM hostler_suspect") == 0);
  CHECK(world.db().value("SELECT state FROM processed_events WHERE event_id = 'killer'") == "dead");
  return letters[0];
}

// A ledger in a file, with a table for effects.
struct InFile {
  World world;
  std::filesystem::path file = world.folder() / "ledger.db";
  void migrate(const std::filesystem::path& config) {
    REQUIRE(run({HOSTLER_BINARY, "ledger", "migrate", "--config", config.string()}).status.code == 0);
    Sqlite(file).exec("CREATE TABLE effects (event_id text NOT NULL, topic text, part integer, off integer, body blob)");
  }
  InFile() { world.hosts_settle_in("sqlite://" + file.string()); }
};

}  // namespace

TEST_CASE("two hosts, six partitions: after three crashes a killer record is dead-lettered, and all its neighbours are done") {
  World world;
  const std::string topic = world.topic("events", 6);
  const auto handler = world.probe("probe.effects", {topic}).set("lanes", "2").set("batch.max_records", "50");
  const auto first = world.config({handler}, "first", quick_session), second = world.config({handler}, "second", quick_session);
  world.migrate(first);
  std::vector<Service> services;
  services.reserve(2);
  services.emplace_back(first);
  services.emplace_back(second);
  for (auto& service : services) service.host().ready();
  const auto has_three = [&](Service& service) { return http_get(service.host().port(), "/metrics").body.find("hostler_assigned_partitions{handler=\"effects\",group=\"" + world.group() + "\"} 3") != std::string::npos; };
  REQUIRE(eventually(20s, [&] { return has_three(services[0]) && has_three(services[1]); }));

  constexpr int count = 600;
  world.kafka().produce_all(topic, crowd(count, "abort:"));
  const auto settled = [&] {
    for (auto& service : services) service.tend();
    return world.letters(topic).size() == 1 && world.effect_count() == count && world.settled({topic});
  };
  const bool in_time = eventually(15s, settled);
  INFO(services[0].output() << "\n--- second ---\n" << services[1].output());
  REQUIRE(in_time);
  std::size_t crashes = 0;
  for (auto& service : services) {
    crashes += service.ends.size();
    for (const auto& end : service.ends) CHECK(end.signal == SIGABRT);
    service.host().ready();
    CHECK(service.host().leave() == 0);
  }
  CHECK(crashes == 3);
  const auto letter = check_letter(world, topic, "crashed");
  CHECK_THAT(letter.header("hostler-error-message").value(), contains("a host died 3 times while it handled this record, the last time of: signal 6 (SIGABRT)"));
  CHECK(letter.header("hostler-attempt") == "1");
  check_neighbours(world, topic, count);
}

TEST_CASE("however a record ends its host, it is found out and costs only itself (SQLite)") {
  InFile in;
  World& world = in.world;
  const auto [deadly, code, signal, words] = GENERATE(table<std::string, int, int, std::string>({
      {"segv:", -1, SIGSEGV, "signal 11 (SIGSEGV)"},
      {"stack:", -1, SIGSEGV, "signal 11 (SIGSEGV)"},
      {"exit:0:", 4, 0, "exit(0) called by the handler"},
      {"exit:7:", 4, 0, "exit(7) called by the handler"},
      {"_exit:", 0, 0, "an end without a word (killed, out of memory, _exit)"},
      {"kill:", -1, SIGKILL, "an end without a word (killed, out of memory, _exit)"},
      {"throw:", -1, SIGABRT, "signal 6 (SIGABRT) in a thread of its own"},
  }));
  INFO(deadly);
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({sole_member(world.probe("probe.effects", {topic}).set("lanes", "2"))}, "sole");
  in.migrate(config);
  world.kafka().produce_all(topic, crowd(40, deadly));
  Service service(config);
  Sqlite db(in.file);
  const bool dead = eventually(40s, [&] {
    service.tend();
    return world.letters(topic).size() == 1 && db.number("SELECT count(*) FROM effects") == 40;
  });
  INFO(service.output());
  REQUIRE(dead);
  CHECK(service.ends.size() == 3);
  for (const auto& end : service.ends) CHECK(end == ExitStatus{code, signal});
  const auto letter = world.letters(topic).front();
  CHECK(letter.key == "killer");
  CHECK(letter.header("hostler-reason") == "crashed");
  CHECK_THAT(letter.header("hostler-error-message").value(), contains("the last time of: " + words + ";"));
  REQUIRE(eventually(10s, [&] { return world.kafka().lag(world.group(), topic) == 0; }));
  CHECK(service.host().leave() == 0);
  CHECK(db.number("SELECT count(DISTINCT event_id) FROM effects") == 40);
  CHECK(db.value("SELECT state FROM hostler_delegated") == "dead");
  CHECK(db.number("SELECT count(*) FROM hostler_suspect") == 0);
  for (const auto& delivery : world.deliveries()) CHECK(delivery.attempt == 1);
  CHECK(service.has_said("died of " + words));
}

TEST_CASE("a handler that hangs ends its host with a clear last line, and after three times the record is dead-lettered as hung") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({sole_member(world.probe("probe.effects", {topic}).text("timeout", "300ms").set("lanes", "2"))}, "sole");
  world.migrate(config);
  world.kafka().produce_all(topic, crowd(40, "hang:"));
  Service service(config);
  const bool dead = eventually(40s, [&] {
    service.tend();
    return world.letters(topic).size() == 1 && world.effect_count() == 40;
  });
  INFO(service.output());
  REQUIRE(dead);
  REQUIRE(service.ends.size() == 3);
  for (const auto& end : service.ends) CHECK(end == ExitStatus{4, 0});
  CHECK(service.has_said("(1 record) for 2"));
  CHECK(service.has_said("its timeout is 300 ms; it was told to stop when its time was over. This host ends itself"));
  REQUIRE(world.settles({topic}, 10s));
  CHECK(service.host().leave() == 0);
  const auto letter = check_letter(world, topic, "hung");
  CHECK_THAT(letter.header("hostler-error-message").value(), contains("no return within the timeout"));
  check_neighbours(world, topic, 40);
}

TEST_CASE("a host that was stopped for longer than its handler may take blames nobody") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.probe("probe.effects", {topic}).text("timeout", "1s")}, "sole", {{"session.timeout.ms", "45000"}});
  world.migrate(config);
  Host host(config);
  host.ready();
  world.kafka().produce_all(topic, {event("slow", "slow:900:")});
  REQUIRE(eventually(10s, [&] { return world.deliveries().size() == 1; }));
  host.process().kill(SIGSTOP);
  CHECK(stays(5s, [&] { return world.effect_count() == 0; }));
  host.process().kill(SIGCONT);
  const bool done = eventually(10s, [&] { return world.effect_count() == 1; });
  INFO(host.output());
  REQUIRE(done);
  CHECK(world.deliveries().size() == 1);
  CHECK(host.leave() == 0);
}

TEST_CASE("a handler that heeds the end of its time is retried, and its host lives") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.probe("probe.effects", {topic}).text("timeout", "300ms").set("retry.max_retries", "0")}, "sole");
  world.migrate(config);
  world.kafka().produce_all(topic, crowd(4, "polite:"));
  Host host(config);
  const bool settled = eventually(20s, [&] { return world.letters(topic).size() == 1 && world.effect_count() == 4; });
  INFO(host.output());
  REQUIRE(settled);
  CHECK(host.leave() == 0);
  CHECK(check_letter(world, topic, "retries-exhausted").header("hostler-error-message") == "its time was over");
}

TEST_CASE("a killer on a retry topic costs only itself there") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({sole_member(world.probe("probe.effects", {topic}))}, "sole");
  world.migrate(config);
  std::vector<KafkaRecord> records;
  for (int i = 0; i < 20; ++i) records.push_back(event("good-" + std::to_string(i), "fail:2:"));
  records.insert(records.begin() + 10, event("killer", "at:2:segv:"));
  world.kafka().produce_all(topic, records);
  Service service(config);
  const bool dead = eventually(60s, [&] {
    service.tend();
    return world.letters(topic).size() == 1 && world.effect_count() == 20;
  });
  INFO(service.output());
  REQUIRE(dead);
  CHECK(service.ends.size() == 3);
  REQUIRE(world.settles({topic}, 20s));
  CHECK(service.host().leave() == 0);
  const auto letter = check_letter(world, topic, "crashed");
  CHECK(letter.header("hostler-attempt") == "2");
  CHECK(world.read(world.retry_topic(topic, "2s")).empty());
  check_neighbours(world, topic, 20, 2);
}

TEST_CASE("of one crash a record is counted once, also when the host dies before it has cleared its journal") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.probe("probe.effects", {topic})}, "sole");
  world.migrate(config);
  world.kafka().produce_all(topic, crowd(10, "abort:"));
  const auto file = world.folder() / "state-sole/crash-journal", kept = world.folder() / "kept";
  {
    Host host(config);
    REQUIRE(eventually(30s, [&] { return !host.running(); }));
  }
  std::filesystem::copy_file(file, kept);
  world.hosts_use("127.0.0.1:1");  // it starts, and reads nothing
  const auto cut_off = world.config({world.probe("probe.effects", {topic})}, "sole");
  for (int i = 0; i < 3; ++i) {
    std::filesystem::copy_file(kept, file, std::filesystem::copy_options::overwrite_existing);
    Host host(cut_off);
    REQUIRE(host.process().wait_for_output("started: group", 30s));
    CHECK(host.lines_with("died of signal 6 (SIGABRT) while handler effects had " + topic + "/0@0..10: 11 suspects") == 1);
    host.kill_hard();
    CHECK(world.db().query("SELECT count(*), min(crashes), max(crashes), max(alone), max(how) FROM hostler_suspect") == Rows{{"11", "1", "1", "0", "signal 6 (SIGABRT)"}});
  }
}

TEST_CASE("a ledger that does not take the suspects keeps the host waiting, and the journal keeps them") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.probe("probe.effects", {topic})}, "sole");
  world.migrate(config);
  world.kafka().produce_all(topic, crowd(4, "abort:"));
  {
    Host host(config);
    REQUIRE(eventually(30s, [&] { return !host.running(); }));
  }
  world.db().exec("ALTER TABLE hostler_suspect RENAME TO away");
  for (int i = 0; i < 2; ++i) {
    Host host(config);
    REQUIRE(host.process().wait_for_output("the ledger does not take the suspects of the last crash, the host keeps trying", 30s));
    CHECK(host.lines_with("started: group") == 0);
    host.kill_hard();
  }
  world.db().exec("ALTER TABLE away RENAME TO hostler_suspect");
  world.hosts_use("127.0.0.1:1");
  Host host(world.config({world.probe("probe.effects", {topic})}, "sole"));
  REQUIRE(host.process().wait_for_output("started: group", 30s));
  CHECK(world.db().query("SELECT count(*), max(crashes) FROM hostler_suspect") == Rows{{"5", "1"}});
  host.kill_hard();
}

TEST_CASE("a host that crashed joins no group before its ledger knows of what") {
  PrivatePostgres postgres;
  World world(postgres.url());
  const std::string topic = world.topic();
  const auto config = world.config({world.probe("probe.effects", {topic}).set("max_crashes", "2")}, "sole", quick_session);
  world.migrate(config);
  world.kafka().produce_all(topic, crowd(10, "abort:"));
  {
    Host host(config);
    REQUIRE(eventually(30s, [&] { return !host.running(); }));
  }
  world.reconnect();
  postgres.stop();
  Service service(config);
  REQUIRE(service.host().process().wait_for_output("the ledger cannot be reached, the host keeps trying", 30s));
  CHECK(http_get(service.host().port(), "/livez").status == 200);
  CHECK(http_get(service.host().port(), "/readyz").status == 503);
  REQUIRE(eventually(10s, [&] { return world.kafka().group(world.group()).members == 0; }));  // the dead member is gone
  CHECK(stays(2s, [&] { return service.host().lines_with("started: group") == 0 && world.kafka().group(world.group()).members == 0; }));
  postgres.start();
  const bool dead = eventually(40s, [&] {
    service.tend();
    return world.letters(topic).size() == 1 && world.effect_count() == 10;
  });
  INFO(service.output());
  REQUIRE(dead);
  CHECK(service.ends.size() == 1);  // the second of its crashes, alone
  REQUIRE(world.settles({topic}, 10s));
  CHECK(service.host().leave() == 0);
  CHECK_THAT(check_letter(world, topic, "crashed").header("hostler-error-message").value(), contains("a host died 2 times"));
  check_neighbours(world, topic, 10);
}

TEST_CASE("without a ledger a host knows its own killers") {
  World world;
  const std::string topic = world.topic("events", 2), output = world.topic("output");
  const auto config = world.config({sole_member(world.probe("probe.bare", {topic}, output))}, "sole");
  world.kafka().produce_all(topic, crowd(40, "abort:"));
  Service service(config);
  const auto published = [&] {
    std::set<std::string> ids;
    for (const auto& record : world.read(output)) ids.insert(record.key.value());
    return ids.size();
  };
  const bool dead = eventually(40s, [&] {
    service.tend();
    return world.letters(topic).size() == 1 && published() == 40 && world.kafka().lag(world.group(), topic) == 0;
  });
  INFO(service.output());
  REQUIRE(dead);
  CHECK(service.ends.size() == 3);
  CHECK(service.host().leave() == 0);
  const auto letter = world.letters(topic).front();
  CHECK(letter.key == "killer");
  CHECK(letter.header("hostler-reason") == "crashed");
  for (const auto& delivery : world.deliveries()) CHECK(delivery.attempt == 1);
}

TEST_CASE("truth: suspects that wait show in health and metrics, with a line for each thing that happens to them, and the host stays ready") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({sole_member(world.probe("probe.effects", {topic}))}, "sole");
  world.migrate(config);
  std::vector<KafkaRecord> records;
  for (int i = 0; i < 5; ++i) records.push_back(event("slow-" + std::to_string(i), "slow:700:"));
  records.push_back(event("last", "good"));
  world.kafka().produce_all(topic, records);
  {
    Host host(config);
    REQUIRE(eventually(30s, [&] { return world.deliveries().size() == 2; }));
    host.kill_hard();
  }
  Host host(config);
  const auto metrics = [&] { return http_get(host.port(), "/metrics").body; };
  const auto health = [&] { return http_get(host.port(), "/health").body; };
  REQUIRE(eventually(20s, [&] { return metrics().find("hostler_suspects{handler=\"effects\"} 4") != std::string::npos; }));
  CHECK_THAT(health(), contains("\"suspects\": ") && contains("records in whose handling a host died wait to be handled one by one"));
  CHECK(http_get(host.port(), "/readyz").status == 200);
  REQUIRE(world.settles({topic}, 20s));
  REQUIRE(eventually(5s, [&] { return metrics().find("hostler_suspects{handler=\"effects\"} 0") != std::string::npos; }));
  CHECK_THAT(health(), !contains("a host died"));
  CHECK_THAT(host.output(), contains("died of an end without a word (killed, out of memory, _exit) while handler effects had " + topic + "/0@0..5: 6 suspects") &&
                                contains(topic + "/0 has, from offset 0 on, 6 suspects") && contains(topic + "/0 has no suspects left"));
  CHECK(host.leave() == 0);
  CHECK(world.effect_count() == 6);
  CHECK(world.db().number("SELECT count(*) FROM hostler_suspect") == 0);
}

TEST_CASE("two hosts do not share a state folder") {
  World world;
  const auto config = world.config({world.handler({world.topic()})}, "sole");
  world.migrate(config);
  Host host(config);
  host.ready();
  const auto second = run({HOSTLER_BINARY, "run", "--config", config.string()});
  CHECK(second.status.code == 2);
  CHECK_THAT(second.output, contains("state-sole is in use by another host (pid " + std::to_string(host.pid()) + "); give each host a folder of its own with [host] state_dir"));
  CHECK(host.leave() == 0);
}
