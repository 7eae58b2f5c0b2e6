// Suspects on their way: handled one by one, erased as they are settled, given up when they crash too often.
#include "runtime/suspects.h"

#include <filesystem>

#include "support/catch.h"
#include "support/temp_dir.h"
#include "world.h"

using namespace hostler;
using namespace hostler::testing;
using core::Outcome;
using core::Verdict;
using runtime::CrashJournal;
using runtime::LedgerError;
using runtime::LocalSuspects;
using runtime::Suspect;

namespace {

const core::TopicPartition source_partition{"user-events", {0}};
const std::string first_tier = "user-events.user-service-group.retry.1m";
const std::string letters = "user-events.user-service-group.dlq";

Suspect suspect(std::int64_t offset, std::uint32_t crashes = 1, std::uint32_t alone = 0, const core::TopicPartition& where = source_partition, std::int32_t topic_id = 1) {
  return {"user-service", where, topic_id, {offset}, crashes, alone, false, "signal 11 (SIGSEGV)"};
}

// A world whose pipeline knows the ledger's suspects and keeps a journal.
struct SuspectWorld : World {
  explicit SuspectWorld(core::HandlerConfig handler = user_service(), bool queries = false) : World(std::move(handler), queries) {
    lane.handler = [](const core::Record& r, HandlerCall& call) {
      call.statements.push_back("effect of " + std::string(r.event_id) + ", attempt " + std::to_string(r.attempt.value));
      return r.event_id.front() == 'r' ? Verdict::retry : Verdict::done;
    };
    journal = std::move(*CrashJournal::open(folder / "state"));
    REQUIRE(journal->begin());
    journal_lane = std::move(*journal->add_lane(config.name, 0, config.timeout, progress));
    use(config.idempotency == core::Idempotency::off ? nullptr : &ledger, nullptr);
  }
  void use(runtime::Ledger* of, LocalSuspects* local) {
    suspects = std::make_unique<runtime::Suspects>(config, of, local);
    pipeline = std::make_unique<runtime::Pipeline>(suspicious_parts(source));
  }
  runtime::PipelineParts suspicious_parts(runtime::Source& from) {
    auto p = parts(from);
    p.suspects = suspects.get();
    p.gate = &gate;
    p.journal = journal_lane.get();
    p.progress = &progress;
    return p;
  }
  void accuse(const std::vector<Suspect>& who, std::string_view run = "run-1") {
    REQUIRE(ledger.add_suspects(run, who).ok());
    take_over();
  }
  void take_over(const core::TopicPartition& where = source_partition, std::int32_t topic_id = 1, std::int64_t next = 0) {
    const std::vector<runtime::TakenPartition> taken{{where, topic_id, {next}}};
    REQUIRE(suspects->load(taken).ok());
  }
  // What the next run would find if the host died now.
  [[nodiscard]] std::vector<runtime::CrashedCall> if_it_died() const {
    const TempDir copy;
    std::filesystem::create_directory(copy / "state");
    std::filesystem::copy_file(folder / "state/crash-journal", copy / "state/crash-journal");
    return (*CrashJournal::open(copy / "state"))->predecessor().calls;
  }

  TempDir folder;
  runtime::HandlingGate gate;
  runtime::LaneProgress progress;
  std::unique_ptr<CrashJournal> journal;
  std::unique_ptr<runtime::JournalLane> journal_lane;
  std::unique_ptr<runtime::Suspects> suspects;
};

std::vector<std::string> effects_of(std::initializer_list<const char*> ids) {
  std::vector<std::string> out;
  for (const auto* id : ids) out.push_back("effect of " + std::string(id) + ", attempt 1");
  return out;
}

}  // namespace

