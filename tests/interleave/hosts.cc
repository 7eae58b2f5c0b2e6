#include "interleave/hosts.h"

#include <algorithm>

#include "core/topic_names.h"
#include "interleave/world_transaction.h"
#include "runtime/intake.h"
#include "runtime/pipeline.h"

namespace hostler::testing {

using core::Verdict;

namespace {

constexpr std::int32_t partitions = 2;
const std::string group = "orders-service-group", retry_group = group + ".retry";

}  // namespace

core::HandlerConfig orders_service(core::Idempotency idempotency) {
  core::HandlerConfig h;
  h.name = "orders-service";
  h.group = group;
  h.topics = {std::string(Hosts::topic)};
  h.idempotency = idempotency;
  if (idempotency == core::Idempotency::off) h.effects = core::Effects::kafka;
  h.event_id = {core::FieldLocator::Kind::json_pointer, "/id"};
  h.batch.max_records = 3;
  h.retry.delays = {{"200ms", core::Millis(200)}, {"3s", core::Millis(3000)}};  // the next turn, and many turns
  h.retry.max_retries = 3;  // the last tier repeats
  return h;
}

std::string effect_of(std::string_view event_id) { return "INSERT INTO effect (event) VALUES ('" + std::string(event_id) + "')"; }

void fill_log(World& world, std::int32_t partition, const std::vector<std::string>& ids) {
  auto& log = world.broker.logs[{std::string(Hosts::topic), {partition}}];
  for (const auto& id : ids) log.push_back({id, "{\"id\":\"" + id + "\"}", {}, {}});
}

std::string id_of(const core::Record& record) {
  const auto value = record.value.view();
  return std::string(value.substr(7, value.size() - 9));
}

runtime::LedgerResult<core::Mark> MarksOf::take_over(const core::TopicPartition& where, core::Offset start) {
  const runtime::TakeOver one{where, start};
  auto marks = ledger_.take_over("orders-service", "cluster", std::span(&one, 1));
  if (!marks) return marks.error();
  return marks->front();
}

Hosts::Hosts(World& world, const Setup& setup, runtime::Ledger& inner, Mutation::Marks marks)
    : world_(world),
      setup_(setup),
      config_(orders_service(setup.idempotency)),
      ledger_(world, inner, setup.one_writer),
      owner_(ledger_),
      publisher_(world),
      clock_(world),
      marks_(std::move(marks)) {
  for (std::int32_t p = 0; p < partitions; ++p) {
    sources_.push_back({{std::string(topic), {p}}});
    for (std::uint32_t tier = 0; tier < config_.retry.delays.size(); ++tier) {
      tiers_.push_back({{core::retry_topic(config_, topic, tier).value(), {p}}, tier, config_.retry.delays[tier].duration});
    }
  }
}

void Hosts::fill(const std::vector<std::vector<std::string>>& events) {
  for (std::int32_t p = 0; p < partitions; ++p) fill_log(world_, p, events[static_cast<std::size_t>(p)]);
}

void Hosts::start() {
  for (const auto& s : sources_) world_.broker.move({group, s.where}, "owner A");
  for (const auto& t : tiers_) world_.broker.move({retry_group, t.where}, "worker 1");
  for (const char* member : {"owner A", "owner B"}) {
    world_.baton.add(member, [this, member] { live(group, member, sources_, false); });
  }
  for (const char* member : {"worker 1", "worker 2"}) {
    world_.baton.add(member, [this, member] { live(retry_group, member, tiers_, true); });
  }
}

void Hosts::live(const std::string& in_group, const std::string& member, const std::vector<MemberSource::Partition>& assigned, bool retry) {
  for (;;) {
    try {
      const auto mutation = make_mutation(marks_, folder_ / member);
      const bool has_ledger = setup_.idempotency != core::Idempotency::off;
      MemberSource source(world_, in_group, member, assigned, has_ledger && !retry ? &owner_ : nullptr, mutation->of(clock_));
      WorldTransaction transaction(world_, in_group, source);
      if (!has_ledger) source.settle_by(transaction);
      ScriptedLane lane(config_, has_ledger ? &mutation->of(ledger_) : nullptr, setup_.queries);
      runtime::Intake intake(config_.breaker);
      lane.handler = [this](const core::Record& r, HandlerCall& call) { return handle(r, call); };
      lane.fail_batch = [this](const std::vector<const core::Record*>& records) -> std::optional<runtime::ExecuteFailure> {
        world_.point("handles");
        for (const auto* record : records) hand_over(*record);
        if (!world_.trouble(2)) return std::nullopt;
        runtime::ExecuteFailure failure;
        failure.kind = world_.chance.in(70) ? runtime::ExecuteFailure::Kind::handler : runtime::ExecuteFailure::Kind::unavailable;
        return failure;
      };
      auto& records = mutation->of(source);
      auto& settling = mutation->of(lane);
      runtime::Pipeline pipeline({config_, records, settling, mutation->of(publisher_), clock_, observer_, has_ledger ? &owner_ : nullptr, {}, nullptr, nullptr, &intake});
      for (;;) pipeline.run_once(core::Millis(20));
    } catch (const Crash&) {
    }
  }
}

// A retried record comes back no sooner than the delay of its tier after its attempt before was first handed over, and as often as is configured.
void Hosts::hand_over(const core::Record& record) {
  const auto attempt = record.attempt.value;
  const auto where = [&](std::uint32_t n) { return std::tuple(record.partition.value, record.offset.value, n); };
  const std::string what = "attempt " + std::to_string(attempt) + " of record " + std::to_string(record.partition.value) + "/" + std::to_string(record.offset.value);
  handed_over_.try_emplace(where(attempt), world_.now());
  if (attempt > 1 + config_.retry.max_retries) world_.complain(what + " is beyond the limit");
  if (attempt == 1) return;
  const auto before = handed_over_.find(where(attempt - 1));
  if (before == handed_over_.end()) return world_.complain(what + " has none before it");
  const auto& delays = config_.retry.delays;
  const auto delay = delays[std::min<std::size_t>(attempt - 2, delays.size() - 1)].duration;
  if (world_.now() < before->second + delay) world_.complain(what + " comes before it is due");
}

Verdict Hosts::handle(const core::Record& record, HandlerCall& call) {
  const std::string id = id_of(record);
  const auto roll = world_.chance.below(100);
  const Verdict verdict = roll < 50 ? Verdict::done : roll < 88 ? Verdict::retry : Verdict::reject;
  if (setup_.idempotency == core::Idempotency::off) {
    call.outputs.push_back(std::to_string(record.partition.value) + "/" + std::to_string(record.offset.value));
  } else if (setup_.queries && world_.chance.in(40)) {  // written now: must vanish unless the record is done
    call.queried = call.wrote_by_query = true;
    const std::string sql = effect_of(id);
    auto rows = call.session->query({sql, {}}, false, nullptr);
    if (!rows) call.broken = rows.error();
  } else {
    call.statements.push_back(world_.trouble(2) ? "COMMIT" : effect_of(id));  // COMMIT is refused, and charged to the record
  }
  world_.tell("… handles " + std::string(record.topic) + "/" + std::to_string(record.partition.value) + "/" + std::to_string(record.offset.value) + " " + id +
              ", attempt " + std::to_string(record.attempt.value) + ": " + (roll < 50 ? "done" : roll < 88 ? "retry" : "reject"));
  return verdict;
}

void Hosts::rebalance() {
  auto& owners = world_.broker.owners;
  auto it = owners.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(world_.chance.below(owners.size())));
  const std::string& old = it->second.first;
  const std::string next = old == "owner A" ? "owner B" : old == "owner B" ? "owner A" : old == "worker 1" ? "worker 2" : "worker 1";
  world_.tell(it->first.second.topic + "/" + std::to_string(it->first.second.partition.value) + " moves to " + next);
  world_.broker.move(it->first, next);
}

