// Suspects that only the host knows whose run before died.
#include <stdexcept>

#include "mutants/mutants.h"
#include "runtime/local_suspects.h"

namespace hostler::testing {
namespace {

using runtime::LocalSuspects;
using runtime::Suspect;

class LocalSession final : public ForwardSession {
 public:
  LocalSession(std::unique_ptr<runtime::LedgerSession> real, LocalSuspects& local)
      : ForwardSession(std::move(real)), local_(local) {}
  runtime::LedgerStatus erase_suspects(std::string_view service,
                                       std::span<const runtime::OriginKey> places) override {
    for (const auto& p : places)
      settled_.push_back(
          {std::string(service), {std::string(p.topic), p.partition}, p.topic_id, p.offset, 1, 0, false, ""});
    return runtime::LedgerStatus::success();
  }
  void rollback() override {
    settled_.clear();
    real().rollback();
  }
  runtime::CommitOutcome commit(runtime::LedgerError* why) override {
    const auto outcome = real().commit(why);
    if (outcome == runtime::CommitOutcome::committed) {
      for (const auto& s : settled_) local_.erase(s);
    }
    settled_.clear();
    return outcome;
  }

 private:
  LocalSuspects& local_;
  std::vector<Suspect> settled_;
};

class LocalLedger final : public ForwardLedger {
 public:
  LocalLedger(runtime::Ledger& real, LocalSuspects& local) : ForwardLedger(real), local_(local) {}
  std::unique_ptr<runtime::LedgerSession> lease() override {
    return std::make_unique<LocalSession>(real().lease(), local_);
  }
  runtime::LedgerStatus add_suspects(std::string_view run, std::span<const Suspect> suspects) override {
    if (auto added = local_.add(run, suspects); !added) throw std::runtime_error(added.error().message);
    return runtime::LedgerStatus::success();
  }
  runtime::LedgerResult<std::vector<Suspect>> suspects(
      std::string_view service, std::span<const runtime::TakenPartition> partitions) override {
    return local_.suspects(service, partitions);
  }

 private:
  LocalSuspects& local_;
};

class SuspectsKeptLocally final : public Mutation {
 public:
  explicit SuspectsKeptLocally(const std::filesystem::path& state) {
    std::filesystem::create_directories(state);
    auto local = LocalSuspects::open(state);
    if (!local) throw std::runtime_error(local.error().message);
    local_ = std::move(*local);
  }
  using Mutation::of;
  runtime::Ledger& of(runtime::Ledger& ledger) override {
    ledger_ = std::make_unique<LocalLedger>(ledger, *local_);
    return *ledger_;
  }

 private:
  std::unique_ptr<LocalSuspects> local_;
  std::unique_ptr<LocalLedger> ledger_;
};

} // namespace

MutantPtr suspects_kept_locally(const std::filesystem::path& state) {
  return std::make_unique<SuspectsKeptLocally>(state);
}

} // namespace hostler::testing
