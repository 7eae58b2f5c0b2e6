// What every lane has in its handler's hands, in a file mapped into memory: the kernel keeps it when the process dies, so that the next
// run knows which records it died of. No system call and no sync per batch: a few stores. The file belongs to one host at a time.
// Thread-safety: open, begin and the end on one thread; a JournalLane's enter and leave on its lane's; the rest from any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/types.h"
#include "runtime/progress.h"

namespace hostler::runtime {

struct JournalHeader;
struct JournalSlot;
class JournalLane;

// Offsets that were delivered one behind the other, both ends included.
struct OffsetRun {
  core::Offset first, last;
};

// Records that were in a handler's hands when the host died.
struct CrashedCall {
  std::string handler;
  core::TopicPartition where;    // where they were delivered: a source or a retry topic
  std::int32_t topic_id = 0;     // 0 on a retry topic
  std::vector<OffsetRun> runs;
  bool alone = false;            // it was one record, and no other can be to blame
  bool hung = false;
  std::string how;               // "signal 11 (SIGSEGV)"
};

// How the run before this one ended.
struct Crash {
  std::string run;                 // its id
  std::int64_t pid = 0;
  std::vector<CrashedCall> calls;  // empty: no record is to blame
};

class CrashJournal {
 public:
  // So many pieces of one call can be named; who has more in hand hands over less.
  static constexpr std::size_t most_runs = 450;

  // Makes `folder` if there is none (for its owner only), opens or makes the file `crash-journal` in it and reads what the run before left.
  // Error: another host has it (with its pid), somebody else owns it, it cannot be written.
  [[nodiscard]] static core::Result<std::unique_ptr<CrashJournal>> open(const std::filesystem::path& folder);
  ~CrashJournal();
  CrashJournal(const CrashJournal&) = delete;
  CrashJournal& operator=(const CrashJournal&) = delete;

  // Stays as it is in the file until begin(), so that a host that dies before has lost nothing.
  [[nodiscard]] const Crash& predecessor() const { return predecessor_; }
  // Forgets the predecessor: from here on the file is this run's.
  [[nodiscard]] core::Status<> begin();
  // A slot for one lane, after begin(). `timeout` of one call; `progress` says how long it has been going on and outlives the lane.
  [[nodiscard]] core::Result<std::unique_ptr<JournalLane>> add_lane(const std::string& handler, std::uint32_t index, core::Millis timeout,
                                                                    const LaneProgress& progress);
  // The host was told to stop: if it is killed now, no record is to blame.
  void stopping();
  // A lane whose handler has been `grace` beyond its timeout: the journal says now that it hung. In words: who, with what, for how long.
  [[nodiscard]] std::optional<std::string> find_hung(core::Millis grace);

  // The calling thread caught a fatal signal. Safe in a signal handler; does nothing without a journal and in forked children.
  static void note_signal(int number) noexcept;
  // The calling thread called exit() while a handler's code had it: says so in the journal and returns who, in words. Else empty.
  [[nodiscard]] static std::optional<std::string> note_exit(int status);

 private:
  friend class JournalLane;
  CrashJournal() = default;
  core::Status<> read(const std::string& name);
  core::Status<> allocate(std::size_t from, std::size_t size) const;

  std::filesystem::path file_;
  int descriptor_ = -1;
  JournalHeader* header_ = nullptr;  // mapped from begin() on
  Crash predecessor_;
  std::size_t slots_ = 0;
  std::mutex mutex_;
  std::vector<JournalLane*> lanes_;  // guarded by mutex_; those that live
};

// One lane's line in the journal. Ends before its journal.
class JournalLane {
 public:
  ~JournalLane();
  JournalLane(const JournalLane&) = delete;
  JournalLane& operator=(const JournalLane&) = delete;

  // The handler's code gets `count` records of one partition now, on this thread. `runs`: in ascending order, at most most_runs.
  void enter(const core::TopicPartition& where, std::int32_t topic_id, std::span<const OffsetRun> runs, std::size_t count);
  // It has given them back.
  void leave();

 private:
  friend class CrashJournal;
  JournalLane(CrashJournal& journal, JournalSlot* slot, std::string handler, std::uint32_t index, core::Millis timeout, const LaneProgress& progress);
  bool end(std::uint8_t state, std::int32_t detail) noexcept;
  std::string in_hand() const;

  CrashJournal& journal_;
  JournalSlot* const slot_;
  const std::string handler_;
  const std::uint32_t index_;
  const core::Millis timeout_;
  const LaneProgress& progress_;
  std::string topic_;          // as it stands in the slot
  std::uint64_t texts_ = 0;    // hash of handler and topic
  std::uint64_t sequence_ = 0;
};

}  // namespace hostler::runtime
