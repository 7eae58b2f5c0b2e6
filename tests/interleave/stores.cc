#include "interleave/stores.h"

#include "fakes/row_ledger.h"
#include "interleave/hosts.h"
#include "store/migrator.h"
#include "store/open_ledger.h"
#include "support/sqlite.h"
#include "support/temp_dir.h"

namespace hostler::testing {
namespace {

class RowStore final : public Store {
 public:
  RowStore(World& world, const Events& events)
      : events_(events), ledger_([&world](const std::function<bool()>& ready) { world.baton.wait(ready); }) {}
  runtime::Ledger& ledger() override { return ledger_; }
  Outcome outcome() override {
    Outcome out;
    for (const auto& list : events_) {
      for (const auto& id : list) out.effects[id] = 0;
    }
    for (const auto& sql : ledger_.effects()) {
      for (auto& [id, count] : out.effects) count += sql == effect_of(id) ? 1 : 0;
    }
    for (const auto& [key, row] : ledger_.delegated()) {
      const Origin origin{std::get<3>(key), std::get<4>(key)};
      if (row.row.state != runtime::RowState::dead)
        out.waiting[origin] = row.row.step.value;
      else
        out.dead[origin] = {row.row.step.value, row.stored_record.has_value()};
    }
    constexpr const char* names[] = {"done", "retry", "dead", "parked"};
    for (const auto& [key, row] : ledger_.ids())
      out.ids[key.second] = names[static_cast<std::size_t>(row.state)];
    return out;
  }
  core::Mark mark(std::int32_t partition) override {
    const auto row = ledger_.mark("orders-service", std::string(Hosts::topic), partition);
    return row ? row->mark : core::Mark{};
  }

 private:
  const Events events_;
  RowLedger ledger_;
};

class SqliteStore final : public Store {
 public:
  SqliteStore() {
    const core::LedgerConfig config{"sqlite://" + file().string(), 16};
    auto migrator = store::open_migrator(config);
    if (!migrator || !(*migrator)->apply())
      throw std::runtime_error("no ledger can be made in " + file().string());
    ledger_ = std::move(*store::open_ledger(config));
    database_ = std::make_unique<Sqlite>(file());
    database_->exec("CREATE TABLE effect (event text)");
  }
  runtime::Ledger& ledger() override { return *ledger_; }
  Outcome outcome() override {
    Outcome out;
    for (const auto& row : database_->query("SELECT event, count(*) FROM effect GROUP BY event"))
      out.effects[row[0]] = std::stoi(row[1]);
    for (const auto& row : database_->query(
             "SELECT state, partition, record_offset, step, record IS NOT NULL FROM hostler_delegated")) {
      const Origin origin{std::stoi(row[1]), std::stoll(row[2])};
      if (row[0] != "dead")
        out.waiting[origin] = std::stoll(row[3]);
      else
        out.dead[origin] = {std::stoll(row[3]), row[4] == "1"};
    }
    for (const auto& row : database_->query("SELECT event_id, state FROM processed_events"))
      out.ids[row[0]] = row[1];
    return out;
  }
  core::Mark mark(std::int32_t partition) override {
    for (const auto& row :
         database_->query("SELECT next_offset, epoch, topic_id FROM hostler_mark WHERE partition = " +
                          std::to_string(partition))) {
      return {{std::stoll(row[0])}, std::stoll(row[1]), std::stoi(row[2])};
    }
    return {};
  }

 private:
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "ledger.db"; }
  TempDir folder_;
  std::unique_ptr<runtime::Ledger> ledger_;
  std::unique_ptr<Sqlite> database_;
};

} // namespace

std::unique_ptr<Store> make_row_store(World& world, const Events& events) {
  return std::make_unique<RowStore>(world, events);
}
std::unique_ptr<Store> make_sqlite_store() { return std::make_unique<SqliteStore>(); }

} // namespace hostler::testing
