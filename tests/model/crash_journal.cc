#include "crash_journal.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace hostler::model {

using Defect = CrashScenario::Defect;
using Phase = CrashState::Phase;
using Outcome = CrashState::Outcome;

namespace {
std::string host_name(unsigned host) { return "host " + std::to_string(host + 1); }
std::string records(unsigned mask) {
  std::string out;
  for (unsigned r = 0; r < 3; ++r) {
    if ((mask >> r & 1) != 0) out += (out.empty() ? "record " : " and ") + std::to_string(r);
  }
  return out;
}

using Host = CrashState::Host;
std::uint8_t noted(const Host& host) { return host.journal[0] | host.journal[1]; }
std::uint8_t in_hand(const Host& host) { return host.in_hand[0] | host.in_hand[1]; }
void forget(Host& host) {
  host.journal = {};
  host.stamp = 0;
}
}  // namespace

CrashState CrashJournalModel::initial() const {
  State s;
  s.kills = c_.kills;
  return s;
}

void CrashJournalModel::steps(const State& s, Steps<State>& out) const {
  for (u8 h = 0; h < s.hosts.size(); ++h) {
    start(s, h, out);
    if (s.hosts[h].phase == Phase::joined) {
      for (u8 l = 0; l < 2; ++l) lane(s, h, l, out);
    }
    if (s.kills > 0 && s.hosts[h].phase != Phase::down) {
      State next = killed(s, h);
      --next.kills;
      out.fault(next, [&] { return host_name(h) + " is killed from outside"; });
    }
  }
}

// From the start to the group: suspects, then the journal, then joining.
void CrashJournalModel::start(const State& s, u8 h, Steps<State>& out) const {
  State next = s;
  auto& host = next.hosts[h];
  if (host.phase == Phase::down) {
    host.phase = Phase::started;
    return out.add(next, [&] { return host_name(h) + " starts"; });
  }
  const bool late = has(Defect::joins_first) && host.phase == Phase::joined && in_hand(host) == 0 && noted(host) != 0;
  if (host.phase == Phase::started || late) {
    for (const u8 batch : host.journal) {
      const bool alone = std::popcount(has(Defect::not_exclusive) ? batch : noted(host)) == 1;
      for (u8 r = 0; r < next.records.size(); ++r) {
        auto& row = next.records[r];
        if ((batch >> r & 1) == 0 || row.outcome != Outcome::none) continue;
        row.suspect = 1;
        // The row keeps the time of the last crash it counted: the same crash is not counted again.
        const bool again = !has(Defect::counted_twice) && row.last_seen >= host.stamp;
        if ((alone || has(Defect::counts_in_company)) && !again) ++row.crashes;
        row.last_seen = std::max(row.last_seen, host.stamp);
      }
    }
    if (late) forget(host);
    else host.phase = Phase::written;
    out.add(next, [&] { return host_name(h) + " writes its suspects: " + (noted(s.hosts[h]) == 0 ? "none" : records(noted(s.hosts[h]))); });
  } else if (host.phase == Phase::written) {
    forget(host);
    host.phase = Phase::joined;
    out.add(next, [&] { return host_name(h) + " empties its journal and joins the group"; });
  }
  if (has(Defect::joins_first) && s.hosts[h].phase == Phase::started) {
    State joined = s;
    joined.hosts[h].phase = Phase::joined;
    out.add(joined, [&] { return host_name(h) + " joins the group"; });
  }
}

// Lane l of a host works on partition l while its host owns it.
void CrashJournalModel::lane(const State& s, u8 h, u8 l, Steps<State>& out) const {
  const auto& host = s.hosts[h];
  if (s.owner[l] == 0) {
    State next = s;
    next.owner[l] = static_cast<u8>(h + 1);
    return out.add(next, [&] { return host_name(h) + " is assigned partition " + std::to_string(l); });
  }
  if (s.owner[l] != h + 1) return;
  if (host.in_hand[l] != 0) {
    for (u8 r = 0; r < s.records.size(); ++r) {
      if ((host.in_hand[l] >> r & 1) == 0 || !c_.deadly.contains(r)) continue;
      const State next = killed(s, h);
      out.add(next, [&] { return "record " + std::to_string(r) + " kills " + host_name(h) + ", which had " + records(in_hand(host)) + " in hand"; });
    }
    State next = s;
    next.hosts[h].handled[l] = host.in_hand[l];
    next.hosts[h].journal[l] = 0;
    next.hosts[h].in_hand[l] = 0;
    return out.add(next, [&] { return host_name(h) + " has handled " + records(host.in_hand[l]); });
  }
  if (host.handled[l] != 0) {
    State next = s;
    for (u8 r = 0; r < s.records.size(); ++r) {
      if ((host.handled[l] >> r & 1) == 0) continue;
      next.records[r].outcome = Outcome::done;
      next.records[r].suspect = next.records[r].crashes = next.records[r].last_seen = 0;
      ++next.next[l];
    }
    next.hosts[h].handled[l] = 0;
    return out.add(next, [&] { return host_name(h) + " settles " + records(host.handled[l]); });
  }
  State left = s;
  left.owner[l] = 0;
  out.add(left, [&] { return host_name(h) + " gives partition " + std::to_string(l) + " up"; });
  if (!at_end(s, l)) hand_over(s, h, l, out);
}

