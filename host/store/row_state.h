// RowState as the tables spell it. Private to store/. Thread-safe.
#pragma once

#include <string_view>

#include "runtime/ledger.h"

namespace hostler::store {

[[nodiscard]] inline std::string_view to_text(runtime::RowState state) {
  switch (state) {
    case runtime::RowState::done: return "done";
    case runtime::RowState::retry: return "retry";
    case runtime::RowState::dead: return "dead";
    case runtime::RowState::parked: return "parked";
  }
  return "";
}

[[nodiscard]] inline runtime::RowState row_state(std::string_view text) {
  if (text == "retry") return runtime::RowState::retry;
  if (text == "dead") return runtime::RowState::dead;
  if (text == "parked") return runtime::RowState::parked;
  return runtime::RowState::done;
}

}  // namespace hostler::store
