// What SOCI offers and this folder must not use: each of these lost data, memory or security when it was tried.
#include <filesystem>

#include "support/catch.h"
#include "support/file.h"

using namespace hostler::testing;

TEST_CASE("the sources keep away from what SOCI cannot do") {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(HOSTLER_SOURCE_DIR) / "host/store")) {
    if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
    const std::string text = text_of(entry.path());
    INFO(entry.path());
    ++files;
    for (const char* banned : {
             "failover_callback",                                  // carries on outside of the transaction
             "connection_pool",                                    // hands out dead connections and open transactions
             "soci::blob",                                         // a large object, not bytea
             "soci::transaction", ".commit()",                     // takes ROLLBACK for success
             ".reconnect(",                                        // frees the backend under its statements
             "singlerow",                                          // broken
             "session(\"", "get_backend(\"", "dynamic_backends",   // a backend by name may be loaded from the working directory
             "std::vector<std::string> ids,", "use(vector",        // bulk: a round trip per row, and the first batch again
             "what()",                                             // holds the parameters' values
         })
      CHECK_THAT(text, !contains(banned));
  }
  CHECK(files > 30);
}
