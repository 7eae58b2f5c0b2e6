// Whether a copy from a retry topic may run, after the protocol's admission table. Pure.
#pragma once

#include <optional>

#include "core/types.h"

namespace hostler::core {

// What the ledger's row of an origin says.
struct DelegatedRow {
  bool dead = false;   // else: state retry. Parked rows admit nothing.
  bool parked = false;
  Step step;
};

enum class CopyAdmission : std::uint8_t {
  run,
  duplicate,
  look_again,  // no row: pass the lock barrier on the origin's mark once, read again; still none: duplicate
};

[[nodiscard]] inline CopyAdmission admit_copy(const std::optional<DelegatedRow>& row, Step step, bool replay) {
  if (!row) return CopyAdmission::look_again;
  if (row->parked) return CopyAdmission::duplicate;
  if (replay) return row->dead && step.value > 0 && row->step.value == step.value - 1 ? CopyAdmission::run : CopyAdmission::duplicate;
  return !row->dead && row->step == step ? CopyAdmission::run : CopyAdmission::duplicate;
}

}  // namespace hostler::core
