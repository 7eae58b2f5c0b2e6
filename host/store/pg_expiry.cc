// PgStatements::expire: one step of a pass, a slice of a table's pages. Walking the pages needs no index, which every insert would pay for.
#include <soci/soci.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "store/pg_statements.h"
#include "store/pg_text.h"
#include "store/sorted.h"

namespace hostler::store {

using runtime::ExpiryPlace;
using soci::use;

namespace {

constexpr std::int64_t pages_per_step = 128;  // 1 MB, some 8,000 ids: a few milliseconds

// Places are (page, item) as one number; an item's number has 16 bits.
constexpr std::int64_t place_of(std::int64_t page, std::int64_t item) { return page << 16 | item; }
constexpr std::int64_t page_of(std::int64_t place) { return place >> 16; }
std::string tid(std::int64_t place) { return "(" + std::to_string(page_of(place)) + "," + std::to_string(place & 0xFFFF) + ")"; }

std::int64_t place_of(const std::string& tid) {  // "(12,34)"
  std::int64_t page = 0, item = 0;
  const char* const end = tid.data() + tid.size();
  const char* const comma = std::from_chars(tid.data() + 1, end, page).ptr;
  std::from_chars(comma + 1, end, item);
  return place_of(page, item);
}

// Columns of `s`: name, done, dead (milliseconds). What died before rows said when has a due time of 1970.
constexpr const char* old_delegated =
    "FROM hostler_delegated t JOIN rules s ON s.name = t.service WHERE t.state = 'dead' AND greatest(t.due, t.first_seen) < now() - s.dead * interval '1 ms'";
// A dead id whose row is still there keeps twins out while the row may be replayed. Origins are found through their mark, which knows the topic id.
constexpr const char* old_ids =
    "FROM processed_events t JOIN rules s ON s.name = t.service_name WHERE (t.state = 'done' AND t.processed_at < now() - s.done * interval '1 ms' "
    "OR t.state = 'dead' AND t.processed_at < now() - s.dead * interval '1 ms' AND NOT EXISTS (SELECT FROM hostler_mark m JOIN hostler_delegated d "
    "ON d.service = m.service AND d.topic = m.topic AND d.topic_id = m.topic_id AND d.partition = m.partition AND d.record_offset = t.record_offset "
    "WHERE m.service = t.service_name AND m.topic = t.topic AND m.partition = t.partition))";

}  // namespace

runtime::Expired PgStatements::expire(std::span<const runtime::ExpiryRule> rules, ExpiryPlace from, std::uint32_t most) {
  const std::string table(runtime::to_text(from.table));
  std::string names, done, dead;
  ArrayLiteral n(names), o(done), e(dead);
  for (const std::size_t i : sorted(rules)) {  // so that the same services have the same lock
    n.text(rules[i].service);
    o.number(rules[i].done_after.count());
    e.number(rules[i].dead_after.count());
  }
  for (ArrayLiteral* a : {&n, &o, &e}) a->close();

  // Hosts of the same services do not walk side by side. The lock ends with the transaction.
  long long mine = 0, pages = 0;
  session_ << "SELECT cast(pg_try_advisory_xact_lock(hashtextextended(:names, cast(cast('processed_events' as regclass) as bigint))) as integer), pg_relation_size('"
           << table << "') / cast(current_setting('block_size') as bigint)",
      use(names), soci::into(mine), soci::into(pages);
  runtime::Expired out;
  out.elsewhere = mine == 0;
  if (out.elsewhere) return out;

  // A deletion that a crash forgets is done again: nobody waits for the disk.
  session_ << "SET LOCAL synchronous_commit = off";
  const std::int64_t until = place_of(std::min<std::int64_t>(page_of(from.row) + pages_per_step, pages), 0);
  const std::string begin = tid(from.row), end = tid(until), limit = std::to_string(most);
  long long found = 0, deleted = 0;
  std::string last;
  session_ << "WITH rules AS MATERIALIZED (SELECT * FROM unnest(cast(:names as text[]), cast(:done as bigint[]), cast(:dead as bigint[])) AS s(name, done, dead)), "
              "old AS MATERIALIZED (SELECT t.ctid "
           << (from.table == ExpiryPlace::Table::delegated ? old_delegated : old_ids)
           << " AND t.ctid >= cast(:begin as tid) AND t.ctid < cast(:end as tid) ORDER BY t.ctid LIMIT " << limit << " FOR UPDATE OF t SKIP LOCKED), "
              "gone AS (DELETE FROM "
           << table << " WHERE ctid = ANY(ARRAY(SELECT ctid FROM old)) RETURNING 1) "
              "SELECT count(*), (SELECT count(*) FROM gone), coalesce(cast(max(ctid) as text), '') FROM old",
      use(names), use(done), use(dead), use(begin), use(end), soci::into(found), soci::into(deleted), soci::into(last);
  out.rows = static_cast<std::uint64_t>(deleted);
  if (found == most) out.next = {from.table, place_of(last) + 1};
  else if (page_of(until) < pages) out.next = {from.table, until};
  else if (from.table == ExpiryPlace::Table::delegated) out.next = {ExpiryPlace::Table::ids, 0};
  return out;
}

}  // namespace hostler::store
