// The crash journal's file as bytes: a header of one page, then a slot per lane. What is in a slot counts only if its state, which is
// written last, and the checksum over the rest agree. Private to crash_journal.cc. Thread-safety: a slot belongs to its lane's thread,
// but for `state` and `detail`.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/crash_journal.h"

namespace hostler::runtime {

enum class SlotState : std::uint8_t {
  idle,
  handling,   // the handler's code has the records
  hung,       // … and was too late: the host ended itself
  signalled,  // … and its thread caught a fatal signal; detail: which
  exited,     // … and called exit(); detail: the status
};

struct JournalHeader {
  static constexpr std::size_t size = 4096;
  static constexpr std::uint64_t right_magic = 0x484F'5354'4A52'4E31;  // with a version at its end

  std::uint64_t magic;
  std::int64_t pid;
  std::int64_t booted;     // the machine, in ms since 1970: what an earlier boot left in the file may be old
  char run[40];            // the id of this run of the host
  std::uint32_t stopping;  // the host was told to stop
  std::int32_t signal;     // a fatal signal of a thread that is no lane's; 0: none
};

struct JournalSlot {
  static constexpr std::size_t size = 8192, text_size = 256;

  std::uint64_t state;   // sequence << 8 | SlotState
  std::uint64_t check;   // of the sequence and what is below
  std::int32_t detail;
  std::uint32_t count;   // records in the handler's hands
  std::uint32_t runs;
  std::int32_t topic_id, partition;
  std::uint32_t reserved;
  char handler[text_size], topic[text_size];  // end with NUL
  OffsetRun run[CrashJournal::most_runs];

  [[nodiscard]] static std::uint64_t word(std::uint64_t sequence, SlotState state) { return sequence << 8 | static_cast<std::uint64_t>(state); }
};
static_assert(sizeof(JournalHeader) <= JournalHeader::size && sizeof(JournalSlot) <= JournalSlot::size);

// FNV-1a over words instead of bytes: a few nanoseconds for a slot.
class SlotHash {
 public:
  void add(std::uint64_t word) { value_ = (value_ ^ word) * 0x100'0000'01B3; }
  void add(std::string_view text) {
    for (const char c : text) add(static_cast<unsigned char>(c));
  }
  [[nodiscard]] std::uint64_t value() const { return value_ ^ value_ >> 32; }

 private:
  std::uint64_t value_ = 0xCBF2'9CE4'8422'2325;
};

// `texts`: the hash of handler and topic, which seldom change.
[[nodiscard]] inline std::uint64_t check_of(const JournalSlot& slot, std::uint64_t sequence, std::uint64_t texts) {
  SlotHash hash;
  hash.add(sequence);
  hash.add(texts);
  hash.add(static_cast<std::uint64_t>(slot.count) << 32 | slot.runs);
  hash.add(static_cast<std::uint64_t>(static_cast<std::uint32_t>(slot.topic_id)) << 32 | static_cast<std::uint32_t>(slot.partition));
  for (std::uint32_t i = 0; i < slot.runs; ++i) {
    hash.add(static_cast<std::uint64_t>(slot.run[i].first.value) * 0x9E37'79B9'7F4A'7C15 + static_cast<std::uint64_t>(slot.run[i].last.value));
  }
  return hash.value();
}

[[nodiscard]] inline std::uint64_t hash_of_texts(std::string_view handler, std::string_view topic) {
  SlotHash hash;
  hash.add(handler);
  hash.add(std::uint64_t{256});
  hash.add(topic);
  return hash.value();
}

}  // namespace hostler::runtime