TEST_CASE("suspects are handled one by one, their neighbours together, none spends an attempt") {
  SuspectWorld w(user_service(), GENERATE(false, true));
  for (const auto* id : {"a", "b", "c", "d", "e", "f", "g"}) w.source.add(event(id));
  w.accuse({suspect(2), suspect(3), suspect(6)});
  CHECK(w.suspects->count() == 3);
  w.run();
  CHECK(w.lane.call_sizes == std::vector<std::size_t>{2, 1, 1, 2, 1});
  CHECK(w.effects() == effects_of({"a", "b", "c", "d", "e", "f", "g"}));
  CHECK(w.source.settled_to == core::Offset{7});
  CHECK(w.source.mark.next == core::Offset{7});
  CHECK(w.suspects->count() == 0);
  CHECK(w.ledger.suspect_rows().empty());
  w.source.add(event("h"));
  w.source.add(event("i"));
  w.run();
  CHECK(w.lane.call_sizes.back() == 2);
}

TEST_CASE("a suspect is erased by the transaction that settles it, whatever becomes of it") {
  SuspectWorld w;
  for (const auto* id : {"a", "r1", "b"}) w.source.add(event(id));
  w.accuse({suspect(0), suspect(1), suspect(2)});
  std::vector<std::size_t> rows;
  w.lane.handler = [&](const core::Record& r, HandlerCall&) {
    rows.push_back(w.ledger.suspect_rows().size());
    return r.event_id.front() == 'r' ? Verdict::retry : Verdict::done;
  };
  w.ledger.fail_next(MemoryLedger::Call::commit, LedgerError::Kind::outage);
  w.run();
  CHECK(rows == std::vector<std::size_t>{3, 2, 1});
  CHECK(w.publisher.on(first_tier).size() == 1);
  CHECK(w.ledger.suspect_rows().empty());
}

TEST_CASE("a record that crashes too often is dead-lettered without being handled, its neighbours are done") {
  SuspectWorld w;
  for (const auto* id : {"a", "killer", "b"}) w.source.add(event(id));
  const bool hung = GENERATE(false, true);
  auto guilty = suspect(1, 3, 2);
  guilty.hung = hung;
  w.accuse({suspect(0), guilty, suspect(2)});
  w.run();
  CHECK(w.effects() == effects_of({"a", "b"}));
  const auto dead = w.publisher.on(letters);
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].headers.at("hostler-reason") == (hung ? "hung" : "crashed"));
  CHECK(dead[0].headers.at("hostler-origin-offset") == "1");
  CHECK(dead[0].headers.at("hostler-attempt") == "1");
  CHECK_THAT(dead[0].headers.at("hostler-error-message"), contains("a host died 3 times while it handled this record, the last time of: signal 11 (SIGSEGV)"));
  const auto rows = w.ledger.delegated();
  REQUIRE(rows.size() == 1);
  CHECK(rows.begin()->second.row.state == runtime::RowState::dead);
  CHECK(w.ledger.ids().at({"user-service", "killer"}).state == runtime::RowState::dead);
  CHECK(w.ledger.suspect_rows().empty());
  CHECK(w.suspects->count() == 0);
}

TEST_CASE("a record that never crashed alone is not given up, however often its company did") {
  SuspectWorld w;
  for (const auto* id : {"a", "b"}) w.source.add(event(id));
  w.accuse({suspect(0, 50, 0), suspect(1, 50, 0)});
  w.run();
  CHECK(w.effects() == effects_of({"a", "b"}));
  CHECK(w.lane.call_sizes == std::vector<std::size_t>{1, 1});
  CHECK(w.publisher.on(letters).empty());
}

TEST_CASE("a record has as many crashes as max_crashes says") {
  auto handler = user_service();
  handler.max_crashes = 1;
  SuspectWorld w(handler);
  w.source.add(event("a"));
  w.accuse({suspect(0, 1, 1)});
  w.run();
  CHECK(w.lane.call_sizes.empty());
  CHECK(w.publisher.on(letters).size() == 1);
}

