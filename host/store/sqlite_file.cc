#include "store/sqlite_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

namespace hostler::store {

struct SqliteFile::State {
  int lock = -1;
  std::size_t users = 0;  // guarded by the registry's mutex
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t next_ticket = 0, serving = 0;  // guarded by mutex
};

namespace {

std::mutex registry_mutex;
template <class S>
std::map<std::string, std::unique_ptr<S>>& registry() {
  static std::map<std::string, std::unique_ptr<S>> files;
  return files;
}

std::string holder_of(int fd) {
  char text[32] = {};
  const auto n = pread(fd, text, sizeof text - 1, 0);
  std::string pid(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  pid.resize(std::min(pid.find('\n'), pid.size()));
  return pid.empty() ? "pid unknown" : "pid " + pid;
}

// The locked descriptor.
core::Result<int> lock_owner_file(const std::string& path) {
  const std::string name = path + ".owner";
  const int fd = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return core::Error{"the SQLite ledger " + path + " cannot be opened: " + name + ": " + std::strerror(errno)};
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    const std::string why = held ? "is in use by another process (" + holder_of(fd) + "): one host at a time may own a SQLite ledger; stop that one, or use PostgreSQL"
                                 : "cannot be locked: " + std::string(std::strerror(errno));
    close(fd);
    return core::Error{"the SQLite ledger " + path + " " + why};
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {}  // only informs
  return fd;
}

}  // namespace

core::Result<std::shared_ptr<SqliteFile>> SqliteFile::own(const std::string& path) {
  std::error_code error;
  const std::string key = std::filesystem::weakly_canonical(path, error).string();
  const std::lock_guard lock(registry_mutex);
  auto& slot = registry<State>()[error ? path : key];
  if (!slot) {
    auto fd = lock_owner_file(path);
    if (!fd) {
      registry<State>().erase(error ? path : key);
      return std::move(fd.error());
    }
    slot = std::make_unique<State>();
    slot->lock = *fd;
  }
  ++slot->users;
  return std::shared_ptr<SqliteFile>(new SqliteFile(path, error ? path : key, slot.get()));
}

SqliteFile::SqliteFile(std::string path, std::string key, State* state) : path_(std::move(path)), key_(std::move(key)), state_(state) {}

SqliteFile::~SqliteFile() {
  const std::lock_guard lock(registry_mutex);
  if (--state_->users > 0) return;
  if (ftruncate(state_->lock, 0) != 0) {}  // the file stays: removing it would race with the next owner
  close(state_->lock);
  registry<State>().erase(key_);
}

void SqliteFile::enter_writing() {
  std::unique_lock lock(state_->mutex);
  const auto mine = state_->next_ticket++;
  state_->changed.wait(lock, [&] { return state_->serving == mine; });
}

bool SqliteFile::try_enter_writing() {
  const std::lock_guard lock(state_->mutex);
  if (state_->serving != state_->next_ticket) return false;
  ++state_->next_ticket;
  return true;
}

void SqliteFile::leave_writing() {
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->serving;
  }
  state_->changed.notify_all();
}

}  // namespace hostler::store
