// What a host that died leaves in its journal. Hosts are forked children here, which die as hosts do.
#include "runtime/crash_journal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "runtime/crash_slots.h"
#include "runtime/watchdog.h"
#include "support/catch.h"
#include "support/temp_dir.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;
using runtime::CrashJournal;
using runtime::JournalLane;
using runtime::LaneProgress;
using runtime::OffsetRun;

namespace {

const core::TopicPartition users{"user-events", {3}}, orders{"orders", {0}};

std::unique_ptr<CrashJournal> open(const TempDir& folder) {
  auto journal = CrashJournal::open(folder / "state");
  if (!journal) throw std::runtime_error(journal.error().message);
  return std::move(*journal);
}

// A run of a host with two lanes.
struct Run {
  explicit Run(const TempDir& folder) : journal(open(folder)) {
    if (!journal->begin()) _exit(99);
    first = std::move(*journal->add_lane("user-service", 0, core::Millis(0), progress));
    second = std::move(*journal->add_lane("audit", 0, core::Millis(0), other_progress));
  }
  LaneProgress progress, other_progress;
  std::unique_ptr<CrashJournal> journal;
  std::unique_ptr<JournalLane> first, second;
};

void enter(JournalLane& lane, const core::TopicPartition& where, std::int64_t first, std::int64_t last) {
  const OffsetRun run{{first}, {last}};
  lane.enter(where, 1, std::span(&run, 1), static_cast<std::size_t>(last - first + 1));
}

// A run that does `work` and is killed.
void killed_run(const TempDir& folder, const std::function<void(Run&)>& work) {
  const pid_t child = fork();
  if (child == 0) {
    Run run(folder);
    work(run);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGKILL);
}

void patch(const TempDir& folder, std::size_t at, std::string_view bytes) {
  const int file = ::open((folder / "state/crash-journal").c_str(), O_RDWR);
  REQUIRE(pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at)) == static_cast<ssize_t>(bytes.size()));
  ::close(file);
}

constexpr std::size_t first_slot = runtime::JournalHeader::size;

}  // namespace

TEST_CASE("a first run has no predecessor") {
  const TempDir folder;
  const auto journal = open(folder);
  CHECK(journal->predecessor().calls.empty());
  CHECK(journal->begin().ok());
}

TEST_CASE("what was in a handler's hands when the host was killed is known to the next run") {
  const TempDir folder;
  killed_run(folder, [](Run& run) {
    enter(*run.second, orders, 1, 5);
    run.second->leave();
    enter(*run.first, orders, 7, 7);
    run.first->leave();
    const std::vector<OffsetRun> pieces{{{20}, {24}}, {{30}, {30}}};
    run.first->enter(users, 2, pieces, 6);
  });
  const auto journal = open(folder);
  const auto& crash = journal->predecessor();
  CHECK(crash.run.size() == 32);
  REQUIRE(crash.calls.size() == 1);
  const auto& call = crash.calls[0];
  CHECK(call.handler == "user-service");
  CHECK(call.where == users);
  CHECK(call.topic_id == 2);
  REQUIRE(call.runs.size() == 2);
  CHECK(call.runs[0].first.value == 20);
  CHECK(call.runs[0].last.value == 24);
  CHECK(call.runs[1].last.value == 30);
  CHECK_FALSE(call.alone);
  CHECK_FALSE(call.hung);
  CHECK_THAT(call.how, contains("without a word"));
}

TEST_CASE("a run that ends well, or in its own code, has no record to blame") {
  const TempDir folder;
  killed_run(folder, [](Run& run) {
    enter(*run.first, users, 7, 9);
    run.first->leave();
  });
  CHECK(open(folder)->predecessor().calls.empty());
  { Run run(folder); }
  CHECK(open(folder)->predecessor().calls.empty());
}

TEST_CASE("a record was alone if it was one, and nobody else can be to blame") {
  const TempDir folder;
  SECTION("nobody else had any") {
    killed_run(folder, [](Run& run) { enter(*run.first, users, 7, 7); });
    const auto journal = open(folder);
    REQUIRE(journal->predecessor().calls.size() == 1);
    CHECK(journal->predecessor().calls[0].alone);
  }
  SECTION("another lane had one too, and it is not known who it was") {
    killed_run(folder, [](Run& run) {
      enter(*run.first, users, 7, 7);
      enter(*run.second, orders, 1, 1);
    });
    const auto journal = open(folder);
    REQUIRE(journal->predecessor().calls.size() == 2);
    for (const auto& call : journal->predecessor().calls) CHECK_FALSE(call.alone);
  }
  SECTION("another lane had one too, but this one's thread caught the signal") {
    killed_run(folder, [](Run& run) {
      std::thread([&] { enter(*run.second, orders, 1, 1); }).join();
      enter(*run.first, users, 7, 7);
      CrashJournal::note_signal(SIGSEGV);
    });
    const auto journal = open(folder);
    REQUIRE(journal->predecessor().calls.size() == 1);
    CHECK(journal->predecessor().calls[0].alone);
    CHECK(journal->predecessor().calls[0].handler == "user-service");
    CHECK(journal->predecessor().calls[0].how == "signal 11 (SIGSEGV)");
  }
}

