// A transaction of the brokers that settles a slice without a ledger (effects = "kafka"): what is published in it and the offset that it
// moves come true together, or not at all. A Source whose records are settled so has one (source.h); kafka/ implements it, fakes script it.
// One thread: the lane's. Every call is bounded in time.
//
// Calls per slice:  begin -> publish -> send_offset -> commit;  abort after anything that failed but an unknown commit.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/record.h"
#include "core/result.h"
#include "core/types.h"
#include "runtime/ledger.h"
#include "runtime/publisher.h"

namespace hostler::runtime {

class Transaction {
 public:
  virtual ~Transaction() = default;

  struct Beginning {
    enum class Kind : std::uint8_t {
      begun,
      settled,  // the group's offset is at `next` already: an earlier commit whose answer was lost has happened. No transaction is open
      moved,    // it is at `committed`, where another owner left it: reading must go on there. None is open
      failed,   // brokers down, another holder of the id, or the assignment has ended: see `why`; may work later
    };
    Kind kind = Kind::begun;
    core::Offset committed;
    std::string why;
  };
  // Opens a transaction that is to settle the batch's partition up to `next`. The first time in an assignment, and whenever it is not sure
  // what became of the last one, it ends what anybody has open for this partition, and looks where the group's offset is.
  virtual Beginning begin(const core::Batch& batch, core::Offset next) = 0;

  // Publishes in the transaction and waits for every report; nobody's record is fire-and-forget here. May be empty.
  [[nodiscard]] virtual std::vector<PublishFailure> publish(std::span<const OutRecord> records) = 0;

  // The offset that begin() was told, under the group's present generation: refused once the assignment has ended.
  virtual core::Status<> send_offset() = 0;

  // failed: surely not committed, and to be aborted. unknown: no transaction is open for this lane any more; begin() finds out what became of it.
  virtual CommitOutcome commit(std::string* why) = 0;

  virtual void abort() = 0;
};

}  // namespace hostler::runtime
