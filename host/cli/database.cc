#include "cli/database.h"

#include <stdlib.h>

#include <filesystem>

#include "store/open_ledger.h"

namespace hostler::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view sqlite_scheme = "sqlite://";

// Folder with an empty database that stands in for one that does not exist yet; removed with the object.
class StandIn {
 public:
  StandIn() {
    std::string name = (fs::temp_directory_path() / "hostler-check-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) folder_ = name;
  }
  ~StandIn() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;
  [[nodiscard]] std::string url() const {
    return std::string(sqlite_scheme) + (fs::path(folder_) / "ledger.db").string();
  }

 private:
  std::string folder_;
};

class StandInMigrator final : public store::Migrator {
 public:
  StandInMigrator(std::unique_ptr<StandIn> folder, std::unique_ptr<store::Migrator> migrator)
      : folder_(std::move(folder)), migrator_(std::move(migrator)) {}
  core::Status<> add_folder(const std::string& owner, const fs::path& folder) override {
    return migrator_->add_folder(owner, folder);
  }
  core::Result<std::vector<store::Migration>> plan() override { return migrator_->plan(); }
  core::Result<std::vector<store::Migration>> apply() override {
    return core::Error{"this is only a look at what would be applied"};
  }

 private:
  std::unique_ptr<StandIn> folder_; // outlives the migrator
  std::unique_ptr<store::Migrator> migrator_;
};

// Empty if the database answers.
std::optional<DatabaseError> knock(const core::LedgerConfig& config) {
  auto ledger = store::open_ledger(config);
  if (!ledger) return DatabaseError{false, ledger.error().message};
  const auto session = (*ledger)->lease();
  if (const runtime::LedgerStatus begun = session->begin(); !begun) {
    const runtime::LedgerError& error = begun.error();
    return DatabaseError{error.kind == runtime::LedgerError::Kind::outage,
                         store::masked_url(config.url) + ": " + error.message};
  }
  session->rollback();
  return std::nullopt;
}

core::Result<std::unique_ptr<store::Migrator>, DatabaseError> open_migrator(const core::LedgerConfig& config,
                                                                            bool look_only) {
  const bool sqlite = config.url.starts_with(sqlite_scheme);
  std::error_code ignored;
  if (look_only && sqlite && !fs::exists(config.url.substr(sqlite_scheme.size()), ignored)) {
    const fs::path folder = fs::path(config.url.substr(sqlite_scheme.size())).parent_path();
    if (!fs::is_directory(folder, ignored))
      return DatabaseError{
          false, "the folder " + folder.string() + " does not exist; create it, or change 'url' in [ledger]"};
    auto stand_in = std::make_unique<StandIn>();
    auto migrator = store::open_migrator({stand_in->url(), 1});
    if (!migrator) return DatabaseError{false, migrator.error().message};
    return std::unique_ptr<store::Migrator>(
        std::make_unique<StandInMigrator>(std::move(stand_in), std::move(*migrator)));
  }
  if (auto closed = knock(config)) return *closed;
  auto migrator = store::open_migrator(config);
  if (!migrator) return DatabaseError{false, migrator.error().message};
  return std::move(*migrator);
}

} // namespace

std::vector<Database> databases_of(const core::HostConfig& config) {
  std::vector<Database> all;
  if (!config.ledger.url.empty()) all.push_back({"", &config.ledger});
  for (const auto& [name, ledger] : config.ledgers) all.push_back({name, &ledger});
  return all;
}

core::Result<std::unique_ptr<store::Migrator>, DatabaseError> open_database(const core::HostConfig& config,
                                                                            const Database& database,
                                                                            bool look_only) {
  auto migrator = open_migrator(*database.config, look_only);
  if (!migrator) return migrator;
  for (const core::HandlerConfig& handler : config.handlers) {
    if (handler.migrations.empty() || handler.ledger != database.name) continue;
    if (const auto added = (*migrator)->add_folder(handler.name, handler.migrations); !added) {
      return DatabaseError{false, "migrations of handler '" + handler.name + "' (" + handler.where +
                                      "): " + added.error().message};
    }
  }
  return migrator;
}

} // namespace hostler::cli
