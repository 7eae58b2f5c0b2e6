// Child processes of tests, most of all the built host. No shell is involved. One object belongs to one thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hostler::testing {

struct ProcessOptions {
  std::map<std::string, std::string> env; // added to this process's environment
  std::filesystem::path output; // takes stdout and stderr, appended; empty: a file of its own, see output()
  std::filesystem::path directory; // working directory; empty: this one
};

struct ExitStatus {
  int code = -1;  // exit code, -1 when a signal ended it
  int signal = 0; // the signal, 0 when it exited
  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

class Process {
 public:
  // Starts `argv` (argv[0] is a path, or a name looked up in PATH). Throws when that fails.
  explicit Process(std::vector<std::string> argv, ProcessOptions options = {});
  // A child that still runs is killed and waited for.
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  // Sends a signal; does nothing once the child has ended (its id may belong to somebody else by then).
  void kill(int signal);
  // Waits for the end; nothing when `patience` passed first.
  [[nodiscard]] std::optional<ExitStatus> wait(std::chrono::milliseconds patience);
  // SIGTERM and wait; throws with the output when the child has not ended in time.
  ExitStatus terminate(std::chrono::milliseconds patience = std::chrono::seconds(30));
  // SIGKILL and wait.
  ExitStatus kill_hard();

  // What it printed so far (with options.output also what was in that file before).
  [[nodiscard]] std::string output() const;
  // Waits until the output holds `text`; false when the time passed or the child ended without it.
  [[nodiscard]] bool wait_for_output(std::string_view text, std::chrono::milliseconds patience);

 private:
  pid_t pid_ = -1;
  std::optional<ExitStatus> status_; // set once it has been waited for
  std::filesystem::path output_;
  bool owns_output_ = false;
  std::filesystem::path state_; // its XDG_STATE_HOME unless it was given one; removed with the object
};

struct Finished {
  ExitStatus status;
  std::string output;
};

// Runs to the end. Throws with the output so far when `patience` passes first.
[[nodiscard]] Finished run(std::vector<std::string> argv, ProcessOptions options = {},
                           std::chrono::milliseconds patience = std::chrono::seconds(60));

// The built `hostler` with these words, to the end.
[[nodiscard]] Finished program(std::vector<std::string> words, ProcessOptions options = {},
                               std::chrono::milliseconds patience = std::chrono::seconds(60));

} // namespace hostler::testing
