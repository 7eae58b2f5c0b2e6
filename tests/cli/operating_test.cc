// The operators' commands as a script sees them: exit codes, JSON, what is accounted for, and what is not there.
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "kafka/admin.h"
#include "kafka/record_reader.h"
#include "runtime/identity_check.h"
#include "runtime/ledger_operations.h"
#include "store/migrator.h"
#include "store/open_ledger.h"
#include "support/catch.h"
#include "support/kafka_client.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

// A handler's topic with 10 records a partition, and a ledger in a file. No host runs.
struct Site {
  TempDir folder;
  std::string topic = unique_prefix() + "orders";
  core::LedgerConfig ledger{"sqlite://" + (folder / "ledger.db").string(), 4};
  std::string brokers = kafka_bootstrap();
  std::string host_lines, handler_lines = "event_id = \"key\"\n";

  [[nodiscard]] std::string config() const {
    return folder
        .write("host.toml", "[host]\n" + host_lines + "[kafka]\nbrokers = [\"" + brokers + "\"]\n[ledger]\nurl = \"" + ledger.url +
                                "\"\n[[handler]]\nname = \"orders\"\nplugin = \"p.so\"\nhandler = \"h\"\ntopics = [\"" + topic + "\"]\ngroup = \"" + topic +
                                "-group\"\nstart = \"latest\"\n" + handler_lines)
        .string();
  }
  [[nodiscard]] Finished operate(std::vector<std::string> words) const {
    words.insert(words.begin(), HOSTLER_BINARY);
    words.insert(words.end(), {"--config", config()});
    return run(std::move(words));
  }
  // A script must be able to tell what is JSON from what is said besides.
  [[nodiscard]] nlohmann::json json(std::vector<std::string> words, int code) const {
    words.emplace_back("--json");
    const auto done = operate(std::move(words));
    INFO(done.output);
    CHECK(done.status.code == code);
    return nlohmann::json::parse(done.output);
  }
  void make(int partitions = 1) {
    KafkaClient client;
    client.create_topic(topic, partitions, {{"retention.ms", "-1"}});  // the records are old
    for (int p = 0; p < partitions; ++p)
      for (int i = 0; i < 10; ++i) client.produce(topic, {"key", "value " + std::to_string(i), {}, p, 1'700'000'000'000 + i});
    client.flush();
    REQUIRE(operate({"ledger", "migrate"}).status.code == 0);
  }
  // As a host settles, up to `to`; the last record is looked at, as it lies there.
  void settle(int partition, std::int64_t to, std::int64_t acked) const {
    auto opened = store::open_ledger(ledger, {});
    REQUIRE(opened.ok());
    kafka::AdminOptions options;
    options.brokers = brokers;
    kafka::KafkaAdmin admin(options);
    REQUIRE(admin.start());
    const runtime::TakeOver wanted{{topic, {partition}}, {0}};
    const auto mark = (*opened)->take_over("orders", *admin.cluster_id(), std::span(&wanted, 1))->front();
    const runtime::LookAt place{{topic, {partition}}, {to - 1}};
    const auto look = admin.look_into(std::span(&place, 1), core::Millis(10'000));
    const auto last = runtime::fingerprint_of({to - 1}, look->front().record.value());
    auto session = (*opened)->lease();
    REQUIRE(session->begin().ok());
    REQUIRE(*session->fence("orders", {{topic, 1, {partition}}, mark, {to}, {acked}, last.offset, last.timestamp, last.hash}));
    REQUIRE(session->commit(nullptr) == runtime::CommitOutcome::committed);
  }
  [[nodiscard]] std::int64_t mark(int partition) const {
    auto opened = store::open_ledger(ledger, {});
    const auto marks = (*opened)->operations().marks("orders");
    REQUIRE(marks.ok());
    for (const auto& known : *marks)
      if (known.where.partition.value == partition) return known.memory.mark.next.value;
    return -1;
  }
};

}  // namespace

TEST_CASE("offsets show tells of every partition in JSON what it tells in its table") {
  Site site;
  site.make(3);
  site.settle(0, 6, 4);
  site.settle(1, 10, 10);
  KafkaClient client;
  client.set_committed(site.topic + "-group", site.topic, 0, 5);
  client.set_committed(site.topic + "-group", site.topic, 1, 3);
  const auto shown = site.json({"offsets", "show"}, 1);
  CHECK(shown["fine"] == false);
  const auto& partitions = shown["handlers"][0]["partitions"];
  REQUIRE(partitions.size() == 3);
  CHECK(partitions[0]["verdict"] == "fine");
  CHECK(partitions[0]["mark"] == 6);
  CHECK(partitions[0]["acked"] == 4);
  CHECK(partitions[0]["committed"] == 5);
  CHECK(partitions[0]["lag"] == 4);
  CHECK(partitions[0]["high"] == 10);
  CHECK(partitions[1]["verdict"] == "reset");
  CHECK(partitions[1]["refused"]["mend"].get<std::string>().find("hostler offsets adopt") != std::string::npos);
  CHECK(partitions[2]["verdict"] == "not read yet");
  CHECK(partitions[2]["mark"].is_null());
  CHECK(partitions[2]["lag"] == 10);
  const auto table = site.operate({"offsets", "show"});
  CHECK(table.status.code == 1);
  CHECK_THAT(table.output, contains("HANDLER") && contains("not read yet") && contains(site.topic + "/1 is held: "));
}

TEST_CASE("a rewind moves mark and offset of a handler that nobody runs, and only with --yes, and both are accounted for") {
  Site site;
  site.make(2);
  site.host_lines = "audit_log = \"" + (site.folder / "audit.log").string() + "\"\n";
  site.settle(0, 10, 10);
  site.settle(1, 10, 10);
  const std::vector<std::string> words{"offsets", "rewind", "--handler", "orders", "--topic", site.topic, "--to", "@2023-11-14T22:13:20.007Z"};
  auto planned = site.json(words, 0);
  CHECK(planned["done"] == false);
  CHECK(planned["partitions"].size() == 2);
  CHECK(planned["partitions"][0]["from"] == 10);
  CHECK(planned["partitions"][0]["to"] == 7);
  CHECK(site.mark(0) == 10);
  auto one = words;
  one.insert(one.end(), {"--partition", "1", "--yes"});
  CHECK(site.json(one, 0)["done"] == true);
  CHECK(site.mark(0) == 10);
  CHECK(site.mark(1) == 7);
  CHECK(KafkaClient().committed(site.topic + "-group", site.topic) == std::map<std::int32_t, std::int64_t>{{1, 7}});
  std::ifstream log(site.folder / "audit.log");
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(log, line);) lines.push_back(nlohmann::json::parse(line));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["action"] == "offsets rewind");
  CHECK(lines[0]["object"] == "handler orders: " + site.topic + "/1 to 7");
  CHECK(lines[0]["outcome"] == "begins");
  CHECK_THAT(lines[1]["outcome"].get<std::string>(), contains("set likewise"));

  site.host_lines = "audit_log = \"/nonexistent/audit.log\"\n";
  auto all = words;
  all.emplace_back("--yes");
  CHECK(site.operate(all).status.code == 1);
  CHECK(site.mark(0) == 10);
}

