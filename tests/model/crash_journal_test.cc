#include "crash_journal.h"

#include "expect.h"

using namespace hostler::model;
using Defect = CrashScenario::Defect;

namespace {
CrashScenario with(Defect defect) {
  CrashScenario s;
  s.defects = {defect};
  return s;
}
}  // namespace

TEST_CASE("a record that kills hosts ends in the dead letters, its neighbours lose nothing") {
  require_sound("guilty first", CrashJournalModel({}));
  CrashScenario s;
  s.deadly = {1};
  require_sound("guilty second", CrashJournalModel(s));
  s.deadly = {0};
  s.kills = 1;
  require_sound("a host is killed from outside", CrashJournalModel(s));
  s.kills = 0;
  s.partitions = {{0}, {1}};
  s.deadly = {0, 1};
  require_sound("two guilty ones", CrashJournalModel(s));
}

TEST_CASE("wider bounds of the crash journal", "[.wide]") {
  CrashScenario s;
  s.kills = 2;
  s.limit = 3;
  require_sound("hosts are killed twice from outside, limit 3", CrashJournalModel(s));
}

TEST_CASE("crashes in company must not count") {
  require_found("counted", CrashJournalModel(with(Defect::counts_in_company)), "an innocent record is dead-lettered");
}

TEST_CASE("while a suspect is handled nothing else may be in hand") {
  require_found("other lanes go on", CrashJournalModel(with(Defect::not_exclusive)), "an innocent record is dead-lettered");
}

TEST_CASE("a crash must be counted once, whenever the host dies again") {
  CrashScenario s = with(Defect::counted_twice);
  s.kills = 1;
  require_found("counted at each start", CrashJournalModel(s), "a record is dead-lettered that was alone in too few crashes");
}

TEST_CASE("suspects must be written before joining") {
  require_found("joined before", CrashJournalModel(with(Defect::joins_first)), "a record kills hosts without end");
}
