#include "plugin/probe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "plugin/probe_protocol.h"

namespace hostler::plugin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int above_protocol = 16; // descriptors of this side stay clear of the child's numbers
constexpr std::size_t most_report = std::size_t{4} << 20, most_said = 16'384, most_shown = 300;

core::Error cannot(const std::string& what, int error) {
  return core::Error{"cannot be tried in a child process: " + what + ": " + std::strerror(error) +
                     "; check the limits of this user and container"};
}

struct Pipe {
  Descriptor read, write;
};

core::Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return cannot("pipe", errno);
  Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
  pipe.write = Descriptor(::fcntl(ends[1], F_DUPFD_CLOEXEC, above_protocol));
  if (!pipe.write || ::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return cannot("pipe", errno);
  return pipe;
}

// What posix_spawn is told; freed at the end.
struct SpawnPlan {
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

// The child, its two pipes and what came through them. Killed, if it still runs at the end.
class Child {
 public:
  Child() = default;
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  core::Status<> start(int library, const std::string& program);
  // Until it ended (its status) or the time is over (nothing).
  std::optional<int> wait(Clock::time_point until);

  std::string report, said;

 private:
  static void drain(Descriptor& from, std::string& to, std::size_t most);

  Pipe report_pipe_, said_pipe_;
  pid_t pid_ = -1;
  Descriptor ended_;
};

core::Status<> Child::start(int library, const std::string& program) {
  auto for_report = make_pipe();
  if (!for_report) return for_report.error();
  auto for_words = make_pipe();
  if (!for_words) return for_words.error();
  report_pipe_ = std::move(*for_report);
  said_pipe_ = std::move(*for_words);
  const Descriptor file(::fcntl(library, F_DUPFD_CLOEXEC, above_protocol));
  if (!file) return cannot("dup", errno);

  SpawnPlan plan;
  posix_spawn_file_actions_addopen(&plan.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&plan.actions, said_pipe_.write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&plan.actions, said_pipe_.write.get(), STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&plan.actions, file.get(), probe_library_fd);
  posix_spawn_file_actions_adddup2(&plan.actions, report_pipe_.write.get(), probe_report_fd);
  posix_spawn_file_actions_addclosefrom_np(&plan.actions, probe_report_fd + 1);
  // A group of its own, so that what it starts ends with it; and no signal blocked or ignored that the host has.
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&plan.attributes, &none);
  posix_spawnattr_setsigdefault(&plan.attributes, &all);
  posix_spawnattr_setpgroup(&plan.attributes, 0);
  posix_spawnattr_setflags(&plan.attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::array<std::string, 3> words = {"hostler", probe_words[0], probe_words[1]};
  std::array<char*, 4> argv = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  if (const int failed =
          ::posix_spawn(&pid_, program.c_str(), &plan.actions, &plan.attributes, argv.data(), environ);
      failed != 0) {
    pid_ = -1;
    return cannot(program, failed);
  }
  report_pipe_.write.close();
  said_pipe_.write.close();
  // The call itself: Debian 12's header of it cannot be used from C++.
  ended_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!ended_) return cannot("pidfd_open", errno);
  return core::Status<>::success();
}

Child::~Child() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL); // the group: also what a constructor may have started
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
}

void Child::drain(Descriptor& from, std::string& to, std::size_t most) {
  std::array<char, 65'536> buffer{};
  while (from) {
    const auto got = ::read(from.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return from.close();
    to.append(buffer.data(), std::min(static_cast<std::size_t>(got), most - std::min(most, to.size())));
  }
}

std::optional<int> Child::wait(Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<core::Millis>(until - Clock::now());
    std::array<pollfd, 3> events = {{{ended_.get(), POLLIN, 0},
                                     {report_pipe_.read.get(), POLLIN, 0},
                                     {said_pipe_.read.get(), POLLIN, 0}}};
    const int ready =
        ::poll(events.data(), events.size(), static_cast<int>(std::max<core::Millis::rep>(left.count(), 0)));
    drain(report_pipe_.read, report, most_report);
    drain(said_pipe_.read, said, most_said);
    if (events[0].revents != 0) break;
    if (ready == 0 || left.count() <= 0) return std::nullopt;
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
  ::kill(-std::exchange(pid_, -1), SIGKILL); // a group lives as long as one of its processes
  drain(report_pipe_.read, report, most_report);
  drain(said_pipe_.read, said, most_said);
  return status;
}

// The last line that begins with the mark of a step: what ran when the child ended.
std::string last_step(const std::string& report) {
  const auto at = report.rfind(probe_step_mark);
  if (at == std::string::npos) return "";
  const auto end = report.find('\n', at);
  return end == std::string::npos ? "" : report.substr(at + 1, end - at - 1);
}

core::Error died(const Child& child, std::optional<int> status, core::Millis limit) {
  const std::string step = last_step(child.report);
  std::string words = one_line(child.said, most_shown);
  if (!words.empty()) words = "; it said: " + words;
  if (!status)
    return core::Error{"does not come back from " + step + " within " + std::to_string(limit.count()) +
                       " ms" + words + "; nothing there may wait: move it to `start`"};
  if (WIFSIGNALED(*status)) {
    const char* const name = sigabbrev_np(WTERMSIG(*status));
    return core::Error{
        "crashes in " + step + " (SIG" + (name == nullptr ? "?" : name) + ")" + words +
        "; no exception may leave a static constructor; if it ran elsewhere, build it again for this system"};
  }
  return core::Error{"ends the process in " + step + " (exit code " + std::to_string(WEXITSTATUS(*status)) +
                     ")" + words + "; nothing in a plugin may call exit()"};
}

} // namespace

core::Result<PluginDescription> probe(const SealedCopy& copy, const ProbeOptions& options) {
  Child child;
  if (auto started = child.start(copy.fd(), options.program); !started) return started.error();
  const auto status = child.wait(Clock::now() + options.limit);
  if (last_step(child.report).empty()) {
    return core::Error{"cannot be tried in a child process: " + options.program +
                       " did not answer as a probe" +
                       (child.said.empty() ? "" : "; it said: " + one_line(child.said, most_shown)) +
                       "; the program must be the host itself"};
  }
  const auto answer = child.report.rfind(probe_answer_mark);
  if (!status || *status != 0 || answer == std::string::npos) return died(child, status, options.limit);
  const std::string_view text(child.report);
  return from_json(text.substr(answer + 1, text.find('\n', answer) - answer - 1));
}

} // namespace hostler::plugin