TEST_CASE("a signal in a thread that is no lane's may be anybody's") {
  const TempDir folder;
  killed_run(folder, [](Run& run) {
    enter(*run.first, users, 7, 7);
    enter(*run.second, orders, 1, 1);
    std::thread([] { CrashJournal::note_signal(SIGABRT); }).join();
  });
  const auto journal = open(folder);
  REQUIRE(journal->predecessor().calls.size() == 2);
  for (const auto& call : journal->predecessor().calls) CHECK(call.how == "signal 6 (SIGABRT) in a thread of its own");
}

TEST_CASE("exit() in a handler names its lane, elsewhere nobody") {
  const TempDir folder;
  killed_run(folder, [](Run& run) {
    if (CrashJournal::note_exit(0)) _exit(99);
    enter(*run.second, orders, 1, 1);
    enter(*run.first, users, 7, 8);
    const auto who = CrashJournal::note_exit(3);
    if (!who || who->find("handler user-service, lane 0: its code has had user-events/3@7..8 (2 records)") != 0) _exit(99);
  });
  const auto journal = open(folder);
  REQUIRE(journal->predecessor().calls.size() == 1);
  CHECK(journal->predecessor().calls[0].how == "exit(3) called by the handler");
}

TEST_CASE("a host that was told to stop and is killed then blames nobody, unless it crashes") {
  const TempDir folder;
  const bool crashes = GENERATE(false, true);
  killed_run(folder, [&](Run& run) {
    enter(*run.first, users, 7, 8);
    run.journal->stopping();
    if (crashes) CrashJournal::note_signal(SIGSEGV);
  });
  CHECK(open(folder)->predecessor().calls.size() == (crashes ? 1 : 0));
}

TEST_CASE("a predecessor is remembered until the journal is begun anew, however many runs die before that") {
  const TempDir folder;
  killed_run(folder, [](Run& run) { enter(*run.first, users, 7, 8); });
  const std::string run = open(folder)->predecessor().run;
  {
    const auto journal = open(folder);
    CHECK(journal->predecessor().run == run);
    REQUIRE(journal->predecessor().calls.size() == 1);
    REQUIRE(journal->begin());
    CHECK(journal->predecessor().calls.size() == 1);
  }
  CHECK(open(folder)->predecessor().calls.empty());
  CHECK(open(folder)->predecessor().run != run);
}

