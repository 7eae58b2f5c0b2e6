// Each wrong protocol must be found out, by what becomes of records: that is how we know that the model can fail. The same bounds without
// the defect must be sound.
#include "expect.h"
#include "settlement_model.h"

using namespace hostler::model;

namespace {

const std::string two_effects = "an identity has two effects";
const std::string both = "an identity has an effect and a dead row";
const std::string lost = "no good end can be reached any more";

void require_found_out(Defect defect, Scenario scenario, const std::string& wrong) {
  scenario.by_outcome = true;
  require_sound("without it", SettlementModel(scenario));
  scenario.defects = {defect};
  require_found("with it", SettlementModel(scenario), wrong);
}

}  // namespace

TEST_CASE("publishing before the fence loses a record") { require_found_out(Defect::publish_before_fence, {}, lost); }

TEST_CASE("without compare-and-set a stale owner's effect is a second one") {
  Scenario s;
  s.ids = false;
  require_found_out(Defect::no_compare_and_set, s, two_effects);
}

TEST_CASE("a copy that runs without its row gives a second effect") {
  Scenario s;
  s.faults.crash = 1;
  require_found_out(Defect::copy_without_row, s, two_effects);
}

TEST_CASE("a copy that is dropped without the barrier is lost") { require_found_out(Defect::no_barrier, {}, lost); }

TEST_CASE("an offset that is committed before the database loses its copy") {
  Scenario s;
  s.faults.crash = 1;
  require_found_out(Defect::offset_before_commit, s, lost);
}

TEST_CASE("ids that are claimed outside the transaction lose their record") {
  Scenario s;
  s.faults.crash = 1;
  require_found_out(Defect::ids_outside, s, lost);
}

TEST_CASE("an id that is freed on retry lets its twin run") {
  Scenario s;
  s.records = {{0, 0}, {0, 0}};
  require_found_out(Defect::id_freed_on_retry, s, two_effects);
}

TEST_CASE("a dead letter that nobody waits for is lost") { require_found_out(Defect::letter_not_awaited, {}, lost); }

TEST_CASE("deciding on the attempt lets an orphan copy run") {
  Scenario s;
  s.faults.crash = 1;
  require_found_out(Defect::dedupe_by_attempt, s, two_effects);
}

TEST_CASE("an ambiguous COMMIT that counts as failed gives a second effect") {
  Scenario s;
  s.faults.lost = 1;
  require_found_out(Defect::doubt_is_failure, s, two_effects);
}

TEST_CASE("an ambiguous COMMIT that counts as done loses the copy") {
  Scenario s;
  s.faults.lost = 1;
  require_found_out(Defect::doubt_is_success, s, lost);
}

TEST_CASE("a copy that is dropped by an unlocked row is lost") {
  Scenario s;
  s.handling = Handling::outside_unlocked_look;
  require_found_out(Defect::unlocked_duplicate, s, lost);
}

TEST_CASE("settling by an unlocked row gives a second effect") {
  Scenario s;
  s.handling = Handling::outside_locked_look;
  require_found_out(Defect::not_judged_again, s, two_effects);
}

TEST_CASE("behind the barrier all rows must be read again") {
  Scenario s;
  s.records = {{0, 0}, {0, 1}};
  s.worker_batch = 2;
  s.retries = 1;
  s.tiers = 1;
  require_found_out(Defect::first_look_stands, s, two_effects);
}

TEST_CASE("a rewind in offset mode that keeps the rows gives a second effect") {
  Scenario s;
  s.ids = false;
  s.faults.rewind = 1;
  require_found_out(Defect::rewind_keeps_rows, s, two_effects);
}

TEST_CASE("an idle owner that does not look at the epoch never hears of a rewind") {
  Scenario s;
  s.faults.rewind = 1;
  require_found_out(Defect::idle_owner_looks_away, s, lost);
}

TEST_CASE("a copy that its topic lost stays lost until it is reissued") {
  Scenario s;
  s.faults.lose = 1;
  require_found_out(Defect::nobody_reissues, s, lost);
}

TEST_CASE("a forced replay that does not claim the id revives a settled record") {
  Scenario s;
  s.faults = {.crash = 1, .force = 1};
  require_found_out(Defect::force_any_id, s, both);
}