TEST_CASE("a copy on a retry topic is a suspect by its place there") {
  SuspectWorld w;
  w.lane.handler = [&](const core::Record& r, HandlerCall& call) {
    if (r.attempt.value == 1) return Verdict::retry;
    call.statements.push_back("effect of " + std::string(r.event_id) + ", attempt " + std::to_string(r.attempt.value));
    return Verdict::done;
  };
  for (const auto* id : {"a", "b", "killer", "c"}) w.source.add(event(id));
  w.run();
  w.lane.call_sizes.clear();

  const core::TopicPartition where{first_tier, {0}};
  REQUIRE(w.ledger.add_suspects("run-1", std::vector<Suspect>{suspect(1, 1, 0, where, 0), suspect(2, 3, 1, where, 0)}).ok());
  w.take_over(where, 0);
  ScriptedSource retry(where);
  retry.tier = 0;
  for (const auto& p : w.publisher.on(first_tier)) retry.add({p.key, p.value, World::as_headers(p)});
  runtime::Pipeline again(w.suspicious_parts(retry));
  while (again.run_once(core::Millis(0))) {
  }
  CHECK(w.lane.call_sizes == std::vector<std::size_t>{1, 1, 1});
  CHECK(w.effects() == std::vector<std::string>{"effect of a, attempt 2", "effect of b, attempt 2", "effect of c, attempt 2"});
  const auto dead = w.publisher.on(letters);
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].headers.at("hostler-reason") == "crashed");
  CHECK(dead[0].headers.at("hostler-attempt") == "2");
  CHECK(w.ledger.suspect_rows().empty());
}

TEST_CASE("the journal names what is in the handler's hands, no more, no less, and only then") {
  SuspectWorld w;
  for (const auto* id : {"a", "a", "b", "c", "d"}) w.source.add(event(id));
  w.accuse({suspect(3)});
  std::vector<std::string> named;
  w.lane.fail_batch = [&](const std::vector<const core::Record*>&) -> std::optional<runtime::ExecuteFailure> {
    std::string all;
    for (const auto& call : w.if_it_died()) {
      CHECK(call.handler == "user-service");
      CHECK(call.where == source_partition);
      CHECK(call.topic_id == 1);
      for (const auto& run : call.runs) all += std::to_string(run.first.value) + "-" + std::to_string(run.last.value) + " ";
      if (call.alone) all += "alone";
    }
    named.push_back(all);
    return std::nullopt;
  };
  w.run();
  CHECK(named == std::vector<std::string>{"0-0 2-2 ", "3-3 alone", "4-4 alone"});
  CHECK(w.if_it_died().empty());
}

TEST_CASE("what the journal cannot name in one go is not handed out in one go") {
  auto handler = user_service();
  handler.batch.max_records = 3000;
  SuspectWorld w(handler);
  for (int i = 0; i < 1100; ++i) {  // every other one is a twin, and not handled
    w.source.add(event("e" + std::to_string(i)));
    w.source.add(event("e" + std::to_string(i)));
  }
  w.run();
  CHECK(w.effects().size() == 1100);
  for (const auto size : w.lane.call_sizes) CHECK(size <= CrashJournal::most_runs);
}

TEST_CASE("a suspect waits until nobody else's records are in a handler's hands, and gives up when its partition goes") {
  SuspectWorld w;
  for (const auto* id : {"a", "b"}) w.source.add(event(id));
  w.accuse({suspect(1)});
  REQUIRE(w.gate.enter(runtime::HandlingGate::Company::welcome, [] { return true; }));  // another lane's call
  w.lane.handler = [&](const core::Record& r, HandlerCall&) {
    w.source.owned = false;  // revoked meanwhile
    CHECK(r.event_id == "a");
    return Verdict::done;
  };
  CHECK(w.pipeline->run_once(core::Millis(0)));
  CHECK(w.lane.handled.size() == 1);
  CHECK(w.source.given_back == 1);
  w.gate.leave();
  w.source.owned = true;
  w.lane.handler = [&](const core::Record&, HandlerCall&) {
    CHECK_FALSE(w.gate.enter(runtime::HandlingGate::Company::welcome, [] { return false; }));
    return Verdict::done;
  };
  w.run();
  CHECK(w.lane.call_sizes == std::vector<std::size_t>{1, 1});
  CHECK(w.ledger.suspect_rows().empty());
}