TEST_CASE("what is not whole counts for nothing") {
  const TempDir folder;
  SECTION("the death came while the next call was being written") {
    killed_run(folder, [](Run& run) {
      enter(*run.first, users, 7, 8);
      run.first->leave();
    });
    patch(folder, first_slot + offsetof(runtime::JournalSlot, run), std::string(16, '\x01'));
    CHECK(open(folder)->predecessor().calls.empty());
  }
  SECTION("somebody wrote over the offsets, or the topic") {
    killed_run(folder, [](Run& run) {
      enter(*run.first, users, 7, 8);
      enter(*run.second, orders, 1, 2);
    });
    patch(folder, first_slot + GENERATE(offsetof(runtime::JournalSlot, run), offsetof(runtime::JournalSlot, topic), offsetof(runtime::JournalSlot, count)), "x");
    const auto journal = open(folder);
    REQUIRE(journal->predecessor().calls.size() == 1);
    CHECK(journal->predecessor().calls[0].handler == "audit");
  }
  SECTION("the file is cut off") {
    killed_run(folder, [](Run& run) { enter(*run.second, orders, 1, 2); });
    std::filesystem::resize_file(folder / "state/crash-journal", first_slot + runtime::JournalSlot::size + GENERATE(0, 100, 8191));
    CHECK(open(folder)->predecessor().calls.empty());
  }
  SECTION("it is no journal") {
    std::filesystem::create_directory(folder / "state");
    std::ofstream(folder / "state/crash-journal") << std::string(20'000, 'x');
    CHECK(open(folder)->predecessor().calls.empty());
    CHECK(open(folder)->begin().ok());
  }
  SECTION("the machine went down since") {
    killed_run(folder, [](Run& run) { enter(*run.first, users, 7, 8); });
    CHECK(open(folder)->predecessor().calls.size() == 1);
    patch(folder, offsetof(runtime::JournalHeader, booted), std::string(8, '\x01'));
    CHECK(open(folder)->predecessor().calls.empty());
  }
}

TEST_CASE("a state folder belongs to one host, and to its user") {
  const TempDir folder;
  SECTION("another host") {
    const Run run(folder);
    const auto second = CrashJournal::open(folder / "state");
    REQUIRE_FALSE(second);
    CHECK_THAT(second.error().message, contains("is in use by another host (pid " + std::to_string(getpid()) + ")") && contains("[host] state_dir"));
  }
  SECTION("somebody's link") {
    std::filesystem::create_directory(folder / "state");
    folder.write("victim", "precious");
    std::filesystem::create_symlink(folder / "victim", folder / "state/crash-journal");
    REQUIRE_FALSE(CrashJournal::open(folder / "state"));
  }
  SECTION("a file that others may write") {
    open(folder);
    std::filesystem::permissions(folder / "state/crash-journal", std::filesystem::perms(0622));
    const auto refused = CrashJournal::open(folder / "state");
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, contains("is not a file of this user"));
  }
  SECTION("no folder can be made") {
    folder.write("file", "");
    const auto refused = CrashJournal::open(folder / "file/state");
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, contains("cannot be made") && contains("[host] state_dir"));
  }
  SECTION("a folder that is made is the owner's alone") {
    open(folder);
    CHECK((std::filesystem::status(folder / "state").permissions() & std::filesystem::perms(0077)) == std::filesystem::perms::none);
    CHECK((std::filesystem::status(folder / "state/crash-journal").permissions() & std::filesystem::perms(0077)) == std::filesystem::perms::none);
  }
}

TEST_CASE("a handler that does not come back is found, named and remembered as hung") {
  const TempDir folder;
  killed_run(folder, [](Run& run) {
    enter(*run.second, orders, 1, 1);
    const LaneProgress::Visit visit(&run.progress, LaneProgress::Place::handler);
    enter(*run.first, users, 7, 7);
    if (run.journal->find_hung(core::Millis(60'000))) _exit(99);
    std::optional<std::string> words;
    if (!eventually(5s, [&] { return (words = run.journal->find_hung(core::Millis(0))).has_value(); })) _exit(98);
    if (words->find("handler user-service, lane 0: its code has had user-events/3@7 (1 record) for ") != 0) _exit(97);
    if (run.journal->find_hung(core::Millis(0))) _exit(96);  // once is enough
    run.first->leave();                                      // too late
  });
  const auto journal = open(folder);
  REQUIRE(journal->predecessor().calls.size() == 1);
  CHECK(journal->predecessor().calls[0].handler == "user-service");
  CHECK(journal->predecessor().calls[0].hung);
  CHECK(journal->predecessor().calls[0].alone);
}

TEST_CASE("the watchdog says its last words once a handler is too late, not before") {
  const TempDir folder;
  Run run(folder);
  std::mutex mutex;
  std::string last_words;
  const auto said = [&] {
    const std::lock_guard lock(mutex);
    return last_words;
  };
  const runtime::Watchdog watchdog(*run.journal, core::Millis(700), [&](const std::string& words) {
    const std::lock_guard lock(mutex);
    last_words = words;
  });
  const LaneProgress::Visit visit(&run.progress, LaneProgress::Place::handler);
  enter(*run.first, users, 7, 7);
  CHECK(stays(300ms, [&] { return said().empty(); }));
  REQUIRE(eventually(10s, [&] { return !said().empty(); }));
  CHECK_THAT(said(), contains("user-events/3@7") && contains("its timeout is 0 ms") && contains("This host ends itself"));
}

TEST_CASE("as many pieces as a slot has room for are found again") {
  const TempDir folder;
  killed_run(folder, [](Run& run) {
    std::vector<OffsetRun> pieces;
    for (std::size_t i = 0; i < CrashJournal::most_runs; ++i) pieces.push_back({{static_cast<std::int64_t>(2 * i)}, {static_cast<std::int64_t>(2 * i)}});
    run.first->enter(users, 1, pieces, pieces.size());
  });
  const auto journal = open(folder);
  REQUIRE(journal->predecessor().calls.size() == 1);
  CHECK(journal->predecessor().calls[0].runs.size() == CrashJournal::most_runs);
  CHECK(journal->predecessor().calls[0].runs.back().last.value == 2 * static_cast<std::int64_t>(CrashJournal::most_runs - 1));
}
