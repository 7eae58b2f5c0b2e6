#include "runtime/crash_journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include "runtime/crash_slots.h"
#include "runtime/log.h"

namespace hostler::runtime {
namespace {

using StateRef = std::atomic_ref<std::uint64_t>;

// What a signal handler and exit() need to find.
std::atomic<CrashJournal*> current_journal{nullptr};
std::atomic<pid_t> current_pid{0};           // a forked child has the same memory, and is not the host
std::atomic<std::int32_t*> stray_signal{nullptr};
thread_local JournalLane* lane_in_hand = nullptr;

std::string system_error(const std::string& what) { return what + ": " + std::strerror(errno); }

std::int64_t boot_time_ms() {
  const auto ms = [](clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
  };
  return ms(CLOCK_REALTIME) - ms(CLOCK_BOOTTIME);
}

std::string random_id() {
  unsigned char bytes[16] = {};
  if (getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) throw std::system_error(errno, std::generic_category(), "getrandom");
  std::string out;
  for (const unsigned char b : bytes) {
    out += "0123456789abcdef"[b >> 4];
    out += "0123456789abcdef"[b & 15];
  }
  return out;
}

std::string signal_text(std::int32_t number) {
  const char* name = sigabbrev_np(number);
  return "signal " + std::to_string(number) + (name == nullptr ? "" : " (SIG" + std::string(name) + ")");
}

template <std::size_t N>
std::string text_of(const char (&text)[N]) {
  return {text, strnlen(text, N)};
}

// What a slot in a file says; empty: nothing was in hand, or it is not whole.
struct Found {
  CrashedCall call;
  SlotState state = SlotState::idle;
  std::uint32_t count = 0;
};
std::optional<Found> read_slot(const char* bytes) {
  JournalSlot slot;
  std::memcpy(&slot, bytes, sizeof slot);
  const auto state = static_cast<SlotState>(slot.state & 0xFF);
  if (state == SlotState::idle || state > SlotState::exited || slot.runs == 0 || slot.runs > CrashJournal::most_runs) return std::nullopt;
  Found out;
  out.state = state;
  out.count = slot.count;
  out.call.handler = text_of(slot.handler);
  out.call.where = {text_of(slot.topic), {slot.partition}};
  if (check_of(slot, slot.state >> 8, hash_of_texts(out.call.handler, out.call.where.topic)) != slot.check) {
    log(LogLevel::warn, "the crash journal of the run before this one is damaged in one place, which is ignored");
    return std::nullopt;
  }
  out.call.topic_id = slot.topic_id;
  out.call.runs.assign(slot.run, slot.run + slot.runs);
  switch (state) {
    case SlotState::signalled: out.call.how = signal_text(slot.detail); break;
    case SlotState::exited: out.call.how = "exit(" + std::to_string(slot.detail) + ") called by the handler"; break;
    case SlotState::hung: out.call.how = "no return within the timeout"; break;
    case SlotState::idle:
    case SlotState::handling: out.call.how = "an end without a word (killed, out of memory, _exit)"; break;
  }
  out.call.hung = state == SlotState::hung;
  return out;
}

// Who is to blame: the lanes of which it is known, else everybody who had something in hand.
std::vector<CrashedCall> blamed(std::vector<Found> found, const JournalHeader& header) {
  const auto known = [](const Found& f) { return f.state != SlotState::handling; };
  const bool any_known = std::any_of(found.begin(), found.end(), known);
  if (!any_known && header.stopping != 0) return {};
  if (any_known) std::erase_if(found, [&](const Found& f) { return !known(f); });
  std::vector<CrashedCall> out;
  for (auto& f : found) {
    f.call.alone = f.count == 1 && (any_known || found.size() == 1);
    if (!any_known && header.signal != 0) f.call.how = signal_text(header.signal) + " in a thread of its own";
    out.push_back(std::move(f.call));
  }
  return out;
}

// The folder and those above it that are missing, for their owner only.
core::Status<> make_folder(const std::filesystem::path& folder) {
  std::filesystem::path made;
  for (const auto& part : folder) {
    made /= part;
    if (mkdir(made.c_str(), 0700) == 0 || errno == EEXIST) continue;
    struct stat there {};
    if (stat(made.c_str(), &there) == 0) continue;  // a read-only file system says so of what exists too
    return core::Error{system_error("the state folder " + folder.string() + " cannot be made: " + made.string()) + "; choose another with [host] state_dir"};
  }
  return core::Status<>::success();
}

}  // namespace

core::Result<std::unique_ptr<CrashJournal>> CrashJournal::open(const std::filesystem::path& folder) {
  if (auto made = make_folder(folder); !made) return made.error();
  std::unique_ptr<CrashJournal> journal(new CrashJournal());
  journal->file_ = folder / "crash-journal";
  const std::string name = journal->file_.string();
  journal->descriptor_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (journal->descriptor_ < 0) return core::Error{system_error("the crash journal " + name + " cannot be opened") + "; choose another folder with [host] state_dir"};
  struct stat status {};
  if (fstat(journal->descriptor_, &status) != 0) return core::Error{system_error(name)};
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022) != 0 || status.st_nlink != 1) {
    return core::Error{"the crash journal " + name + " is not a file of this user (uid " + std::to_string(geteuid()) +
                       ") that only it can write; remove it, or choose another folder with [host] state_dir"};
  }
  if (flock(journal->descriptor_, LOCK_EX | LOCK_NB) != 0) {
    std::int64_t pid = 0;
    if (pread(journal->descriptor_, &pid, sizeof pid, offsetof(JournalHeader, pid)) != sizeof pid) pid = 0;
    return core::Error{"the state folder " + folder.string() + " is in use by another host" + (pid > 0 ? " (pid " + std::to_string(pid) + ")" : "") +
                       "; give each host a folder of its own with [host] state_dir"};
  }
  if (auto read = journal->read(name); !read) return read.error();
  const std::int64_t pid = getpid();  // for whoever finds the lock taken
  if (pwrite(journal->descriptor_, &pid, sizeof pid, offsetof(JournalHeader, pid)) != sizeof pid) return core::Error{system_error("the crash journal " + name + " cannot be written")};
  return journal;
}

