// Work that is a transaction of its own, on a session that nobody else has. Private to store/.
#pragma once

#include <utility>

#include "runtime/ledger.h"

namespace hostler::store {

// What `work` answers of the session, once it is committed. The work must be safe to repeat: an unknown outcome is an error like the others.
template <class Session, class Work>
[[nodiscard]] auto in_own_transaction(Session session, const Work& work) -> decltype(work(session)) {
  if (auto begun = session.begin(); !begun) return std::move(begun.error());
  auto result = work(session);
  if (!result) return result;
  runtime::LedgerError why;
  if (session.commit(&why) != runtime::CommitOutcome::committed) return why;
  return result;
}

}  // namespace hostler::store
