// What the protocol's page had only reasoned about: handlers without QUERIES, several copies in one transaction, SQLite, retention, reissue,
// topics that are made anew.
#include "scenarios.h"

using namespace hostler::model;

namespace {

const std::string lost = "no good end can be reached any more";
const std::string both = "an identity has an effect and a dead row";
}  // namespace

// -- handlers without QUERIES --

TEST_CASE("handlers without QUERIES, rows looked at with locks as the host does it") {
  Scenario s;
  s.handling = Handling::outside_locked_look;
  require_sound(s, each_alone);
}

TEST_CASE("handlers without QUERIES, rows looked at without locks as the page allows") {
  Scenario s;
  s.handling = Handling::outside_unlocked_look;
  require_sound(s, each_alone);
  s.retries = s.tiers = 1;
  require_sound(s, {{"crash, late produce", {.crash = 1, .late = 1}}, {"killed session, lost COMMIT reply", {.kill = 1, .lost = 1}}});
}

TEST_CASE("handlers without QUERIES: a twin that is settled meanwhile is a duplicate") {
  Scenario s;
  s.handling = Handling::outside_unlocked_look;
  s.records = {{0, 0}, {1, 0}};
  s.owners = {0, 0, 1};
  s.retries = s.tiers = 1;
  require_sound(s, {{"no fault", {}}, {"crash", {.crash = 1}}, {"replay", {.replay = 1}}});
}

TEST_CASE("handlers without QUERIES in offset mode") {
  Scenario s;
  s.handling = Handling::outside_unlocked_look;
  s.ids = false;
  s.retries = s.tiers = 1;
  require_sound(s, each_alone);
}

// -- several copies in one transaction --

TEST_CASE("two copies in one transaction") {
  Scenario s;
  s.records = {{0, 0}, {0, 1}};
  s.owner_batch = s.worker_batch = 2;
  s.retries = s.tiers = 1;
  s.rejects = false;
  require_sound(s, each_alone);
}

TEST_CASE("two copies in one transaction, of two partitions") {
  Scenario s;
  s.records = {{0, 0}, {1, 1}};
  s.owners = {0, 1};
  s.worker_batch = 2;
  s.retries = s.tiers = 1;
  s.rejects = false;
  require_sound(s, {{"no fault", {}}, {"crash", {.crash = 1}}, {"lost COMMIT reply", {.lost = 1}}});
}

TEST_CASE("two copies of one record in one transaction") {
  Scenario s;  // an orphan, a reissued copy or an offset set back brings them together; the last tier repeats
  s.worker_batch = 2;
  s.tiers = 1;
  require_sound(s, each_alone);
  require_sound(s, {{"reissue, retry offset set back", {.reread = 1, .reissue = 1}}, {"crash, late produce", {.crash = 1, .late = 1}}});
}

TEST_CASE("two copies handled without a transaction") {
  Scenario s;
  s.handling = Handling::outside_unlocked_look;
  s.records = {{0, 0}, {0, 1}};
  s.worker_batch = 2;
  s.retries = s.tiers = 1;
  s.rejects = false;
  require_sound(s, {{"no fault", {}}});
  s.workers = 1;
  require_sound(s, {{"crash", {.crash = 1}}, {"killed session", {.kill = 1}}, {"lost COMMIT reply", {.lost = 1}}, {"late produce", {.late = 1}}});
}

// -- SQLite --

TEST_CASE("SQLite: the single writer is the lock, and no barrier is needed for rows that are looked at by the writer") {
  Scenario s;
  s.one_writer = true;
  s.barrier = false;
  require_sound(s, each_alone);
  s.handling = Handling::outside_locked_look;
  require_sound(s, each_alone);
}

TEST_CASE("SQLite: an unlocked look needs the barrier: one turn as the writer") {
  Scenario s;
  s.one_writer = true;
  s.handling = Handling::outside_unlocked_look;
  require_sound(s, each_alone);
  s.barrier = false;
  require_found("without it", SettlementModel(s), lost);
}

// -- retention, reissue --

TEST_CASE("retention takes ids and dead rows away while copies and letters are about") {
  require_sound({}, {{"expiry, crash, late produce", {.crash = 1, .late = 1, .expire = 1}}, {"expiry, replay", {.replay = 1, .expire = 1}}});
  Scenario s;
  s.records = {{0, 0}, {0, 0}};
  require_sound(s, {{"expiry", {.expire = 1}}, {"expiry, crash", {.crash = 1, .expire = 1}}});
}

TEST_CASE("a forced replay claims the id") {
  Scenario s;
  s.records = {{0, 0}, {0, 0}};
  require_sound(s, {{"expiry, forced replay", {.expire = 1, .force = 1}}, {"crash, forced replay", {.crash = 1, .force = 1}}});
}

TEST_CASE("in offset mode nothing tells an expired row from a settled one, and a forced replay may be a second effect") {
  Scenario s;
  s.ids = false;
  s.by_outcome = true;
  s.faults = {.crash = 1, .force = 1};
  require_found("crash, forced replay", SettlementModel(s), both);
}

TEST_CASE("a reissued copy is harmless, and brings a lost one back") {
  require_sound({}, {
                        {"reissue", {.reissue = 1}},
                        {"lost copy", {.lose = 1}},
                        {"late produce, lost copy, reissue", {.late = 1, .lose = 1, .reissue = 1}},
                        {"crash, lost copy", {.crash = 1, .lose = 1}},
                    });
}

// -- a topic that is made anew --

TEST_CASE("copies of a deleted topic are settled beside the new topic's records") {
  Scenario s;
  s.records = {{0, 0}, {1, 1}};
  s.owners = {0, 0, 1};
  s.retries = s.tiers = 1;
  require_sound(s, {{"adopted", {.recreate = 1}}, {"adopted, late produce", {.late = 1, .recreate = 1}}});
  s.records = {{0, 0}, {1, 0}};
  require_sound(s, {{"adopted, twins", {.recreate = 1}}, {"adopted, twins, crash", {.crash = 1, .recreate = 1}}});
}
