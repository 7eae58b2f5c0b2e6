#include "plugin/plugin_file.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

namespace hostler::plugin {
namespace {

constexpr int most_links = 40; // as the kernel's own limit

struct Folder {
  Descriptor fd;
  std::string path; // "" is the root, so that path + "/" + name is right everywhere
};

// Who can exchange the host's own program is trusted with its plugins: a checkout that belongs to somebody else works, and nobody gains.
struct OwnProgram {
  uid_t owner = 0;
  std::set<std::pair<dev_t, ino_t>> folders;

  OwnProgram() {
    std::error_code failed;
    auto path = std::filesystem::read_symlink("/proc/self/exe", failed);
    struct stat status {};
    if (failed || ::stat(path.c_str(), &status) != 0) return;
    constexpr uid_t unmapped = 65534;  // in a user namespace it stands for everybody else
    if (status.st_uid != unmapped) owner = status.st_uid;
    while (path.has_relative_path()) {
      path = path.parent_path();
      if (::stat(path.c_str(), &status) == 0) folders.emplace(status.st_dev, status.st_ino);
    }
  }
};

const OwnProgram& own_program() {
  static const OwnProgram program;
  return program;
}

bool ours(uid_t owner) { return owner == 0 || owner == ::geteuid() || owner == own_program().owner; }

std::string mode_text(mode_t mode) {
  constexpr std::string_view digits = "01234567";
  std::string text;
  for (int shift = 9; shift >= 0; shift -= 3) text += digits[(mode >> shift) & 7];
  return text;
}

// Why `what` (the file, a folder, a link) cannot be trusted; empty if it can.
std::string distrust_of(const std::string& path, const struct stat& status, bool folder) {
  if (folder && own_program().folders.contains({status.st_dev, status.st_ino})) return "";
  const std::string what = (folder ? "the folder " : "") + path;
  if (!ours(status.st_uid)) {
    return what + " belongs to " + owner_name(status.st_uid) +
           ", who could exchange the plugin; give it to root: chown root " + path;
  }
  if (S_ISLNK(status.st_mode) || (status.st_mode & (S_IWGRP | S_IWOTH)) == 0) return "";
  // In such a folder (/tmp) only a file's owner can exchange it, and owners are checked.
  if (folder && (status.st_mode & S_ISVTX) != 0 && status.st_uid == 0) return "";
  return what + " can be written by " + ((status.st_mode & S_IWOTH) != 0 ? "everybody" : "its group") +
         " (mode " + mode_text(status.st_mode) + "), who could exchange the plugin; run: chmod go-w " + path;
}

void prepend(std::deque<std::string>& rest, const std::filesystem::path& path) {
  std::vector<std::string> parts;
  for (const auto& part : path.relative_path()) parts.push_back(part.string());
  rest.insert(rest.begin(), parts.begin(), parts.end());
}

core::Error cannot(const std::string& what) { return core::Error{what + ": " + std::strerror(errno)}; }

// The way from the root to the file, folder by folder, each opened relative to the one before.
class Walk {
 public:
  core::Result<OpenedFile> go(const std::string& asked);

 private:
  core::Status<> enter(Descriptor fd, std::string path, const struct stat& status);
  core::Status<> follow(const Descriptor& link, const std::string& path, const struct stat& status);
  core::Result<OpenedFile> finish(const std::string& name, const std::string& path, const struct stat& seen);
  void judge(std::string distrust) {
    if (distrust_.empty()) distrust_ = std::move(distrust);
  }

  std::vector<Folder> folders_;
  std::deque<std::string> rest_;
  std::string distrust_;
  int links_ = 0;
};

core::Status<> Walk::enter(Descriptor fd, std::string path, const struct stat& status) {
  judge(distrust_of(path.empty() ? "/" : path, status, true));
  folders_.push_back({std::move(fd), std::move(path)});
  return core::Status<>::success();
}

core::Status<> Walk::follow(const Descriptor& link, const std::string& path, const struct stat& status) {
  judge(distrust_of(path, status, false));
  if (++links_ > most_links)
    return core::Error{"too many symbolic links, the last is " + path + "; they may go in a circle"};
  std::array<char, PATH_MAX> target{};
  const auto size = ::readlinkat(link.get(), "", target.data(), target.size());
  if (size <= 0 || static_cast<std::size_t>(size) == target.size())
    return cannot("cannot read the symbolic link " + path);
  const std::filesystem::path to(std::string(target.data(), static_cast<std::size_t>(size)));
  if (to.is_absolute()) folders_.erase(folders_.begin() + 1, folders_.end());
  prepend(rest_, to);
  return core::Status<>::success();
}

core::Result<OpenedFile> Walk::finish(const std::string& name, const std::string& path,
                                      const struct stat& seen) {
  if (!S_ISREG(seen.st_mode))
    return core::Error{"not a file but a device, pipe or socket; check `plugin` and `plugin_dirs`"};
  OpenedFile out;
  // Not the descriptor that was looked at (O_PATH cannot be read); NONBLOCK, should it have become a pipe meanwhile.
  out.file = Descriptor(
      ::openat(folders_.back().fd.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!out.file)
    return core::Error{"cannot be read: " + std::string(std::strerror(errno)) +
                       "; this user needs read permission: chmod a+r " + path};
  if (::fstat(out.file.get(), &out.status) != 0) return cannot("cannot be looked at");
  if (out.status.st_dev != seen.st_dev || out.status.st_ino != seen.st_ino) {
    return core::Error{
        "the file was exchanged while it was opened; try again when its installation has ended"};
  }
  judge(distrust_of(path, out.status, false));
  out.path = path;
  out.distrust = std::move(distrust_);
  return out;
}

core::Result<OpenedFile> Walk::go(const std::string& asked) {
  struct stat status {};
  Descriptor root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root || ::fstat(root.get(), &status) != 0) return cannot("cannot open /");
  if (auto entered = enter(std::move(root), "", status); !entered) return entered.error();
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(asked, failed);
  if (failed) return core::Error{"cannot be found: " + failed.message() + "; give an absolute path"};
  prepend(rest_, absolute);

  while (!rest_.empty()) {
    const std::string name = std::move(rest_.front());
    rest_.pop_front();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (folders_.size() > 1) folders_.pop_back();
      continue;
    }
    const std::string path = folders_.back().path + "/" + name;
    Descriptor fd(::openat(folders_.back().fd.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || ::fstat(fd.get(), &status) != 0) {
      return core::Error{"not a file (" + path + ": " + std::strerror(errno) +
                         "); check `plugin` and `plugin_dirs`"};
    }
    if (S_ISLNK(status.st_mode)) {
      if (auto followed = follow(fd, path, status); !followed) return followed.error();
    } else if (S_ISDIR(status.st_mode)) {
      if (auto entered = enter(std::move(fd), path, status); !entered) return entered.error();
    } else if (!rest_.empty()) {
      return core::Error{"not a file (" + path + " is no folder); check `plugin` and `plugin_dirs`"};
    } else {
      return finish(name, path, status);
    }
  }
  return core::Error{"not a file but a folder; check `plugin` and `plugin_dirs`"};
}

} // namespace

core::Result<OpenedFile> open_plugin_file(const std::string& path) { return Walk().go(path); }

std::string owner_name(uid_t owner) {
  std::array<char, 4096> buffer{};
  struct passwd entry {};
  struct passwd* found = nullptr;
  if (::getpwuid_r(owner, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->pw_name;
  return "uid " + std::to_string(owner);
}

} // namespace hostler::plugin
