#include "cli/demo_database.h"

#include <algorithm>
#include <utility>

#include "store/open_ledger.h"

namespace hostler::cli {
namespace {

std::string text_of(const runtime::SqlValue& value) {
  switch (value.type) {
    case runtime::SqlType::null: return "NULL";
    case runtime::SqlType::integer:
    case runtime::SqlType::boolean:
    case runtime::SqlType::timestamp_us: return std::to_string(value.integer);
    case runtime::SqlType::real: return std::to_string(value.real);
    default: return std::string(value.bytes.view());
  }
}

core::Result<TableRows> select(runtime::LedgerSession& session, const std::string& sql) {
  TableRows rows;
  const auto result = session.query({sql, {}}, true, [&](std::span<const runtime::SqlValue> columns) {
    std::vector<std::string> row;
    for (const auto& column : columns) row.push_back(text_of(column));
    rows.push_back(std::move(row));
    return true;
  });
  if (!result)
    return core::Error{"reading the demo's database: " + result.error().message + " (" + sql + ")"};
  std::sort(rows.begin(), rows.end());
  return rows;
}

core::Status<> count_states(runtime::LedgerSession& session, const std::string& table,
                            const std::string& where, std::map<std::string, std::uint64_t>& into) {
  const auto rows =
      select(session, "SELECT state, count(*) FROM " + table + " WHERE " + where + " GROUP BY state");
  if (!rows) return rows.error();
  for (const auto& row : *rows) into[row[0]] = std::stoull(row[1]);
  return core::Status<>::success();
}

} // namespace

core::Status<> read_database(const core::LedgerConfig& config, DemoFacts& facts) {
  auto ledger = store::open_ledger(config);
  if (!ledger) return ledger.error();
  const auto session = (*ledger)->lease();
  if (auto begun = session->begin(); !begun)
    return core::Error{"reading the demo's database: " + begun.error().message};
  for (auto& handler : facts.handlers) {
    if (auto counted =
            count_states(*session, "processed_events", "service_name = '" + handler.name + "'", handler.ids);
        !counted)
      return counted;
    if (auto counted = count_states(*session, "hostler_delegated", "service = '" + handler.name + "'",
                                    handler.delegated);
        !counted)
      return counted;
  }
  for (auto& table : facts.tables) {
    const auto& known = Reference::tables();
    const auto about =
        std::find_if(known.begin(), known.end(), [&](const auto& t) { return t.name == table.name; });
    auto rows = select(*session, about->sql);
    if (!rows) return rows.error();
    table.found = std::move(*rows);
  }
  session->rollback();
  return core::Status<>::success();
}

} // namespace hostler::cli
