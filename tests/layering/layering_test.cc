// Fails on an #include outside the architecture's table, with file:line and the rule; and on planted offenders, so that it
// is known to be able to fail.
#include <filesystem>
#include <iostream>

#include "layering/includes.h"
#include "support/catch.h"
#include "support/file.h"

using namespace hostler::testing;
namespace fs = std::filesystem;

namespace {

bool is_source(const fs::path& file) {
  const auto extension = file.extension();
  return extension == ".h" || extension == ".hpp" || extension == ".cc" || extension == ".c";
}

struct Offender {
  const char* path;
  const char* text;
};

} // namespace

TEST_CASE("every include of the repository keeps to the architecture") {
  const fs::path root = HOSTLER_SOURCE_DIR;
  int checked = 0;
  std::string report;
  for (const char* folder : {"host", "plugins", "plugin-api"}) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      const std::string text = text_of(entry.path());
      ++checked;
      for (const auto& [place, include, rule] :
           check_includes(fs::relative(entry.path(), root).string(), text))
        report += place + ": #include of " + include + ": " + rule + "\n";
    }
  }
  std::cerr << report; // not through Catch2, which would wrap the lines
  CHECK(report.empty());
  CHECK(checked > 20); // it found the sources
}

TEST_CASE("planted offenders are found, each with its line") {
  const Offender offender = GENERATE(
      Offender{"host/core/a.h", "#include \"runtime/pipeline.h\""},
      Offender{"host/core/a.h", "#include <spdlog/spdlog.h>"},
      Offender{"host/core/a.cc", "#include <thread>"}, Offender{"host/core/a.cc", "#include <sys/stat.h>"},
      Offender{"host/runtime/a.h", "#include \"kafka/source.h\""},
      Offender{"host/runtime/a.h", "#include <librdkafka/rdkafka.h>"},
      Offender{"host/kafka/a.cc", "#include \"store/ledger.h\""},
      Offender{"host/store/a.cc", "#include \"plugin/loader.h\""},
      Offender{"host/config/a.cc", "#include \"cli/wire.h\""},
      Offender{"host/plugin/a.cc", "#include <soci/soci.h>"},
      Offender{"host/cli/a.cc", "#include <toml++/toml.h>"},
      Offender{"host/cli/a.cc", "#include <libpq-fe.h>"}, Offender{"host/cli/a.cc", "#  include <sqlite3.h>"},
      Offender{"host/cli/a.cc", "#include <boost/dll/shared_library.hpp>"},
      Offender{"host/service/a.cc", "#include <boost/program_options.hpp>"},
      Offender{"host/store/a.cc", "#include \"ledger.h\""},
      Offender{"host/store/a.cc", "#include \"../kafka/x.h\""},
      Offender{"host/runtime/a.cc", "#include \"hostler/plugin.h\""},
      Offender{"host/newcomer/a.cc", "#include <vector>"},
      Offender{"plugins/x/a.cc", "#include \"core/route.h\""},
      Offender{"plugins/x/a.cc", "#include \"../../host/core/route.h\""},
      Offender{"plugin-api/include/hostler/a.h", "#include <librdkafka/rdkafka.h>"},
      Offender{"plugin-api/include/hostler/a.h", "#include \"core/route.h\""});
  CAPTURE(offender.path, offender.text);
  const auto found =
      check_includes(offender.path, "// a file\n\n" + std::string(offender.text) + "\nint x;\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].place == std::string(offender.path) + ":3");
  CHECK_FALSE(found[0].rule.empty());
}

TEST_CASE("allowed includes are left alone") {
  const Offender fine = GENERATE(Offender{"host/core/a.h", "#include \"core/types.h\""},
                                 Offender{"host/core/a.h", "#include <string_view>"},
                                 Offender{"host/runtime/a.cc", "#include \"core/route.h\""},
                                 Offender{"host/kafka/a.cc", "#include <librdkafka/rdkafka.h>"},
                                 Offender{"host/kafka/a.cc", "#include <sys/eventfd.h>"},
                                 Offender{"host/store/a.cc", "#include <soci/soci.h>"},
                                 Offender{"host/store/a.cc", "#include \"runtime/ledger.h\""},
                                 Offender{"host/cli/a.cc", "#include \"kafka/source.h\""},
                                 Offender{"host/plugin/a.cc", "#include \"hostler/plugin.h\""},
                                 Offender{"host/config/a.cc", "#include <toml++/toml.h>"},
                                 Offender{"plugins/x/a.cc", "#include <hostler/plugin.hpp>"},
                                 Offender{"plugins/x/a.cc", "#include \"fields.h\""},
                                 Offender{"plugin-api/include/hostler/a.h", "#include <stdint.h>"},
                                 Offender{"plugin-api/include/hostler/ext/a.h", "#include \"../host.h\""},
                                 Offender{"plugin-api/cpp/hostler/plugin.hpp", "#include <string_view>"},
                                 Offender{"tests/core/a.cc", "#include <librdkafka/rdkafka.h>"},
                                 Offender{"host/core/a.h", "// #include \"cli/wire.h\""});
  CAPTURE(fine.path, fine.text);
  CHECK(check_includes(fine.path, fine.text).empty());
}
