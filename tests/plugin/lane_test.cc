#include <optional>
#include <string>
#include <vector>

#include "fakes/memory_ledger.h"
#include "fakes/scripted_source.h"
#include "plugin/handler.h"
#include "plugin/in_process_lane.h"
#include "plugin/loader.h"
#include "support/catch.h"

using namespace hostler;
using namespace hostler::testing;
using core::Verdict;

namespace {

// A lane of an example plugin with a batch in front of it.
struct Bench {
  Bench(const std::string& file, const std::string& id, const std::string& json = "{}", core::Idempotency idempotency = core::Idempotency::offset) {
    config.name = "service";
    config.plugin = file;
    config.handler = id;
    config.config_json = json;
    config.idempotency = idempotency;
    const bool off = idempotency == core::Idempotency::off;
    plugin::HandlerOffer offer;
    offer.ledger = !off;
    offer.host_version = "test";
    plugin::LoadOptions probed;
    probed.probe.program = HOSTLER_BINARY;
    const auto loaded = plugin::load_plugin(file, probed);
    REQUIRE(loaded.ok());
    auto made = plugin::Handler::make(loaded.value(), config, offer);
    if (!made) FAIL(made.error().message);
    handler = std::move(made.value());
    auto created = plugin::InProcessLane::make(*handler, 0, off ? nullptr : &ledger, &progress);
    REQUIRE(created.ok());
    lane = std::move(created.value());
    source.with_mark = !off;
    if (off) return;
    const runtime::TakeOver one{{"t", core::Partition{0}}, core::Offset{0}};
    source.mark = ledger.take_over("service", "cluster", std::span(&one, 1)).value().front();
  }

  core::Result<runtime::Verdicts, runtime::ExecuteFailure> handle(std::vector<std::uint8_t> run = {}) {
    REQUIRE(source.poll(batch, 100, core::Millis(0), core::Millis(0)));
    slice = {&batch, 0, batch.records.size()};
    std::vector<runtime::Admission> admissions(slice.count);
    REQUIRE(lane->begin(slice, admissions).ok());
    if (run.empty()) run.assign(slice.count, 1);
    return lane->execute(slice, run);
  }
  // Settles with these dispositions and commits.
  void settle(const std::vector<core::Outcome>& outcomes) {
    std::vector<core::Disposition> dispositions(outcomes.size());
    for (std::size_t i = 0; i < outcomes.size(); ++i) dispositions[i].outcome = outcomes[i];
    const auto fenced = lane->fence(slice, dispositions, core::Offset{static_cast<std::int64_t>(slice.count)});
    REQUIRE(fenced.kind == runtime::Fenced::Kind::fenced);
    runtime::LedgerError why;
    REQUIRE(lane->commit(&why) == runtime::CommitOutcome::committed);
  }

  core::HandlerConfig config;
  MemoryLedger ledger;
  runtime::LaneProgress progress;
  std::unique_ptr<plugin::Handler> handler;
  std::unique_ptr<runtime::Lane> lane;
  ScriptedSource source{{"t", core::Partition{0}}};
  core::Batch batch;
  runtime::Slice slice;
};

const std::string plugins = std::string(HOSTLER_PLUGIN_DIR) + "/";
const std::string faulty = std::string(HOSTLER_TEST_PLUGIN_DIR) + "/";

}  // namespace

TEST_CASE("verdicts come through the border with their reasons") {
  Bench b(plugins + "plain_c.so", "plain.c", "{}", core::Idempotency::off);
  for (const auto* value : {"good", "r", "x", "d"}) b.source.add(std::string(value));
  const auto handled = b.handle();
  REQUIRE(handled.ok());
  CHECK(handled->verdicts == std::vector<Verdict>{Verdict::done, Verdict::retry, Verdict::reject, Verdict::drop});
}

TEST_CASE("only the records that are to run reach the handler, and verdicts find their way back") {
  Bench b(plugins + "plain_c.so", "plain.c", "{}", core::Idempotency::off);
  for (const auto* value : {"x", "r", "d"}) b.source.add(std::string(value));
  const auto handled = b.handle({0, 1, 1});
  REQUIRE(handled.ok());
  CHECK(handled->verdicts == std::vector<Verdict>{Verdict::unset, Verdict::retry, Verdict::drop});
}

TEST_CASE("a record left without a verdict, or with an unknown one, is retried and says so") {
  Bench unset(faulty + "picky.so", "picky.single", "{}", core::Idempotency::off);
  unset.source.add("a");
  const auto first = unset.handle();
  REQUIRE(first.ok());
  CHECK(first->verdicts.at(0) == Verdict::retry);
  CHECK_THAT(first->details.at(0).reason, contains("without a verdict"));

  Bench unknown(faulty + "picky.so", "picky.single", R"({"x":"unknown-verdict"})", core::Idempotency::off);
  unknown.source.add("a");
  const auto second = unknown.handle();
  REQUIRE(second.ok());
  CHECK(second->verdicts.at(0) == Verdict::retry);
  CHECK_THAT(second->details.at(0).reason, contains("99"));
}

TEST_CASE("an exception in a record handler is that record's retry, with its text") {
  Bench b(plugins + "sql_effects.so", "sql.effects");
  b.source.add("good");
  b.source.add("throw:boom");
  const auto handled = b.handle();
  REQUIRE(handled.ok());
  CHECK(handled->verdicts == std::vector<Verdict>{Verdict::done, Verdict::retry});
  CHECK_THAT(handled->details.at(1).reason, contains("boom"));
}

