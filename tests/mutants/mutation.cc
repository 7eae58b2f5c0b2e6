#include "mutants/mutation.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>

#include "mutants/mutants.h"

namespace hostler::testing {

std::unique_ptr<Mutation> make_mutation(const Mutation::Marks& marks, const std::filesystem::path& state) {
  static const std::map<std::string_view, MutantPtr (*)(const Mutation::Marks&, const std::filesystem::path&)>
      mutants = {
          {"offset-before-database", [](auto&, auto&) { return offset_before_database(); }},
          {"no-compare-and-set", [](auto& m, auto&) { return no_compare_and_set(m); }},
          {"published-before-fence", [](auto&, auto&) { return published_before_fence(); }},
          {"ids-outside-transaction", [](auto&, auto&) { return ids_outside_transaction(); }},
          {"id-freed-on-retry", [](auto&, auto&) { return id_freed_on_retry(); }},
          {"letter-not-awaited", [](auto&, auto&) { return letter_not_awaited(); }},
          {"retry-released-early", [](auto&, auto&) { return retry_released_early(); }},
          {"offset-past-record-in-flight", [](auto&, auto&) { return offset_past_record_in_flight(); }},
          {"copy-without-delegation", [](auto&, auto&) { return copy_without_delegation(); }},
          {"copy-dropped-without-barrier", [](auto&, auto&) { return copy_dropped_without_barrier(); }},
          {"dedupe-by-attempt", [](auto&, auto&) { return dedupe_by_attempt(); }},
          {"ambiguous-transaction-reused", [](auto&, auto&) { return ambiguous_transaction_reused(); }},
          {"suspects-kept-locally", [](auto&, auto& s) { return suspects_kept_locally(s); }},
      };
  const char* name = std::getenv("HOSTLER_MUTANT");
  if (name == nullptr || *name == '\0') return std::make_unique<Mutation>();
  const auto found = mutants.find(name);
  if (found == mutants.end()) {
    std::fprintf(stderr, "HOSTLER_MUTANT: there is no mutant '%s'\n", name);
    std::_Exit(70);
  }
  return found->second(marks, state);
}

} // namespace hostler::testing