core::Status<> CrashJournal::read(const std::string& name) {
  const off_t size = lseek(descriptor_, 0, SEEK_END);
  if (size < static_cast<off_t>(JournalHeader::size)) return core::Status<>::success();
  std::string bytes(static_cast<std::size_t>(size), '\0');
  if (pread(descriptor_, bytes.data(), bytes.size(), 0) != size) return core::Error{system_error("the crash journal " + name + " cannot be read")};
  JournalHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != JournalHeader::right_magic) return core::Status<>::success();  // of another version
  predecessor_.run = text_of(header.run);
  predecessor_.pid = header.pid;
  if (std::llabs(header.booted - boot_time_ms()) > 60'000) return core::Status<>::success();  // the machine went down with it
  std::vector<Found> found;
  for (std::size_t at = JournalHeader::size; at + JournalSlot::size <= bytes.size(); at += JournalSlot::size) {
    if (auto slot = read_slot(bytes.data() + at)) found.push_back(std::move(*slot));
  }
  predecessor_.calls = blamed(std::move(found), header);
  return core::Status<>::success();
}

// A store into a page that the disk has no room for would be a SIGBUS.
core::Status<> CrashJournal::allocate(std::size_t from, std::size_t size) const {
  const int error = posix_fallocate(descriptor_, static_cast<off_t>(from), static_cast<off_t>(size));
  if (error == 0) return core::Status<>::success();
  return core::Error{"the crash journal " + file_.string() + " cannot grow: " + std::strerror(error)};
}