TEST_CASE("enqueued statements of done records are sent in order, bytes intact, and the others' are not") {
  Bench b(plugins + "sql_effects.so", "sql.effects");
  const std::string binary("a\0b\xff", 4);
  b.source.add(binary);
  b.source.add("reject:no");
  b.source.add("last");
  const auto handled = b.handle();
  REQUIRE(handled.ok());
  CHECK(handled->verdicts == std::vector<Verdict>{Verdict::done, Verdict::reject, Verdict::done});
  b.settle({core::Outcome::done, core::Outcome::filtered, core::Outcome::done});
  const auto effects = b.ledger.effects();
  REQUIRE(effects.size() == 2);
  CHECK_THAT(effects[0].sql, contains("INSERT INTO effects"));
  CHECK(effects[0].params.back() == binary);
  CHECK(effects[1].params.back() == "last");
}

TEST_CASE("what a handler publishes is kept with its record") {
  Bench b(plugins + "sql_effects.so", "sql.effects");
  b.source.add("publish:other-topic:hello");
  b.source.add("reject:no");
  REQUIRE(b.handle().ok());
  std::vector<core::Disposition> dispositions(2);
  std::vector<runtime::OutRecord> out;
  b.lane->take_outputs(b.slice, dispositions, out);
  REQUIRE(out.size() == 1);
  CHECK(out[0].topic == "other-topic");
  dispositions[0].outcome = core::Outcome::duplicate;
  out.clear();
  b.lane->take_outputs(b.slice, dispositions, out);
  CHECK(out.empty());
}

TEST_CASE("a name that no topic can have is refused where it is published, with its record and the reason") {
  const auto name = GENERATE(std::string(), std::string("."), std::string(".."), std::string("two words"), std::string("k\xc3\xa4se"), std::string("a\nb"),
                             std::string(250, 'a'));
  INFO("'" << name << "'");
  Bench b(plugins + "sql_effects.so", "sql.effects");
  b.source.add("publish:" + name + ":hello");
  b.source.add("publish:" + std::string(249, 'a') + ":hello");
  const auto handled = b.handle();
  REQUIRE(handled.ok());
  CHECK(handled->verdicts == std::vector<Verdict>{Verdict::retry, Verdict::done});
  const std::string reason = handled->details.at(0).reason;
  CHECK_THAT(reason, contains("publish failed with status " + std::to_string(HOSTLER_E_INVALID)));
  if (name.empty()) {
    CHECK_THAT(reason, contains("without a topic"));
  } else {
    CHECK_THAT(reason, contains("which no topic can be called: 1 to 249 characters"));
    CHECK(std::all_of(reason.begin(), reason.end(), [](char c) { return c >= ' ' || (c & 0x80) != 0; }));
    CHECK_THAT(reason, !contains("\xc3\xa4"));
  }
  std::vector<runtime::OutRecord> out;
  b.lane->take_outputs(b.slice, std::vector<core::Disposition>(2), out);
  REQUIRE(out.size() == 1);
  CHECK(out[0].topic.size() == 249);
}

TEST_CASE("a handler that says the whole batch failed, or is unavailable, is told apart") {
  Bench failed(plugins + "sql_effects.so", "sql.batch");
  failed.source.add("error:everything");
  const auto first = failed.handle();
  REQUIRE_FALSE(first.ok());
  CHECK(first.error().kind == runtime::ExecuteFailure::Kind::handler);

  Bench down(plugins + "sql_effects.so", "sql.effects");
  down.source.add("unavailable:the mail server");
  const auto second = down.handle();
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().kind == runtime::ExecuteFailure::Kind::unavailable);
  CHECK_THAT(second.error().detail.reason, contains("the mail server"));
}

TEST_CASE("a handler that waits for a query is with the database, and with itself while it takes a row") {
  Bench b(plugins + "sql_query.so", "sql.query");
  std::vector<bool> waited;
  const auto look = [&] {
    const auto health = b.progress.health(0);
    waited.push_back(health.settling.has_value() && !health.handling.has_value());
  };
  b.ledger.on_statement([&](const runtime::SqlStatement&) {
    look();
    return std::nullopt;
  });
  b.ledger.on_query([&](const runtime::SqlStatement&, const runtime::SqlRow& row) {
    const std::vector<runtime::SqlValue> columns{{runtime::SqlType::integer, 7, 0, {}}};
    row(columns);
    look();
  });
  b.source.add("good");
  {
    const runtime::LaneProgress::Visit runs(&b.progress, runtime::LaneProgress::Place::handler);  // as the pipeline does
    REQUIRE(b.handle().ok());
    CHECK(b.progress.health(0).handling.has_value());
  }
  CHECK(waited == std::vector<bool>{true, true, true, true});  // two queries, before and behind their rows
}

TEST_CASE("a query that fails names its record and voids the batch") {
  Bench b(plugins + "sql_query.so", "sql.query");
  b.ledger.on_statement([](const runtime::SqlStatement& s) -> std::optional<runtime::LedgerError> {
    for (const auto& p : s.params) {
      if (p.bytes.view().find("bad") != std::string_view::npos) return runtime::LedgerError{runtime::LedgerError::Kind::record, "22001", "too long"};
    }
    return std::nullopt;
  });
  b.source.add("good");
  b.source.add("bad");
  const auto handled = b.handle();
  REQUIRE_FALSE(handled.ok());
  CHECK(handled.error().kind == runtime::ExecuteFailure::Kind::ledger);
  CHECK(handled.error().record == 1);
  CHECK(handled.error().error.code == "22001");
}