// The next batch: a suspect alone, others together.
void CrashJournalModel::hand_over(const State& s, u8 h, u8 l, Steps<State>& out) const {
  const auto& host = s.hosts[h];
  const u8 first = next_record(s, l);
  if (s.records[first].crashes >= c_.limit) {
    State next = s;
    next.records[first].outcome = Outcome::dead;
    ++next.next[l];
    return out.add(next, [&] { return host_name(h) + " dead-letters record " + std::to_string(first) + ": crashed"; });
  }
  const bool exclusive = !has(Defect::not_exclusive);
  u8 others = 0;
  bool suspect_elsewhere = false;
  for (u8 lane = 0; lane < 2; ++lane) {
    others |= host.in_hand[lane];
    for (u8 r = 0; r < s.records.size(); ++r) suspect_elsewhere |= (host.in_hand[lane] >> r & 1) != 0 && s.records[r].suspect != 0;
  }
  const bool suspect = s.records[first].suspect != 0;
  if (exclusive && ((suspect && others != 0) || suspect_elsewhere)) return;  // waits
  State next = s;
  auto& mine = next.hosts[h];
  for (u8 k = s.next[l]; k < c_.partitions[l].size() && std::popcount(mine.in_hand[l]) < c_.batch; ++k) {
    const u8 r = c_.partitions[l][k];
    if (mine.in_hand[l] != 0 && (suspect || s.records[r].suspect != 0)) break;
    mine.in_hand[l] |= static_cast<u8>(1U << r);
  }
  if (others == 0 && has(Defect::joins_first)) mine.journal = {};  // a new life writes over the old one's notes
  mine.journal[l] = mine.in_hand[l];
  out.add(next, [&] { return host_name(h) + " notes and hands over " + records(mine.in_hand[l]); });
}

CrashState CrashJournalModel::killed(const State& s, u8 h) const {
  State next = s;
  auto& host = next.hosts[h];
  const u8 held = in_hand(host);
  for (u8 r = 0; r < next.records.size(); ++r) {
    if ((held >> r & 1) == 0) continue;
    ++next.records[r].died;
    if (std::popcount(held) == 1) ++next.records[r].died_alone;
  }
  if (held != 0) host.stamp = ++next.clock;  // the journal's entries are younger than any that were counted
  host.phase = Phase::down;
  host.in_hand = host.handled = {};
  for (u8& owner : next.owner) {
    if (owner == h + 1) owner = 0;
  }
  return next;
}

std::string_view CrashJournalModel::wrong(const State& s) const {
  for (u8 r = 0; r < s.records.size(); ++r) {
    const auto& record = s.records[r];
    if (record.outcome == Outcome::dead && !c_.deadly.contains(r) && c_.kills < c_.limit) return "an innocent record is dead-lettered";
    const bool known = record.died_alone >= c_.limit || has(Defect::counts_in_company);
    if (record.outcome == Outcome::dead && !known) return "a record is dead-lettered that was alone in too few crashes";
    // Each host may meet it once in company, before it is known, and once alone in a crash that a younger one hides.
    if (record.died > c_.limit + 2 * s.hosts.size() + c_.kills) return "a record kills hosts without end";
  }
  return {};
}

bool CrashJournalModel::good_end(const State& s) const {
  for (u8 p = 0; p < 2; ++p) {
    if (!at_end(s, p)) return false;
  }
  return std::all_of(s.hosts.begin(), s.hosts.end(), [](const auto& h) { return h.phase == Phase::joined && noted(h) == 0; });
}

CrashState CrashJournalModel::canonical(const State& s) const {
  State out = s;
  const int order = std::memcmp(&out.hosts[0], &out.hosts[1], sizeof(Host));
  const bool tied = order == 0 && (out.owner[0] == 2 || (out.owner[0] == 0 && out.owner[1] == 2));
  if (order < 0 || (order == 0 && !tied)) return out;
  std::swap(out.hosts[0], out.hosts[1]);
  for (u8& owner : out.owner) owner = owner == 0 ? 0 : static_cast<u8>(3 - owner);
  return out;
}

}  // namespace hostler::model