core::Status<> CrashJournal::begin() {
  // First the slots go, then the run gets its name: in between nothing is in hand.
  if (ftruncate(descriptor_, 0) != 0) return core::Error{system_error("the crash journal " + file_.string() + " cannot be written")};
  if (auto room = allocate(0, JournalHeader::size); !room) return room;
  void* mapped = mmap(nullptr, JournalHeader::size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (mapped == MAP_FAILED) return core::Error{system_error("the crash journal " + file_.string() + " cannot be mapped")};
  header_ = static_cast<JournalHeader*>(mapped);
  header_->pid = getpid();
  header_->booted = boot_time_ms();
  random_id().copy(header_->run, sizeof header_->run - 1);
  std::atomic_ref(header_->magic).store(JournalHeader::right_magic);
  stray_signal = &header_->signal;
  current_pid = getpid();
  current_journal = this;
  return core::Status<>::success();
}

CrashJournal::~CrashJournal() {
  if (current_journal == this) {
    current_journal = nullptr;
    stray_signal = nullptr;
  }
  if (header_ != nullptr) munmap(header_, JournalHeader::size);
  if (descriptor_ >= 0) close(descriptor_);
}

core::Result<std::unique_ptr<JournalLane>> CrashJournal::add_lane(const std::string& handler, std::uint32_t index, core::Millis timeout, const LaneProgress& progress) {
  const std::lock_guard lock(mutex_);
  const std::size_t at = JournalHeader::size + slots_ * JournalSlot::size;
  if (auto room = allocate(at, JournalSlot::size); !room) return room.error();
  void* mapped = mmap(nullptr, JournalSlot::size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, static_cast<off_t>(at));
  if (mapped == MAP_FAILED) return core::Error{system_error("the crash journal " + file_.string() + " cannot be mapped")};
  ++slots_;
  std::unique_ptr<JournalLane> lane(new JournalLane(*this, static_cast<JournalSlot*>(mapped), handler, index, timeout, progress));
  lanes_.push_back(lane.get());
  return lane;
}

void CrashJournal::stopping() {
  if (header_ != nullptr) std::atomic_ref(header_->stopping).store(1);
}

std::optional<std::string> CrashJournal::find_hung(core::Millis grace) {
  const std::lock_guard lock(mutex_);
  for (JournalLane* lane : lanes_) {
    const StateRef state(lane->slot_->state);
    std::uint64_t seen = state.load();
    if (static_cast<SlotState>(seen & 0xFF) != SlotState::handling) continue;
    const auto handling = lane->progress_.handling();
    if (!handling || *handling <= lane->timeout_ + grace) continue;
    if (!state.compare_exchange_strong(seen, JournalSlot::word(seen >> 8, SlotState::hung))) continue;  // it has just come back
    return lane->in_hand() + " for " + std::to_string(handling->count()) + " ms, its timeout is " + std::to_string(lane->timeout_.count()) + " ms";
  }
  return std::nullopt;
}

void CrashJournal::note_signal(int number) noexcept {
  if (current_journal.load() == nullptr || current_pid.load() != getpid()) return;
  if (lane_in_hand != nullptr && lane_in_hand->end(static_cast<std::uint8_t>(SlotState::signalled), number)) return;
  if (std::int32_t* stray = stray_signal.load()) std::atomic_ref(*stray).store(number);
}

std::optional<std::string> CrashJournal::note_exit(int status) {
  if (current_journal.load() == nullptr || current_pid.load() != getpid() || lane_in_hand == nullptr) return std::nullopt;
  if (!lane_in_hand->end(static_cast<std::uint8_t>(SlotState::exited), status)) return std::nullopt;
  return lane_in_hand->in_hand();
}

JournalLane::JournalLane(CrashJournal& journal, JournalSlot* slot, std::string handler, std::uint32_t index, core::Millis timeout, const LaneProgress& progress)
    : journal_(journal), slot_(slot), handler_(std::move(handler)), index_(index), timeout_(timeout), progress_(progress) {
  handler_.copy(slot_->handler, JournalSlot::text_size - 1);  // names have at most 100 bytes
}

JournalLane::~JournalLane() {
  const std::lock_guard lock(journal_.mutex_);
  std::erase(journal_.lanes_, this);
  munmap(slot_, JournalSlot::size);
}

void JournalLane::enter(const core::TopicPartition& where, std::int32_t topic_id, std::span<const OffsetRun> runs, std::size_t count) {
  const StateRef state(slot_->state);
  if (static_cast<SlotState>(state.load(std::memory_order_relaxed) & 0xFF) != SlotState::idle) return;  // hung: the host is about to end
  if (where.topic != topic_ || texts_ == 0) {
    topic_ = where.topic.substr(0, JournalSlot::text_size - 1);  // names have at most 249 bytes
    std::memset(slot_->topic, 0, sizeof slot_->topic);
    topic_.copy(slot_->topic, JournalSlot::text_size - 1);
    texts_ = hash_of_texts(handler_, topic_);
  }
  slot_->topic_id = topic_id;
  slot_->partition = where.partition.value;
  slot_->count = static_cast<std::uint32_t>(count);
  slot_->runs = static_cast<std::uint32_t>(std::min(runs.size(), CrashJournal::most_runs));
  std::copy_n(runs.begin(), slot_->runs, slot_->run);
  slot_->detail = 0;
  ++sequence_;
  slot_->check = check_of(*slot_, sequence_, texts_);
  lane_in_hand = this;
  state.store(JournalSlot::word(sequence_, SlotState::handling), std::memory_order_release);
}

void JournalLane::leave() {
  lane_in_hand = nullptr;
  std::uint64_t handling = JournalSlot::word(sequence_, SlotState::handling);
  StateRef(slot_->state).compare_exchange_strong(handling, JournalSlot::word(sequence_, SlotState::idle));
}

bool JournalLane::end(std::uint8_t to, std::int32_t detail) noexcept {
  std::atomic_ref(slot_->detail).store(detail);
  std::uint64_t handling = JournalSlot::word(sequence_, SlotState::handling);
  return StateRef(slot_->state).compare_exchange_strong(handling, JournalSlot::word(sequence_, static_cast<SlotState>(to)));
}

std::string JournalLane::in_hand() const {
  const auto& first = slot_->run[0].first.value;
  const auto& last = slot_->run[slot_->runs - 1].last.value;
  return "handler " + handler_ + ", lane " + std::to_string(index_) + ": its code has had " + topic_ + "/" + std::to_string(slot_->partition) + "@" +
         std::to_string(first) + (first == last ? "" : ".." + std::to_string(last)) + " (" + std::to_string(slot_->count) + (slot_->count == 1 ? " record)" : " records)");
}

}  // namespace hostler::runtime