TEST_CASE("without a ledger this host alone knows its suspects") {
  auto handler = user_service();
  handler.idempotency = core::Idempotency::off;
  SuspectWorld w(handler);
  auto local = LocalSuspects::open(w.folder.path());
  REQUIRE(local);
  REQUIRE((*local)->add("run-1", std::vector<Suspect>{suspect(1, 1, 0, source_partition, 0), suspect(2, 3, 1, source_partition, 0)}));
  w.use(nullptr, local->get());
  w.take_over(source_partition, 0);
  for (const auto* id : {"a", "b", "killer", "c"}) w.source.add(event(id));
  w.run();
  CHECK(w.lane.handled == std::vector<std::string>{event("a"), event("b"), event("c")});
  REQUIRE(w.publisher.on(letters).size() == 1);
  CHECK(w.publisher.on(letters)[0].headers.at("hostler-reason") == "crashed");
  const std::vector<runtime::TakenPartition> taken{{source_partition, 0, {0}}};
  CHECK((*local)->suspects("user-service", taken).empty());
}

TEST_CASE("suspects that were revoked are known no more, and a ledger that is down is said") {
  SuspectWorld w;
  w.accuse({suspect(1), suspect(2)});
  CHECK(w.suspects->count() == 2);
  w.suspects->forget(std::vector<core::TopicPartition>{{"user-events", {1}}});
  CHECK(w.suspects->count() == 2);
  w.suspects->forget(std::vector<core::TopicPartition>{source_partition});
  CHECK(w.suspects->count() == 0);
  w.ledger.set_down(true);
  const std::vector<runtime::TakenPartition> taken{{source_partition, 1, {0}}};
  CHECK_FALSE(w.suspects->load(taken).ok());
}

TEST_CASE("local suspects survive the process, add up, and a line that was cut off counts for nothing") {
  const TempDir folder;
  const auto open = [&] { return std::move(*LocalSuspects::open(folder.path())); };
  const std::vector<runtime::TakenPartition> taken{{source_partition, 1, {0}}};
  {
    auto store = open();
    REQUIRE(store->add("run-1", std::vector<Suspect>{suspect(1), suspect(2), suspect(3)}));
    REQUIRE(store->add("run-1", std::vector<Suspect>{suspect(1)}));
    REQUIRE(store->add("run-2", std::vector<Suspect>{suspect(2, 1, 1)}));
    store->erase(suspect(3));
  }
  {
    std::ofstream file(folder / "suspects", std::ios::app);
    file << "+ user-service user-events 1 0 9 1 0 0 run-3 sig";
  }
  auto store = open();
  const auto found = store->suspects("user-service", taken);
  REQUIRE(found.size() == 2);
  CHECK(found[0].offset == core::Offset{1});
  CHECK(found[0].crashes == 1);
  CHECK(found[0].how == "signal 11 (SIGSEGV)");
  CHECK(found[1].crashes == 2);
  CHECK(found[1].alone == 1);
  CHECK(store->suspects("audit", taken).empty());
  const std::vector<runtime::TakenPartition> later{{source_partition, 1, {2}}};
  CHECK(store->suspects("user-service", later).size() == 1);
  CHECK(open()->suspects("user-service", taken).size() == 1);  // for good
}

TEST_CASE("a crash becomes one suspect per record, and a line per handler") {
  runtime::Crash crash{"run-1", 77, {{"user-service", source_partition, 4, {{{5}, {7}}, {{9}, {9}}}, false, true, "no return within the timeout"}}};
  const auto found = runtime::suspects_of(crash);
  REQUIRE(found.size() == 4);
  CHECK(found[3].offset == core::Offset{9});
  CHECK(found[3].topic_id == 4);
  CHECK(found[3].hung);
  CHECK(found[3].alone == 0);
  const auto words = runtime::in_words(crash);
  REQUIRE(words.size() == 1);
  CHECK_THAT(words[0], contains("(pid 77) died of no return within the timeout while handler user-service had user-events/0@5..9: 4 suspects"));
}
