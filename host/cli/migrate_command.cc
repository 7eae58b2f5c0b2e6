#include <cstdio>

#include "cli/audit.h"
#include "cli/commands.h"
#include "cli/database.h"
#include "store/open_ledger.h"

namespace hostler::cli {

namespace {

int migrate(const core::HostConfig& config, const Database& database, bool dry_run) {
  auto migrator = open_database(config, database, dry_run);
  if (!migrator) {
    std::fprintf(stderr, "hostler: %s\n", migrator.error().message.c_str());
    return migrator.error().unreachable ? exit_unreachable : exit_not_fine;
  }
  const std::string url = store::masked_url(database.config->url);
  if (!dry_run) {
    if (auto noted = audit(config, "ledger migrate", url, "begins"); !noted) {
      std::fprintf(stderr, "hostler: %s\n", noted.error().message.c_str());
      return exit_not_fine;
    }
  }
  const auto done = dry_run ? (*migrator)->plan() : (*migrator)->apply();
  if (!dry_run) {
    const std::string outcome = done ? std::to_string(done->size()) + " applied" : "failed: " + done.error().message;
    if (auto noted = audit(config, "ledger migrate", url, outcome); !noted) std::fprintf(stderr, "hostler: %s\n", noted.error().message.c_str());
  }
  if (!done) {
    std::fprintf(stderr, "hostler: %s\n", done.error().message.c_str());
    return exit_not_fine;
  }
  for (const store::Migration& migration : *done) {
    std::printf("%s %s %s\n", dry_run ? "pending" : "applied", migration.owner.c_str(), migration.name.c_str());
  }
  std::printf("%s: %s\n", url.c_str(),
              done->empty() ? "up to date"
                            : (std::to_string(done->size()) + (dry_run ? " pending" : " applied")).c_str());
  return exit_fine;
}

} // namespace

// Each database by itself: one that is down does not keep the others from being brought up to date.
int run_migrate(const MigrateOptions& options) {
  const auto config = load_or_complain(options.config);
  if (!config) return exit_usage;
  const std::vector<Database> databases = databases_of(*config);
  if (databases.empty()) {
    std::fprintf(stderr, "%s: there is no 'url' in [ledger], so there is nothing to migrate\n",
                 config->file.c_str());
    return exit_usage;
  }
  int worst = exit_fine;
  for (const Database& database : databases) {
    const int code = migrate(*config, database, options.dry_run);
    if (worst == exit_fine || code == exit_not_fine) worst = code == exit_fine ? worst : code;
  }
  return worst;
}

} // namespace hostler::cli
