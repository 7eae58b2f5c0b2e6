#include "runtime/local_suspects.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <utility>

#include "runtime/log.h"

namespace hostler::runtime {
namespace {

std::string text_of(const Suspect& s) {
  return s.service + ' ' + s.where.topic + ' ' + std::to_string(s.topic_id) + ' ' + std::to_string(s.where.partition.value) + ' ' + std::to_string(s.offset.value);
}

}  // namespace

LocalSuspects::Place LocalSuspects::place_of(const Suspect& s) { return {s.service, s.where.topic, s.topic_id, s.where.partition.value, s.offset.value}; }

// "+ service topic topic_id partition offset crashes alone hung run how"; "- service topic topic_id partition offset".
std::string LocalSuspects::line_of(const Row& row) {
  const auto& s = row.suspect;
  return "+ " + text_of(s) + ' ' + std::to_string(s.crashes) + ' ' + std::to_string(s.alone) + (s.hung ? " 1 " : " 0 ") + row.run + ' ' + s.how + '\n';
}

void LocalSuspects::read(std::string_view text) {
  while (text.find('\n') != std::string_view::npos) {  // what has no end was cut off
    std::istringstream line{std::string(text.substr(0, text.find('\n')))};
    text.remove_prefix(text.find('\n') + 1);
    char what = 0;
    Row row;
    auto& s = row.suspect;
    if (!(line >> what >> s.service >> s.where.topic >> s.topic_id >> s.where.partition.value >> s.offset.value)) continue;
    if (what == '-') rows_.erase(place_of(s));
    if (what == '+' && line >> s.crashes >> s.alone >> s.hung >> row.run && std::getline(line >> std::ws, s.how)) rows_.insert_or_assign(place_of(s), std::move(row));
  }
}

core::Result<std::unique_ptr<LocalSuspects>> LocalSuspects::open(const std::filesystem::path& folder) {
  std::unique_ptr<LocalSuspects> store(new LocalSuspects());
  store->file_ = folder / "suspects";
  {
    std::ifstream file(store->file_, std::ios::binary);
    store->read(std::string(std::istreambuf_iterator<char>(file), {}));
  }
  const std::string fresh = store->file_.string() + ".new";
  const auto failed = [&] { return core::Error{"the file of suspects " + store->file_.string() + " cannot be written: " + std::strerror(errno) + " ([host] state_dir)"}; };
  static_cast<void>(::unlink(fresh.c_str()));
  store->descriptor_ = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (store->descriptor_ < 0) return failed();
  std::string lines;
  for (const auto& [place, row] : store->rows_) lines += line_of(row);
  if (auto written = store->append(lines); !written) return written.error();
  if (::rename(fresh.c_str(), store->file_.c_str()) != 0) return failed();
  return store;
}

LocalSuspects::~LocalSuspects() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

core::Status<> LocalSuspects::append(const std::string& lines) const {
  if (::write(descriptor_, lines.data(), lines.size()) == static_cast<ssize_t>(lines.size())) return core::Status<>::success();
  return core::Error{"the file of suspects " + file_.string() + " cannot be written: " + std::strerror(errno) + " ([host] state_dir)"};
}

core::Status<> LocalSuspects::add(std::string_view run, std::span<const Suspect> suspects) {
  const std::lock_guard lock(mutex_);
  std::string lines;
  for (const auto& s : suspects) {
    auto [it, fresh] = rows_.try_emplace(place_of(s), Row{s, std::string(run)});
    auto& row = it->second;
    if (!fresh && row.run == run) continue;
    if (!fresh) {
      const auto crashes = row.suspect.crashes, alone = row.suspect.alone;
      row = {s, std::string(run)};
      row.suspect.crashes += crashes;
      row.suspect.alone += alone;
    }
    lines += line_of(row);
  }
  return append(lines);
}

std::vector<Suspect> LocalSuspects::suspects(std::string_view service, std::span<const TakenPartition> partitions) {
  const std::lock_guard lock(mutex_);
  std::vector<Suspect> out;
  for (const auto& p : partitions) {
    auto at = rows_.lower_bound({std::string(service), p.where.topic, p.topic_id, p.where.partition.value, std::numeric_limits<std::int64_t>::min()});
    while (at != rows_.end()) {
      const auto row = at++;
      const Suspect& s = row->second.suspect;
      if (s.service != service || s.where != p.where || s.topic_id != p.topic_id) break;
      if (s.offset < p.next) forget(row);
      else out.push_back(s);
    }
  }
  return out;
}

void LocalSuspects::erase(const Suspect& suspect) {
  const std::lock_guard lock(mutex_);
  if (const auto row = rows_.find(place_of(suspect)); row != rows_.end()) forget(row);
}

void LocalSuspects::forget(std::map<Place, Row>::iterator row) {
  if (const auto written = append("- " + text_of(row->second.suspect) + '\n'); !written) log_limited(LogLevel::warn, "suspects", written.error().message);
  rows_.erase(row);
}

}  // namespace hostler::runtime
