// Where a host's state is kept when nobody says where.
#include "cli/state_dir.h"

#include <cstdlib>
#include <map>
#include <optional>

#include "support/catch.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

// The environment of one test; what was there comes back.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& values) {
    for (const char* name : {"STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"}) {
      const char* value = getenv(name);
      before_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
      unsetenv(name);
    }
    for (const auto& [name, value] : values) setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const auto& [name, value] : before_) {
      if (value) setenv(name.c_str(), value->c_str(), 1);
      else unsetenv(name.c_str());
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

std::string folder(const std::map<std::string, std::string>& environment, const std::string& name = "platform", const std::string& stated = "") {
  const Environment during(environment);
  core::HostConfig config;
  config.file = "/etc/hostler/hostler.toml";
  config.name = name;
  config.state_dir = stated;
  const auto found = cli::state_folder(config);
  return found ? found->string() : "error: " + found.error().message;
}

}  // namespace

TEST_CASE("the state folder is the one that is stated, else systemd's, else the user's own") {
  const std::map<std::string, std::string> all = {{"STATE_DIRECTORY", "/var/lib/hostler:/var/lib/other"}, {"XDG_STATE_HOME", "/x/state"}, {"HOME", "/home/ada"}};
  CHECK(folder(all, "platform", "/srv/state") == "/srv/state");
  CHECK(folder(all) == "/var/lib/hostler");
  CHECK(folder({{"XDG_STATE_HOME", "/x/state"}, {"HOME", "/home/ada"}}) == "/x/state/hostler/platform");
  CHECK(folder({{"HOME", "/home/ada"}}) == "/home/ada/.local/state/hostler/platform");
  CHECK(folder({{"XDG_STATE_HOME", "relative"}, {"HOME", "/home/ada"}}) == "/home/ada/.local/state/hostler/platform");
  CHECK_THAT(folder({}), contains("error: /etc/hostler/hostler.toml: there is no folder for the host's state") && contains("set [host] state_dir"));
}

TEST_CASE("a host's name leads nowhere else") {
  CHECK(folder({{"HOME", "/h"}}, "../../etc") == "/h/.local/state/hostler/_.._.._etc");
  CHECK(folder({{"HOME", "/h"}}, "team a/b") == "/h/.local/state/hostler/team_a_b");
  CHECK(folder({{"HOME", "/h"}}, "..") == "/h/.local/state/hostler/_..");
}
