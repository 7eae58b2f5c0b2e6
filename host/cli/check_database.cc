#include <algorithm>

#include "cli/check.h"
#include "cli/database.h"
#include "store/open_ledger.h"
#include "store/database_facts.h"

namespace hostler::cli {
namespace {

using Level = Finding::Level;

// How many sessions the host will hold at most: the pool, and the health probe's, before which one looks at migrations.
void check_sessions(const Database& database, const store::DatabaseFacts& known, Findings& out) {
  if (!known.sessions_allowed) return;
  const std::int64_t wanted = database.config->max_sessions + std::int64_t{1};
  const std::string facts = "max_sessions = " + std::to_string(database.config->max_sessions) + " in " +
                            database.title() + " and one for the health probe, but " + known.limited_by + " leaves " +
                            std::to_string(*known.sessions_allowed);
  if (wanted > *known.sessions_allowed) {
    out.push_back({Level::wrong, "database", facts + "; lower the one or raise the other"});
  } else if (wanted > *known.sessions_allowed - known.sessions_in_use) {
    out.push_back({Level::warning, "database",
                   facts + " and " + std::to_string(known.sessions_in_use) +
                       " are in use by others; a host that asks for more waits, or fails to connect"});
  }
}

void check_migrations(const core::HostConfig& config, const Database& database, const std::string& cannot_create,
                      Findings& out) {
  auto migrator = open_database(config, database, true);
  if (!migrator) {
    out.push_back({migrator.error().unreachable ? Level::unreachable : Level::wrong, "database",
                   migrator.error().message});
    return;
  }
  const auto pending = (*migrator)->plan();
  if (!pending) {
    out.push_back({Level::wrong, "migration", pending.error().message});
    return;
  }
  if (pending->empty()) {
    out.push_back({Level::fine, "migration", "none pending in " + database.title()});
    return;
  }
  std::string names;
  for (const store::Migration& migration : *pending)
    names += (names.empty() ? "" : ", ") + migration.owner + " " + migration.name;
  out.push_back({Level::wrong, "migration",
                 std::to_string(pending->size()) + " pending in " + database.title() + " (" + names +
                     "); run: hostler ledger migrate --config " + config.file});
  if (!cannot_create.empty()) out.push_back({Level::wrong, "migration", "would fail: " + cannot_create});
}

void check_database(const core::HostConfig& config, const Database& database, Findings& out) {
  const std::string shown = store::masked_url(database.config->url);
  const auto facts = store::ask_database(*database.config);
  if (facts) {
    out.push_back({Level::fine, "database", shown + " answers, " + facts->version});
    if (!facts->not_writable.empty())
      out.push_back({Level::wrong, "database", shown + " cannot be written: " + facts->not_writable});
    check_sessions(database, *facts, out);
  }
  // Also says why where nothing was answered.
  check_migrations(config, database, facts ? facts->cannot_create : "", out);
}

} // namespace

void check_databases(const core::HostConfig& config, Findings& out) {
  const std::vector<Database> databases = databases_of(config);
  if (databases.empty())
    out.push_back({Level::fine, "database", "none, every handler has idempotency = \"off\""});
  for (const Database& database : databases) check_database(config, database, out);
}

} // namespace hostler::cli
