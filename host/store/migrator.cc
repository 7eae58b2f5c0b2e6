#include "store/migrator.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "store/ledger_url.h"
#include "store/migration_files.h"
#include "store/migration_target.h"

namespace hostler::store {
namespace {

class RealMigrator final : public Migrator {
 public:
  RealMigrator(runtime::SqlDialect dialect, std::unique_ptr<MigrationTarget> target)
      : dialect_(dialect), target_(std::move(target)), known_(own_migrations(dialect)) {}

  core::Status<> add_folder(const std::string& owner, const std::filesystem::path& folder) override {
    auto files = read_migrations(owner, folder, dialect_);
    if (!files) return std::move(files.error());
    if (owner == "hostler") return core::Error{"a handler with migrations must not be called hostler: that is the ledger's own name in the journal"};
    std::move(files->begin(), files->end(), std::back_inserter(known_));
    return core::Status<>::success();
  }

  core::Result<std::vector<Migration>> plan() override {
    auto journal = target_->journal();
    if (!journal) return std::move(journal.error());
    return pending(*journal);
  }

  core::Result<std::vector<Migration>> apply() override {
    if (auto locked = target_->lock(); !locked) return std::move(locked.error());
    auto applied = apply_locked();
    target_->unlock();
    return applied;
  }

 private:
  core::Result<std::vector<Migration>> apply_locked() {
    auto todo = plan();  // again, now that nobody else works
    if (!todo) return todo;
    for (const Migration& m : *todo)
      if (auto done = target_->apply(m); !done) return std::move(done.error());
    return todo;
  }

  core::Result<std::vector<Migration>> pending(const std::vector<JournalRow>& journal) const {
    std::vector<Migration> out;
    for (const Migration& m : known_) {
      const auto row = std::find_if(journal.begin(), journal.end(), [&](const JournalRow& j) { return j.owner == m.owner && j.name == m.name; });
      if (row == journal.end()) {
        const auto later = std::find_if(journal.begin(), journal.end(), [&](const JournalRow& j) { return j.owner == m.owner && j.name > m.name; });
        if (later != journal.end())
          return core::Error{m.file + " is new, but " + later->name + " has been applied already: migrations go forward only, give it a higher number"};
        out.push_back(m);
      } else if (row->checksum != m.checksum) {
        return core::Error{m.file + " was edited after it had been applied (SHA-256 then " + row->checksum.substr(0, 12) + "…, now " + m.checksum.substr(0, 12) +
                           "…): restore the file, and put the change into a new one with a higher number"};
      }
    }
    return check_gaps(journal, std::move(out));
  }

  // An applied file that is gone from the middle was deleted or renamed; one behind the last was applied by a newer version, which is
  // compatible with this one.
  core::Result<std::vector<Migration>> check_gaps(const std::vector<JournalRow>& journal, std::vector<Migration> out) const {
    for (const JournalRow& j : journal) {
      std::string last;
      bool known = false;
      for (const Migration& m : known_) {
        if (m.owner != j.owner) continue;
        known = known || m.name == j.name;
        last = std::max(last, m.name);
      }
      if (!known && j.name < last) return core::Error{j.name + " of " + j.owner + " has been applied but its file is gone: restore it (it must not be renamed)"};
    }
    return out;
  }

  const runtime::SqlDialect dialect_;
  const std::unique_ptr<MigrationTarget> target_;
  std::vector<Migration> known_;
};

}  // namespace

core::Result<std::unique_ptr<Migrator>> open_migrator(const core::LedgerConfig& config, const LedgerOptions& options) {
  auto url = parse_ledger_url(config.url, options);
  if (!url) return std::move(url.error());
  const auto dialect = url->dialect;
  auto target = dialect == runtime::SqlDialect::postgresql ? make_pg_target(std::make_shared<PgAccess>(std::move(*url), options)) : make_sqlite_target(std::move(url->target), options.busy_timeout);
  return std::unique_ptr<Migrator>(std::make_unique<RealMigrator>(dialect, std::move(target)));
}

}  // namespace hostler::store
