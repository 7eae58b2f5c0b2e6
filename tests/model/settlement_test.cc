// The protocol as it is written, in all its modes, with one fault at a time and with those that may make each other worse.
#include "scenarios.h"

using namespace hostler::model;

TEST_CASE("one record has one outcome, whatever fails") {
  require_sound({}, each_alone);
  require_sound({}, {
                        {"two crashes", {.crash = 2}},
                        {"crash, killed session", {.crash = 1, .kill = 1}},
                        {"crash, lost COMMIT reply", {.crash = 1, .lost = 1}},
                        {"killed session, late produce", {.kill = 1, .late = 1}},
                        {"lost COMMIT reply, rewind", {.lost = 1, .rewind = 1}},
                        {"crash, late produce, replay", {.crash = 1, .late = 1, .replay = 1}},
                        {"lost COMMIT reply, replay, retry offset set back", {.lost = 1, .replay = 1, .reread = 1}},
                    });
}

TEST_CASE("a letter can be replayed again and again") {
  Scenario s;
  s.retries = s.tiers = 1;
  require_sound(s, {{"two replays, crash", {.crash = 1, .replay = 2}}, {"two replays, lost COMMIT reply", {.lost = 1, .replay = 2}}});
}

TEST_CASE("four faults together") {
  Scenario s;
  s.retries = s.tiers = 1;
  require_sound(s, {{"crash, killed session, lost COMMIT reply, late produce", {.crash = 1, .kill = 1, .lost = 1, .late = 1}}});
}

TEST_CASE("in offset mode each record has one outcome since the last rewind") {
  Scenario s;
  s.ids = false;
  require_sound(s, each_alone);
  require_sound(s, {{"crash, late produce", {.crash = 1, .late = 1}}, {"lost COMMIT reply, rewind", {.lost = 1, .rewind = 1}}});
}

TEST_CASE("twins have one outcome together") {
  Scenario s;
  s.records = {{0, 0}, {0, 0}};
  s.owner_batch = 2;
  require_sound(s, each_alone);
  require_sound(s, {{"crash, late produce", {.crash = 1, .late = 1}}});
}

TEST_CASE("twins in two partitions have one outcome together") {
  Scenario s;
  s.records = {{0, 0}, {1, 0}};
  s.owners = {0, 0, 1};
  require_sound(s, each_alone);
}

TEST_CASE("in offset mode twins are two records") {
  Scenario s;
  s.records = {{0, 0}, {1, 0}};
  s.owners = {0, 0, 1};
  s.ids = false;
  s.retries = s.tiers = 1;
  require_sound(s, {{"no fault", {}}});
}

TEST_CASE("two records in one transaction") {
  Scenario s;
  s.records = {{0, 0}, {0, 1}};
  s.owner_batch = 2;
  s.retries = s.tiers = 1;
  require_sound(s, each_alone);
}

TEST_CASE("three records, of which two are twins") {
  Scenario s;
  s.records = {{0, 0}, {0, 1}, {0, 0}};
  s.owner_batch = 2;
  s.retries = s.tiers = 1;
  s.rejects = false;
  require_sound(s, {{"no fault", {}}, {"replay", {.replay = 1}}});
}

// Run by hand: minutes and gigabytes.
TEST_CASE("wider bounds", "[.wide]") {
  require_sound({}, {
                        {"crash, killed session, lost COMMIT reply, late produce", {.crash = 1, .kill = 1, .lost = 1, .late = 1}},
                        {"crash, late produce, replay, retry offset set back", {.crash = 1, .late = 1, .replay = 1, .reread = 1}},
                    });
  Scenario two;
  two.records = {{0, 0}, {0, 1}};
  two.owner_batch = two.worker_batch = 2;
  require_sound(two, {{"two records: crash", {.crash = 1}}, {"two records: lost COMMIT reply", {.lost = 1}}});
  Scenario twins;
  twins.handling = Handling::outside_unlocked_look;
  twins.records = {{0, 0}, {1, 0}};
  twins.owners = {0, 0, 1};
  require_sound(twins, each_alone);
}
