// Puts a host together from its configuration: the only place that sees every folder. Used by `run` and `demo`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/health.h"
#include "core/host_config.h"
#include "core/result.h"
#include "runtime/admin.h"
#include "runtime/crash_journal.h"
#include "runtime/local_suspects.h"
#include "runtime/observer.h"
#include "runtime/source.h"

namespace hostler::cli {

// What a caller may put in place of the real part. All may be null; what is given must outlive the host.
struct HostParts {
  runtime::Observer* observer = nullptr;
  runtime::Admin* admin = nullptr;  // the demo's mock cluster cannot create topics by itself
  std::string probe_program;        // what tries plugins (see plugin/probe.h); empty: this program, which then must be the host
  runtime::CrashJournal* journal = nullptr;   // null: what is in hand when the process dies stays unknown
  runtime::LocalSuspects* local = nullptr;    // comes with the journal
};

struct HandlerState {
  std::string name;
  std::string failed;  // why it does not run, for good: its plugin or its configuration; empty if it runs
  runtime::ConsumerState source, retry;
};

class Host {
 public:
  virtual ~Host() = default;  // drains for up to 30 s if drain() was not called
  // Loads plugins, opens the ledger, creates handlers: what is wrong for good is an error here (exit code 2). A broker or database that
  // does not answer is not: the host keeps trying in the background. Nor is a handler that cannot be made, as long as another one runs:
  // it is logged and stays in state() as failed.
  virtual core::Status<> start() = 0;
  // Stops intake, lets lanes finish what they hold, commits, leaves the groups, ends handlers, clients and database sessions: nothing is left for the
  // destructor to wait for. Blocks, until handlers let go at the longest; what may be given up in time for `until` is: outputs that nobody waits for.
  // Also after start() failed.
  virtual void drain(core::SteadyTime until) = 0;
  // After start(), any thread, not during drain().
  [[nodiscard]] virtual std::vector<HandlerState> state() const = 0;
  // How everything is, brokers and databases as of the last look at them. Quick. Any thread, also before start() and during drain().
  [[nodiscard]] virtual core::HostHealth health() const = 0;
  // Why the host cannot go on although start() succeeded (the database came up without its tables); empty while it can.
  [[nodiscard]] virtual std::string failure() const = 0;
};

// Does nothing yet that can fail beyond memory; start() does.
std::unique_ptr<Host> make_host(const core::HostConfig& config, HostParts parts);

}  // namespace hostler::cli
