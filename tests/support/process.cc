#include "support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "support/env.h"
#include "support/wait.h"

namespace hostler::testing {
namespace {

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

// This process's environment with `changes` applied, as NAME=value.
std::vector<std::string> environment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!changes.contains(text.substr(0, text.find('=')))) result.push_back(text);
  }
  for (const auto& [name, value] : changes) result.push_back(name + "=" + value);
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::filesystem::path new_output_file() {
  std::string name = (scratch_dir() / "hostler-output-XXXXXX").string();
  const int file = mkstemp(name.data());
  if (file < 0) fail(errno, "cannot make " + name);
  close(file);
  return name;
}

} // namespace

Process::Process(std::vector<std::string> argv, ProcessOptions options) : output_(options.output) {
  if (argv.empty()) throw std::invalid_argument("Process needs a program");
  if (output_.empty()) {
    output_ = new_output_file();
    owns_output_ = true;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output_.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  if (!options.directory.empty()) posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());

  // A host that is not told where to keep its state must not share it with another test's.
  state_ = std::filesystem::absolute(output_).string() + ".state";
  options.env.try_emplace("XDG_STATE_HOME", state_.string());
  auto env = environment(options.env);
  const int error =
      posix_spawnp(&pid_, argv[0].c_str(), &actions, nullptr, pointers(argv).data(), pointers(env).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    pid_ = -1;
    fail(error, "cannot start " + argv[0]);
  }
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      status_(other.status_),
      output_(std::move(other.output_)),
      owns_output_(std::exchange(other.owns_output_, false)),
      state_(std::exchange(other.state_, {})) {}

Process::~Process() {
  if (pid_ > 0) kill_hard();
  std::error_code ignored;
  if (getenv("HOSTLER_TEST_KEEP") != nullptr) return;
  if (owns_output_) std::filesystem::remove(output_, ignored);
  if (!state_.empty()) std::filesystem::remove_all(state_, ignored);
}

bool Process::running() {
  if (status_ || pid_ <= 0) return false;
  int raw = 0;
  const pid_t ended = waitpid(pid_, &raw, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return true;
  status_ = ExitStatus{};
  if (ended == pid_ && WIFEXITED(raw)) status_->code = WEXITSTATUS(raw);
  if (ended == pid_ && WIFSIGNALED(raw)) status_->signal = WTERMSIG(raw);
  return false;
}

void Process::kill(int signal) {
  if (running()) ::kill(pid_, signal);
}

std::optional<ExitStatus> Process::wait(std::chrono::milliseconds patience) {
  if (!eventually(patience, [&] { return !running(); })) return std::nullopt;
  return status_;
}

ExitStatus Process::terminate(std::chrono::milliseconds patience) {
  kill(SIGTERM);
  if (const auto status = wait(patience)) return *status;
  throw std::runtime_error("process " + std::to_string(pid_) + " did not end after SIGTERM; its output:\n" +
                           output());
}

ExitStatus Process::kill_hard() {
  kill(SIGKILL);
  return wait(std::chrono::seconds(30)).value_or(ExitStatus{});
}

std::string Process::output() const {
  std::ostringstream text;
  text << std::ifstream(output_, std::ios::binary).rdbuf();
  return text.str();
}

bool Process::wait_for_output(std::string_view text, std::chrono::milliseconds patience) {
  bool found = false;
  return eventually(patience,
                    [&] {
                      const bool ended = !running(); // asked first: what it printed last is then complete
                      found = output().find(text) != std::string::npos;
                      return found || ended;
                    }) &&
         found;
}

Finished run(std::vector<std::string> argv, ProcessOptions options, std::chrono::milliseconds patience) {
  const std::string name = argv.empty() ? "" : argv[0];
  Process process(std::move(argv), std::move(options));
  const auto status = process.wait(patience);
  if (!status) throw std::runtime_error(name + " did not end in time; its output:\n" + process.output());
  return {*status, process.output()};
}

Finished program(std::vector<std::string> words, ProcessOptions options, std::chrono::milliseconds patience) {
  words.insert(words.begin(), HOSTLER_BINARY);
  return run(std::move(words), std::move(options), patience);
}

} // namespace hostler::testing
