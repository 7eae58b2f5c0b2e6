#include "core/admission.h"

#include "support/catch.h"

using namespace hostler::core;

namespace {
DelegatedRow retry_at(std::uint32_t step) { return {false, false, Step{step}}; }
DelegatedRow dead_at(std::uint32_t step) { return {true, false, Step{step}}; }
}  // namespace

TEST_CASE("a copy runs only if its row names its step") {
  CHECK(admit_copy(retry_at(2), Step{2}, false) == CopyAdmission::run);
  CHECK(admit_copy(retry_at(3), Step{2}, false) == CopyAdmission::duplicate);
  CHECK(admit_copy(retry_at(1), Step{2}, false) == CopyAdmission::duplicate);
  CHECK(admit_copy(dead_at(2), Step{2}, false) == CopyAdmission::duplicate);
}

TEST_CASE("a replay runs only if the record is dead at the step before") {
  CHECK(admit_copy(dead_at(4), Step{5}, true) == CopyAdmission::run);
  CHECK(admit_copy(dead_at(5), Step{5}, true) == CopyAdmission::duplicate);
  CHECK(admit_copy(retry_at(4), Step{5}, true) == CopyAdmission::duplicate);
  CHECK(admit_copy(dead_at(0), Step{0}, true) == CopyAdmission::duplicate);
}

TEST_CASE("a copy of a dead record without replay revives nothing") { CHECK(admit_copy(dead_at(1), Step{2}, false) == CopyAdmission::duplicate); }

TEST_CASE("without a row the mark's barrier is passed and the rows are read again") {
  CHECK(admit_copy(std::nullopt, Step{1}, false) == CopyAdmission::look_again);
  CHECK(admit_copy(std::nullopt, Step{1}, true) == CopyAdmission::look_again);
}

TEST_CASE("a parked record admits no copy") { CHECK(admit_copy(DelegatedRow{false, true, Step{1}}, Step{1}, false) == CopyAdmission::duplicate); }
