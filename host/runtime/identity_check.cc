#include "runtime/identity_check.h"

#include <map>
#include <utility>

#include "runtime/digest.h"

namespace hostler::runtime {
namespace {

core::Bytes bytes_of(const std::optional<std::string>& text) { return text ? core::Bytes(std::string_view(*text)) : core::Bytes(); }

}  // namespace

core::Fingerprint fingerprint_of(core::Offset offset, const LyingRecord& record) {
  return {offset, record.timestamp, fingerprint(bytes_of(record.key), bytes_of(record.value))};
}

core::Result<std::vector<Compared>> compare(LedgerOperations& ledger, std::string_view service, Admin& admin, std::span<const Asked> partitions, core::Millis timeout) {
  auto marks = ledger.marks(service);
  if (!marks) return core::Error{"ledger: " + marks.error().message};
  auto cluster = admin.cluster_id();
  if (!cluster) return cluster.error();
  std::map<core::TopicPartition, core::MarkMemory> memories;
  for (auto& known : *marks) memories.emplace(std::move(known.where), std::move(known.memory));

  std::vector<Compared> out;
  std::vector<LookAt> places;
  for (const auto& [where, committed] : partitions) {
    Compared one;
    one.now.cluster_id = *cluster;
    one.now.committed = committed;
    if (const auto known = memories.find(where); known != memories.end()) {
      one.memory = known->second;
      places.push_back({where, one.memory->last ? one.memory->last->offset : core::Offset{}});
    }
    out.push_back(std::move(one));
  }
  if (places.empty()) return out;

  auto looks = admin.look_into(places, timeout);
  if (!looks) return looks.error();
  auto look = looks->begin();
  for (auto& one : out) {
    if (!one.memory) continue;
    if (look->trouble.empty()) {
      one.now.low = look->low;
      one.now.high = look->high;
      if (look->record) one.now.last = fingerprint_of(one.memory->last->offset, *look->record);
      one.refusal = core::refuse(*one.memory, one.now);
    } else {
      one.refusal = core::Refusal{core::Refusal::Kind::unseen, look->trouble, "it is looked at again by itself"};
    }
    ++look;
  }
  return out;
}

}  // namespace hostler::runtime