bool Hosts::step() {
  if (world_.trouble(world_.troubles.rebalance)) rebalance();
  ledger_.strike();
  auto& late = world_.broker.late;
  if (!late.empty() && world_.chance.in(10)) {
    world_.tell("a late produce arrives in " + late.front().where.topic);
    world_.broker.logs[late.front().where].push_back(std::move(late.front().record));
    late.pop_front();
  }
  return world_.step() || ledger_.in_doubt();
}

void Hosts::calm_down() {
  world_.calm = true;
  ledger_.decide_doubts();
  world_.tell("calm");
}

bool Hosts::retries_read() const {
  if (!world_.broker.late.empty()) return false;
  return std::all_of(tiers_.begin(), tiers_.end(), [&](const MemberSource::Partition& tier) {
    const auto log = world_.broker.logs.find(tier.where);
    const auto committed = world_.broker.committed.find({retry_group, tier.where});
    const auto end = log == world_.broker.logs.end() ? 0 : static_cast<std::int64_t>(log->second.size());
    return std::max<std::int64_t>(0, committed == world_.broker.committed.end() ? 0 : committed->second.value) == end;
  });
}

std::vector<std::int64_t> Hosts::committed() const {
  std::vector<std::int64_t> out;
  for (const auto& source : sources_) {
    const auto found = world_.broker.committed.find({group, source.where});
    out.push_back(found == world_.broker.committed.end() ? -1 : found->second.value);
  }
  return out;
}

bool Hosts::copy_is_ahead(std::int32_t origin_partition, std::int64_t origin_offset, std::int64_t step) const {
  const std::string wanted[] = {std::to_string(origin_partition), std::to_string(origin_offset), std::to_string(step)};
  const auto is_it = [&](const LogRecord& copy) {
    return copy.header(core::header::origin_partition) == wanted[0] && copy.header(core::header::origin_offset) == wanted[1] &&
           copy.header(core::header::step) == wanted[2];
  };
  return std::any_of(tiers_.begin(), tiers_.end(), [&](const MemberSource::Partition& tier) {
    const auto& log = world_.broker.logs[tier.where];
    const auto next = std::clamp<std::int64_t>(world_.broker.committed[{retry_group, tier.where}].value, 0, static_cast<std::int64_t>(log.size()));
    return std::any_of(log.begin() + next, log.end(), is_it);
  });
}

}  // namespace hostler::testing
