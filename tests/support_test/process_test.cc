// tests/support on itself: children, waiting, temporary folders.
#include "support/process.h"

#include <signal.h>

#include "support/catch.h"
#include "support/temp_dir.h"
#include "support/wait.h"

using namespace hostler::testing;

TEST_CASE("a child's exit code, output, environment and folder are seen") {
  const TempDir folder;
  const auto done = run({"sh", "-c", "echo $GREETING; pwd; echo late >&2; exit 7"},
                        {.env = {{"GREETING", "good day"}}, .output = {}, .directory = folder.path()});
  CHECK(done.status == ExitStatus{.code = 7, .signal = 0});
  CHECK(done.output == "good day\n" + folder.path().string() + "\nlate\n");
}

TEST_CASE("output goes to a given file and can be waited for") {
  const TempDir folder;
  Process child({"sh", "-c", "echo first; exec sleep 60"},
                {.env = {}, .output = folder / "log", .directory = {}});
  CHECK(child.wait_for_output("first", 10s));
  CHECK_FALSE(child.wait_for_output("second", 20ms));
  CHECK(child.running());
  CHECK(child.terminate() == ExitStatus{.code = -1, .signal = SIGTERM});
  CHECK_FALSE(child.running());
}

TEST_CASE("waiting for output ends when the child does") {
  Process child({"true"});
  CHECK_FALSE(child.wait_for_output("anything", 60s));
}

TEST_CASE("a child does not outlive its object") {
  pid_t pid = 0;
  {
    const Process child({"sleep", "60"});
    pid = child.pid();
    CHECK(kill(pid, 0) == 0);
  }
  CHECK(kill(pid, 0) == -1);
}

TEST_CASE("a program that does not exist is an error") { CHECK_THROWS(Process({"/no/such/program"})); }

TEST_CASE("a child that takes too long is an error that shows its output") {
  CHECK_THROWS_WITH(run({"sh", "-c", "echo stuck; exec sleep 60"}, {}, 300ms), contains("stuck"));
}

TEST_CASE("eventually tries until it holds, and gives up") {
  int calls = 0;
  CHECK(eventually(10s, [&] { return ++calls == 3; }));
  CHECK_FALSE(eventually(5ms, [] { return false; }));
  CHECK(stays(5ms, [] { return true; }));
  CHECK_FALSE(stays(10s, [&] { return ++calls < 6; }));
}
