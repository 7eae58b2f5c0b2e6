// Builds the retry copy of a record again whose first copy is lost, from the record in its source topic and the ledger's row. The same step:
// should the first copy still be there, whichever comes second is a duplicate. Pure but for the record's bytes, which are borrowed.
#pragma once

#include "core/host_config.h"
#include "core/result.h"
#include "core/types.h"
#include "runtime/admin.h"
#include "runtime/ledger_operations.h"
#include "runtime/publisher.h"

namespace hostler::runtime {

struct Reissue {
  OutRecord copy;        // key and value borrow from `record`
  core::Timestamp due{};
};

// Errors: the record is not the one that the row is about (its key differs), or the handler has no retry topics any more.
[[nodiscard]] core::Result<Reissue> reissue(const core::HandlerConfig& handler, const StuckRecord& stuck, const LyingRecord& record, core::Timestamp now);

}  // namespace hostler::runtime
