#include "outbox.h"

#include "expect.h"

using namespace hostler::model;
using Defect = OutboxScenario::Defect;

namespace {
const std::string order = "messages of a key arrive in another order than they were committed";
const std::string lost = "no good end can be reached any more";
}  // namespace

TEST_CASE("every message of the outbox is sent, in the order of commits") {
  require_sound("no fault", OutboxModel({}));
  require_sound("crash", OutboxModel({.crashes = 1}));
  require_sound("crash, late produce", OutboxModel({.crashes = 1, .lates = 1}));
  require_sound("crash, rewind", OutboxModel({.crashes = 1, .rewinds = 1}));
  require_sound("late produce, rewind", OutboxModel({.lates = 1, .rewinds = 1}));
}

TEST_CASE("a retry worker that inserts without the mark's lock breaks the order") {
  require_found("without the lock", OutboxModel({.defects = {Defect::worker_without_lock}}), order);
}

TEST_CASE("a relay that deletes before it sends loses a message") {
  require_found("deletes first", OutboxModel({.crashes = 1, .defects = {Defect::deletes_first}}), lost);
}

TEST_CASE("a relay that sends on behind a failure breaks the order") {
  require_found("does not wait", OutboxModel({.lates = 1, .defects = {Defect::does_not_wait}}), order);
}

TEST_CASE("a relay that deletes by the id alone takes a message away that was written anew, even under its epoch") {
  require_found("deletes by id", OutboxModel({.rewinds = 1, .defects = {Defect::deletes_by_id}}), lost);
}

TEST_CASE("a row that is written again must keep its place") {
  require_found("a new place", OutboxModel({.rewinds = 1, .defects = {Defect::new_place}}), order);
}

TEST_CASE("a relay with a cursor passes over what was committed behind it") {
  require_found("cursor", OutboxModel({.defects = {Defect::cursor}}), order);
}