TEST_CASE("what cannot be is refused: a handler, topic, partition or offset that is not there, and ids that nobody keeps") {
  Site site;
  site.make();
  const auto refused = [&](std::vector<std::string> words, int code, const std::string& text) {
    const auto done = site.operate(std::move(words));
    INFO(done.output);
    CHECK(done.status.code == code);
    CHECK_THAT(done.output, contains(text));
  };
  refused({"offsets", "show", "--handler", "nobody"}, 2, "there is no handler 'nobody'; there is orders");
  refused({"offsets", "rewind", "--handler", "orders", "--topic", "other", "--to", "0"}, 2, "handler orders does not read topic other");
  refused({"offsets", "rewind", "--handler", "orders", "--topic", site.topic, "--partition", "1", "--to", "0"}, 2, "there is no partition 1; the topic has 1");
  refused({"offsets", "rewind", "--handler", "orders", "--topic", site.topic, "--to", "11"}, 1, "has offsets 0 to 10");
  refused({"offsets", "adopt", "--handler", "orders", "--topic", site.topic, "--yes"}, 0, "nothing to adopt");
  refused({"ledger", "stuck"}, 0, "no record waits for a retry that was due more than 10m ago");
  site.handler_lines = "idempotency = \"offset\"\n";
  refused({"offsets", "rewind", "--handler", "orders", "--topic", site.topic, "--to", "0", "--forget-ids"}, 2, "remembers no event ids");
}

TEST_CASE("a handler without a ledger is rewound in Kafka, and has nothing to adopt") {
  Site site;
  site.make();
  site.handler_lines = "idempotency = \"off\"\n";
  KafkaClient client;
  client.set_committed(site.topic + "-group", site.topic, 0, 8);
  CHECK(site.json({"offsets", "show"}, 0)["handlers"][0]["partitions"][0]["lag"] == 2);
  CHECK(site.operate({"offsets", "rewind", "--handler", "orders", "--topic", site.topic, "--to", "2", "--yes"}).status.code == 0);
  CHECK(client.committed(site.topic + "-group", site.topic).at(0) == 2);
  CHECK(site.operate({"offsets", "adopt", "--handler", "orders", "--topic", site.topic}).status.code == 2);
}

TEST_CASE("brokers or a database that are not reached, or a file that another process owns, exit with 3") {
  Site site;
  site.make();
  {
    auto owner = store::open_ledger(site.ledger, {});  // as a running host
    const auto done = site.operate({"offsets", "show"});
    INFO(done.output);
    CHECK(done.status.code == 3);
    CHECK_THAT(done.output, contains("is in use by another process"));
  }
  CHECK(site.operate({"offsets", "show"}).status.code == 0);
  const auto url = site.ledger.url;
  site.ledger.url = "postgresql://bob:hunter2@127.0.0.1:1/x";
  const auto down = site.operate({"ledger", "stuck"});
  CHECK(down.status.code == 3);
  CHECK_THAT(down.output, !contains("hunter2"));
  site.ledger.url = "sqlite://" + (site.folder / "missing.db").string();
  const auto missing = site.operate({"ledger", "stuck"});
  CHECK(missing.status.code == 3);
  CHECK_THAT(missing.output, contains("hostler ledger migrate"));
  CHECK_FALSE(std::filesystem::exists(site.folder / "missing.db"));
  site.ledger.url = url;
  site.brokers = "127.0.0.1:1";
  CHECK(site.operate({"offsets", "show"}).status.code == 3);
}
