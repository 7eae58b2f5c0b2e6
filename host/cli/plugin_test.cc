// `hostler plugin test FILE`: delivers a file's records to a handler in five ways, without broker and database server, and says what
// came of them and where the ways differ.
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/plugin_test_way.h"
#include "config/load_config.h"
#include "plugin/description.h"
#include "runtime/log.h"
#include "store/migrator.h"
#include "store/open_ledger.h"

namespace hostler::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_lines = 40; // of each part of the report

// Holds the databases of the ways; in memory where that is possible, since nobody needs them after a crash.
class Scratch {
 public:
  Scratch() {
    std::error_code ignored;
    const fs::path base =
        fs::is_directory("/dev/shm", ignored) ? fs::path("/dev/shm") : fs::temp_directory_path();
    std::string name = (base / "hostler-plugin-test-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) folder_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] bool ok() const { return !folder_.empty(); }
  [[nodiscard]] std::string url(std::size_t way) const {
    return "sqlite://" + (folder_ / (std::to_string(way) + ".db")).string();
  }

 private:
  fs::path folder_;
};

core::Result<core::HostConfig, std::string> load(const PluginTestOptions& options) {
  auto environment = config::process_environment();
  environment.try_emplace("KAFKA_BROKERS", "localhost:9092"); // never asked
  auto loaded = config::load_config(options.config, environment);
  if (loaded) return std::move(*loaded);
  std::string all;
  for (const auto& error : loaded.error()) all += (all.empty() ? "" : "\n") + error.text();
  return all;
}

core::Result<core::HandlerConfig> choose(const core::HostConfig& config, const PluginTestOptions& options) {
  const auto file = fs::path(options.file).filename();
  for (const auto& handler : config.handlers) {
    if (options.handler.empty() ? fs::path(handler.plugin).filename() == file
                                : handler.name == options.handler)
      return handler;
  }
  if (options.handler.empty() && config.handlers.size() == 1) return config.handlers.front();
  return core::Error{options.config + ": no [[handler]] " +
                     (options.handler.empty()
                          ? "with plugin = \"" + file.string() + "\"; choose one with --handler NAME"
                          : "is called '" + options.handler + "'")};
}

// A database with the host's tables and the handler's.
core::Result<std::unique_ptr<runtime::Ledger>> open(const std::string& url,
                                                    const core::HandlerConfig& handler) {
  core::LedgerConfig config;
  config.url = url;
  {
    auto migrator = store::open_migrator(config);
    if (!migrator) return migrator.error();
    if (!handler.migrations.empty()) {
      if (auto added = (*migrator)->add_folder(handler.name, handler.migrations); !added)
        return added.error();
    }
    if (auto applied = (*migrator)->apply(); !applied) return applied.error();
  }
  return store::open_ledger(config);
}

std::string fate_text(const TestFate& fate) {
  return fate.verdict + (fate.reason.empty() ? "" : " (" + plugin::one_line(fate.reason, 200) + ")");
}

class Report {
 public:
  void differs(const std::string& what) {
    if (++count_ <= most_lines) lines_ += "differs     " + what + "\n";
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  void print() const {
    std::fputs(lines_.c_str(), stdout);
    if (count_ > most_lines) std::printf("differs     … and %zu more\n", count_ - most_lines);
  }

 private:
  std::string lines_;
  std::size_t count_ = 0;
};

enum class Allowed : std::uint8_t { nothing, duplicates, retries };

void compare_fates(const WayResult& first, const WayResult& other, const std::string& name, Allowed allowed,
                   Report& report) {
  for (const auto& [place, fate] : first.fates) {
    const auto found = other.fates.find(place);
    if (found == other.fates.end() || found->second == fate) continue;
    const std::string& verdict = found->second.verdict;
    if (allowed == Allowed::duplicates && verdict == "duplicate") continue;
    if (allowed == Allowed::retries && verdict == "retry") continue;
    report.differs(to_text(place) + ": " + fate_text(fate) + ", but " + name + ": " +
                   fate_text(found->second));
  }
}

void compare_effects(const WayResult& first, const WayResult& other, const std::string& name,
                     Report& report) {
  const std::size_t most = std::max(first.sql.size(), other.sql.size());
  for (std::size_t i = 0; i < most; ++i) {
    const std::string one = i < first.sql.size() ? first.sql[i] : "nothing",
                      two = i < other.sql.size() ? other.sql[i] : "nothing";
    if (one == two) continue;
    report.differs("statement " + std::to_string(i + 1) + ": " + plugin::one_line(one, 300) + ", but " +
                   name + ": " + plugin::one_line(two, 300));
    break; // the rest follows from it
  }
  if (first.published != other.published) {
    report.differs("publications: " + std::to_string(first.published.size()) + ", but " + name + ": " +
                   (first.published.size() == other.published.size()
                        ? "others"
                        : std::to_string(other.published.size())));
  }
}

void expect(const WayResult& first, const std::map<RecordPlace, Expected>& expected, Report& report) {
  for (const auto& [place, wanted] : expected) {
    const auto found = first.fates.find(place);
    if (found == first.fates.end()) {
      report.differs(to_text(place) + ": expected, but there is no such record");
    } else if (found->second.verdict != wanted.verdict ||
               (wanted.reason && *wanted.reason != found->second.reason)) {
      report.differs(to_text(place) + ": " + fate_text(found->second) +
                     ", but expected: " + fate_text({wanted.verdict, wanted.reason.value_or("")}));
    }
  }
}

template <class List, class Show>
void print_part(const char* name, const List& list, Show show) {
  std::size_t shown = 0;
  for (const auto& one : list) {
    if (++shown > most_lines) break;
    std::printf("%-10s  %s\n", name, show(one).c_str());
  }
  if (list.size() > most_lines) std::printf("%-10s  … and %zu more\n", name, list.size() - most_lines);
}

void print_first(const WayResult& first) {
  print_part("verdict", first.fates,
             [](const auto& one) { return to_text(one.first) + "  " + fate_text(one.second); });
  print_part("sql", first.sql, [](const std::string& sql) { return plugin::one_line(sql, 300); });
  print_part("published", first.published, [](const Publication& p) {
    return plugin::one_line(p.topic + "  " + p.key + "  " + p.value, 300);
  });
}

int complain(const std::string& what, int code) {
  std::fprintf(stderr, "hostler: %s\n", what.c_str());
  return code;
}

} // namespace

int run_plugin_test(const PluginTestOptions& options) {
  runtime::set_log_level(runtime::LogLevel::error);
  const auto config = load(options);
  if (!config) return complain(config.error(), exit_usage);
  auto handler = choose(*config, options);
  if (!handler) return complain(handler.error().message, exit_usage);
  const auto records = read_records(options.records);
  if (!records) return complain(records.error().message, exit_usage);
  std::map<RecordPlace, Expected> expected;
  if (!options.expect.empty()) {
    auto read = read_expected(options.expect);
    if (!read) return complain(read.error().message, exit_usage);
    expected = std::move(*read);
  }
  const auto loaded = plugin::load_plugin(options.file, {.sha256 = handler->plugin_sha256, .probe = {}});
  if (!loaded) return complain(loaded.error().message, exit_not_fine);

  const std::array<Way, 4> ways = {{{"in batches as configured", 0, false},
                                    {"all in one batch", records->size(), false},
                                    {"one by one", 1, false},
                                    {"with a deadline that has passed", 0, true}}};
  const Scratch scratch;
  if (!scratch.ok()) return complain("cannot make a temporary folder; is the disk full?", exit_not_fine);
  std::vector<WayResult> results;
  WayResult again;
  const std::string name = handler->name;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    std::unique_ptr<runtime::Ledger> ledger;
    if (handler->idempotency != core::Idempotency::off) {
      handler->name = name; // migrations belong to it
      auto opened = open(options.ledger.empty() ? scratch.url(i) : options.ledger, *handler);
      if (!opened) return complain(opened.error().message, exit_not_fine);
      ledger = std::move(*opened);
      // In a database that all ways share each has marks and ids of its own, and so has each run.
      if (!options.ledger.empty())
        handler->name += ".test-" + std::to_string(::getpid()) + "-" + std::to_string(i);
    }
    auto result =
        run_way({*loaded, *handler, ledger.get(), &*records}, ways.at(i), i == 0 ? &again : nullptr);
    if (!result) return complain(result.error().message, exit_not_fine);
    results.push_back(std::move(*result));
  }

  std::printf("%s of %s, %zu records\n", handler->handler.c_str(), options.file.c_str(), records->size());
  print_first(results[0]);
  Report report;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    std::printf("way         %s: %lld ms\n", ways.at(i).name.c_str(),
                static_cast<long long>(results[i].took.count()));
    if (i == 0)
      std::printf("way         delivered again: %lld ms\n", static_cast<long long>(again.took.count()));
    if (!results[i].stuck.empty()) {
      report.differs("the handler does not go on, " + ways.at(i).name + ": " +
                     plugin::one_line(results[i].stuck, 300));
      continue;
    }
    if (i == 0) {
      compare_fates(results[0], again, "delivered again", Allowed::duplicates, report);
      if (!again.stuck.empty())
        report.differs("the handler does not go on, delivered again: " + plugin::one_line(again.stuck, 300));
    } else {
      compare_fates(results[0], results[i], ways.at(i).name,
                    ways.at(i).cancelled ? Allowed::retries : Allowed::nothing, report);
      if (!ways.at(i).cancelled) compare_effects(results[0], results[i], ways.at(i).name, report);
    }
  }
  expect(results[0], expected, report);
  report.print();
  if (report.count() != 0) {
    std::printf("%zu %s\n", report.count(), report.count() == 1 ? "difference" : "differences");
    return exit_not_fine;
  }
  std::printf("fine: the five ways agree%s\n",
              expected.empty()
                  ? ""
                  : (", and so do " + std::to_string(expected.size()) + " expected verdicts").c_str());
  return exit_fine;
}

} // namespace hostler::cli
