// The service files as systemd's own tools judge them.
#include <cstdlib>
#include <regex>

#include "support/catch.h"
#include "support/file.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace hostler::testing;

namespace {

// A copy whose program is the built one, named as an instance would be.
std::string unit(const TempDir& folder, const std::string& name) {
  const std::string text = text_of(std::filesystem::path(HOSTLER_SOURCE_DIR) / "packaging/systemd" / name);
  REQUIRE_FALSE(text.empty());
  return folder.write(name, std::regex_replace(text, std::regex("/usr/bin/hostler"), HOSTLER_BINARY)).string();
}

}  // namespace

TEST_CASE("the service files have no mistake that systemd knows") {
  const TempDir folder;
  for (const char* name : {"hostler.service", "hostler@.service"}) {
    const auto verified = run({"systemd-analyze", "verify", "--man=no", unit(folder, name)});
    INFO(name << ": " << verified.output);
    CHECK(verified.status.code == 0);
    CHECK(verified.output.empty());
  }
}

TEST_CASE("the service files leave a host next to no rights: exposure at most 1.5") {
  const TempDir folder;
  for (const char* name : {"hostler.service", "hostler@.service"}) {
    const auto judged = run({"systemd-analyze", "security", "--offline=true", "--threshold=15", unit(folder, name)});
    INFO(name << ": " << judged.output);
    CHECK(judged.status.code == 0);
    const std::regex level("exposure level for [^:]*: ([0-9.]+)");
    std::smatch found;
    REQUIRE(std::regex_search(judged.output, found, level));
    CHECK(std::atof(found[1].str().c_str()) <= 1.5);
  }
}

TEST_CASE("a host is restarted for ever, watched, and given more time to stop than it takes") {
  for (const char* name : {"hostler.service", "hostler@.service"}) {
    const std::string text = text_of(std::filesystem::path(HOSTLER_SOURCE_DIR) / "packaging/systemd" / name);
    for (const char* line : {"\nType=notify\n", "\nRestart=always\n", "\nStateDirectory=hostler", "\nStartLimitIntervalSec=0\n", "\nWatchdogSec=30s\n", "\nTimeoutStopSec=45s\n", "\nExecReload=/bin/kill -HUP $MAINPID\n"})
      CHECK_THAT(text, contains(line));
  }
}
