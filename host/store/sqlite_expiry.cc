// SqliteStatements::find_old and erase_old: one step of a pass, a slice of a table by rowid. Rare, so that their statements are not kept.
#include <algorithm>
#include <string>

#include "store/sqlite_statements.h"

namespace hostler::store {

using runtime::ExpiryPlace;
using runtime::ExpiryRule;
using soci::use;

namespace {

constexpr long long rows_per_step = 5000;      // looked at, in two milliseconds
constexpr std::uint32_t most_per_turn = 100;   // deleted in two; a thousand may keep other writers waiting for a tenth of a second

std::string ago(core::Millis age) { return "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-" + std::to_string(age.count() / 1000) + " seconds')"; }

// Of a row `t`, for :service. The plus keeps SQLite from leaving the slice for an index on the service.
std::string is_old(const ExpiryRule& rule, ExpiryPlace::Table table) {
  if (table == ExpiryPlace::Table::delegated)  // what died before rows said when has a due time of 1970
    return "+t.service = :service AND t.state = 'dead' AND max(t.due, t.first_seen) < cast(strftime('%s', 'now') as integer) * 1000 - " +
           std::to_string(rule.dead_after.count());
  // A dead id whose row is still there keeps twins out while the row may be replayed. Origins are found through their mark, which knows the topic id.
  return "t.service_name = :service AND (t.state = 'done' AND t.processed_at < " + ago(rule.done_after) + " OR t.state = 'dead' AND t.processed_at < " +
         ago(rule.dead_after) +
         " AND NOT EXISTS (SELECT 1 FROM hostler_mark m JOIN hostler_delegated d ON d.service = m.service AND d.topic = m.topic AND d.topic_id = m.topic_id "
         "AND d.partition = m.partition AND d.record_offset = t.record_offset WHERE m.service = t.service_name AND m.topic = t.topic AND m.partition = t.partition))";
}

}  // namespace

SqliteStatements::Old SqliteStatements::find_old(std::span<const ExpiryRule> rules, ExpiryPlace from, std::uint32_t most) {
  most = std::min(most, most_per_turn);
  const std::string table(runtime::to_text(from.table)), limit = std::to_string(most);
  const long long begin = from.row;
  long long looked = 0, end = 0;
  session_ << "SELECT count(*) + 0, coalesce(max(rowid), 0) + 0 FROM (SELECT rowid FROM " << table << " WHERE rowid > :begin ORDER BY rowid LIMIT " << rows_per_step << ")",
      use(begin), soci::into(looked), soci::into(end);

  Old old;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string service(rules[i].service);
    long long rowid = 0;
    soci::statement find = (session_.prepare << "SELECT t.rowid FROM " << table << " t WHERE t.rowid > :begin AND t.rowid <= :end AND " << is_old(rules[i], from.table)
                                             << " ORDER BY t.rowid LIMIT " << limit,
                            use(begin, "begin"), use(end, "end"), use(service, "service"), soci::into(rowid));
    find.execute();
    while (find.fetch()) old.rows.push_back({rowid, i});
  }
  std::sort(old.rows.begin(), old.rows.end(), [](const Old::Row& a, const Old::Row& b) { return a.rowid < b.rowid; });

  if (old.rows.size() >= most) {
    old.rows.resize(most);
    old.next = {from.table, old.rows.back().rowid};
  } else if (looked == rows_per_step) {
    old.next = {from.table, end};
  } else if (from.table == ExpiryPlace::Table::delegated) {
    old.next = {ExpiryPlace::Table::ids, 0};
  }
  return old;
}

std::uint64_t SqliteStatements::erase_old(std::span<const ExpiryRule> rules, ExpiryPlace::Table table, const Old& old) {
  std::uint64_t erased = 0;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string service(rules[i].service);
    long long rowid = 0;
    // Looked at once more: a replay may have taken it up since.
    soci::statement erase = (session_.prepare << "DELETE FROM " << runtime::to_text(table) << " AS t WHERE t.rowid = :row AND " << is_old(rules[i], table),
                             use(rowid, "row"), use(service, "service"));
    for (const auto& row : old.rows) {
      if (row.rule != i) continue;
      rowid = row.rowid;
      erase.execute(true);
      erased += static_cast<std::uint64_t>(erase.get_affected_rows());
    }
  }
  return erased;
}

}  // namespace hostler::store
