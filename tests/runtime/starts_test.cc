// Where an assignment's partitions start: as the ledger says, unless what lies there is not what the ledger knows.
#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "fakes/fake_publisher.h"
#include "fakes/manual_clock.h"
#include "fakes/memory_ledger.h"
#include "fakes/memory_topics.h"
#include "fakes/scripted_lane.h"
#include "fakes/scripted_source.h"
#include "runtime/handler_runtime.h"
#include "runtime/identity_check.h"
#include "runtime/log.h"
#include "support/catch.h"
#include "support/temp_dir.h"
#include "support/wait.h"
#include "world.h"

using namespace hostler;
using namespace hostler::testing;
using Kind = core::Refusal::Kind;

namespace {

const core::TopicPartition zero{"user-events", {0}}, one{"user-events", {1}};

class NoConsumer final : public runtime::Consumer {
 public:
  runtime::Source& source(std::size_t) override { return source_; }
  core::Status<> start() override { return core::Status<>::success(); }
  void drain() override { source_.drain(); }
  void close() override {}
  [[nodiscard]] runtime::ConsumerState state() const override { return {}; }

 private:
  ScriptedSource source_{zero};
};

// A handler that is assigned what a test says.
struct Assigned {
  core::HostConfig host;
  core::HandlerConfig config = user_service();
  MemoryTopics topics;
  MemoryLedger ledger;
  FakePublisher publisher;
  runtime::SystemClock clock;
  CountingObserver observer;
  runtime::Assignments* assignments = nullptr;
  std::unique_ptr<runtime::HandlerRuntime> runtime;

  Assigned() {
    config.retry.max_retries = 0;
    for (int i = 0; i < 100; ++i) topics.add(zero, "value " + std::to_string(i));
    for (int i = 0; i < 10; ++i) topics.add(one, "value " + std::to_string(i));
    runtime = std::make_unique<runtime::HandlerRuntime>(runtime::HandlerParts{
        host, config, {},
        [this](runtime::Assignments& a) -> std::unique_ptr<runtime::Consumer> {
          assignments = &a;
          return std::make_unique<NoConsumer>();
        },
        {}, publisher, topics, &ledger, observer, clock, {}, false});
  }
  // Takes the partition over and settles up to `to` as the records there say.
  void settle(const core::TopicPartition& where, std::int64_t to, std::int64_t acked) {
    const runtime::TakeOver wanted{where, {0}};
    const auto mark = ledger.take_over(config.name, topics.id, std::span(&wanted, 1))->front();
    const auto last = runtime::fingerprint_of({to - 1}, topics.partitions[where].records.at(to - 1));
    auto session = ledger.lease();
    REQUIRE(session->begin().ok());
    REQUIRE(*session->fence(config.name, {{where.topic, mark.topic_id, where.partition}, mark, {to}, {acked}, last.offset, last.timestamp, last.hash}));
    REQUIRE(session->commit(nullptr) == runtime::CommitOutcome::committed);
  }
  std::vector<runtime::StartPosition> starts(const std::vector<runtime::AssignedPartition>& assigned) {
    auto positions = assignments->start_positions(assigned);
    if (!positions) throw std::runtime_error(positions.error().message);
    return std::move(*positions);
  }
};

}  // namespace

TEST_CASE("a first assignment starts where Kafka says, and asks nothing about topics") {
  Assigned a;
  const auto starts = a.starts({{zero, {7}}, {one, {3}}});
  CHECK(starts[0].start.value == 7);
  CHECK(starts[0].mark->epoch == 1);
  CHECK(starts[1].start.value == 3);
  CHECK(a.topics.looks == 0);
}

TEST_CASE("a later one starts at the mark, ahead of Kafka or behind it") {
  Assigned a;
  a.settle(zero, 50, 40);
  a.settle(one, 5, 5);
  const auto starts = a.starts({{zero, {45}}, {one, {9}}});
  CHECK(starts[0].start.value == 50);
  CHECK(starts[1].start.value == 5);
  CHECK_FALSE(starts[0].refused);
  CHECK_FALSE(starts[1].refused);
}

