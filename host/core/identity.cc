#include "core/identity.h"

#include "core/headers.h"

namespace hostler::core {
namespace {

constexpr const char* adopt = "if it is meant to be read, `hostler offsets adopt` starts anew with it";

std::string number(Offset offset) { return std::to_string(offset.value); }

}  // namespace

std::string_view to_text(Refusal::Kind kind) {
  switch (kind) {
    case Refusal::Kind::another_cluster: return "another-cluster";
    case Refusal::Kind::recreated: return "recreated";
    case Refusal::Kind::gone: return "gone";
    case Refusal::Kind::reset: return "reset";
    case Refusal::Kind::unseen: return "unseen";
  }
  return "";
}

std::string text_of(const TopicPartition& where, const Refusal& refusal) {
  return where.topic + "/" + std::to_string(where.partition.value) + " is held: " + refusal.what + "; " + refusal.mend;
}

std::optional<Refusal> refuse(const MarkMemory& memory, const PartitionNow& now) {
  using Kind = Refusal::Kind;
  const Offset next = memory.mark.next;
  if (!memory.cluster_id.empty() && memory.cluster_id != now.cluster_id) {
    return Refusal{Kind::another_cluster, "this is another cluster (" + now.cluster_id + ") than the ledger's (" + memory.cluster_id + ")", adopt};
  }
  if (next > now.high) {
    return Refusal{Kind::recreated,
                   "records up to offset " + std::to_string(next.value - 1) + " were settled, but it ends at " + number(now.high) + ": the topic was re-created or cut off",
                   adopt};
  }
  if (memory.last && now.last && *memory.last != *now.last) {
    return Refusal{Kind::recreated,
                   "another record lies at offset " + number(memory.last->offset) + " (of " + iso_time(now.last->timestamp) + ") than was settled there (of " +
                       iso_time(memory.last->timestamp) + "): the topic was re-created",
                   adopt};
  }
  if (next < now.low) {
    return Refusal{Kind::gone, "its next record, offset " + number(next) + ", was deleted before it was handled (or was a transaction's marker, and nothing is lost); the first there is has offset " + number(now.low),
                   "`hostler offsets rewind --to earliest` goes on without what is lost"};
  }
  if (now.committed && memory.acked && *now.committed < *memory.acked) {
    return Refusal{Kind::reset,
                   "the group's committed offset is " + number(*now.committed) + ", but Kafka had acknowledged " + number(*memory.acked) + ": somebody reset it by hand",
                   "`hostler offsets adopt` reads on from there, `hostler offsets rewind` from where it is told"};
  }
  return std::nullopt;
}

}  // namespace hostler::core