TEST_CASE("a refused partition is not taken over, the others are") {
  Assigned a;
  a.settle(zero, 50, 40);
  a.settle(one, 5, 5);
  a.topics.partitions[one].records[4].value = "another";
  const auto starts = a.starts({{one, {5}}, {zero, {40}}});
  REQUIRE(starts[0].refused);
  CHECK(starts[0].refused->kind == Kind::recreated);
  CHECK_FALSE(starts[0].mark);
  CHECK(starts[1].start.value == 50);
  CHECK(a.ledger.mark(a.config.name, one.topic, 1)->mark.epoch == 1);
  CHECK(a.ledger.mark(a.config.name, zero.topic, 0)->mark.epoch == 2);
}

TEST_CASE("a host on another cluster leaves the marks of the first one's owner alone") {
  Assigned a;
  a.settle(zero, 50, 40);
  a.topics.id = "cluster-b";
  CHECK(a.starts({{zero, {0}}})[0].refused->kind == Kind::another_cluster);
  CHECK(a.ledger.mark(a.config.name, zero.topic, 0)->mark.epoch == 1);
}

TEST_CASE("a committed offset below what Kafka acknowledged is refused until an operator decides") {
  Assigned a;
  a.settle(zero, 50, 40);
  CHECK(a.starts({{zero, {39}}})[0].refused->kind == Kind::reset);
  CHECK(a.starts({{zero, {39}}})[0].refused->kind == Kind::reset);
  REQUIRE(a.ledger.operations().rewind(a.config.name, {zero, {39}}).ok());
  const auto starts = a.starts({{zero, {39}}});
  CHECK_FALSE(starts[0].refused);
  CHECK(starts[0].start.value == 39);
}

TEST_CASE("partitions that Kafka has forgotten go on at their mark, if they are what they were") {
  Assigned a;
  a.settle(zero, 50, 40);
  a.settle(one, 5, 5);
  const core::TopicPartition unknown{"user-events", {2}};
  const std::vector<core::TopicPartition> all{zero, one, unknown};
  a.topics.partitions[one].records[4].value = "another";
  const auto remembered = a.assignments->remembered(all);
  REQUIRE(remembered.ok());
  CHECK((*remembered)[0] == core::Offset{50});
  CHECK_FALSE((*remembered)[1]);
  CHECK_FALSE((*remembered)[2]);
}

TEST_CASE("brokers or a ledger that do not answer put the assignment off, and nothing is taken over") {
  Assigned a;
  a.settle(zero, 50, 40);
  a.topics.down = "nobody answers";
  const std::vector<runtime::AssignedPartition> assigned{{zero, {40}}};
  CHECK_FALSE(a.assignments->start_positions(assigned).ok());
  a.topics.down.clear();
  a.ledger.fail_next(MemoryLedger::Call::operations, runtime::LedgerError::Kind::outage);
  CHECK_FALSE(a.assignments->start_positions(assigned).ok());
  CHECK(a.ledger.mark(a.config.name, zero.topic, 0)->mark.epoch == 1);
  CHECK(a.starts({{zero, {40}}})[0].start.value == 50);
}

TEST_CASE("a partition that cannot be looked at is held alone, until it can be") {
  Assigned a;
  a.settle(zero, 50, 50);
  a.settle(one, 5, 5);
  a.topics.trouble[zero] = "it has no leader at present";
  const auto held = a.starts({{zero, {50}}, {one, {5}}});
  REQUIRE(held[0].refused);
  CHECK(held[0].refused->kind == Kind::unseen);
  CHECK(core::text_of(zero, *held[0].refused) == "user-events/0 is held: it has no leader at present; it is looked at again by itself");
  CHECK_FALSE(held[1].refused);
  CHECK(held[1].start.value == 5);
  a.topics.trouble.clear();
  CHECK(a.starts({{zero, {50}}})[0].start.value == 50);
}

TEST_CASE("a mark that Kafka's offset has left behind is said in one line, by how much") {
  Assigned a;
  a.settle(zero, 50, 40);
  a.settle(one, 5, 5);
  TempDir folder;
  const int file = ::open((folder / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  runtime::set_log_output(file, core::LogFormat::human);
  a.starts({{zero, {90}}, {one, {9}}});
  a.starts({{zero, {50}}, {one, {2}}});
  runtime::set_log_output(2);
  ::close(file);
  std::ifstream log(folder / "log");
  std::vector<std::string> lines;
  for (std::string line; std::getline(log, line);) lines.push_back(line);
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0], contains("user-events/0: Kafka's committed offset 90 is 40 beyond the ledger's mark 50") && contains("in 2 partitions, by 44 together"));
}
