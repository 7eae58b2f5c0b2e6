#include "cli/demo_report.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

namespace hostler::cli {

using core::Outcome;

namespace {

// The outcomes in the order people read them.
constexpr std::array<std::pair<Outcome, const char*>, 5> columns = {{{Outcome::done, "done"},
                                                                     {Outcome::duplicate, "duplicate"},
                                                                     {Outcome::dead, "dead-lettered"},
                                                                     {Outcome::drop, "dropped"},
                                                                     {Outcome::filtered, "filtered"}}};

std::uint64_t count(const std::map<std::string, std::uint64_t>& counts, const std::string& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

std::string right(std::string text, std::size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}
std::string left(std::string text, std::size_t width) {
  return text + std::string(width > text.size() ? width - text.size() : 0, ' ');
}

std::string joined(const std::vector<std::string>& row) {
  std::string out;
  for (const auto& field : row) out += (out.empty() ? "" : " | ") + field;
  return "(" + out + ")";
}

// Checks of one handler; each difference says what was compared with what.
class HandlerCheck {
 public:
  HandlerCheck(const HandlerFacts& facts, std::uint64_t letters, std::vector<std::string>& differences)
      : facts_(facts), letters_(letters), differences_(differences) {}

  void run() {
    const auto& counts = facts_.counts;
    equal(counts.read(), "records read", facts_.produced, "records in its topics");
    if (counts.settled() != counts.read()) {
      differences_.push_back(
          facts_.name + ": " + std::to_string(counts.read()) + " records read, " +
          std::to_string(counts.settled()) +
          " with a final fate: done + duplicate + dead-lettered + dropped + filtered do not add up");
    }
    for (const auto& [outcome, name] : columns)
      equal(counts.ended(outcome), name, facts_.expected.count(outcome), "by the reference");
    equal(count(facts_.ids, "done"), "rows 'done' in processed_events",
          counts.ended(Outcome::done) + counts.ended(Outcome::drop), "done + dropped");
    equal(count(facts_.ids, "dead"), "rows 'dead' in processed_events",
          counts.ended(Outcome::dead) - facts_.expected.dead_without_id, "dead-lettered with an event id");
    equal(count(facts_.delegated, "dead"), "rows 'dead' in hostler_delegated", counts.ended(Outcome::dead),
          "dead-lettered");
    for (const char* open : {"retry", "parked"}) {
      equal(count(facts_.ids, open), std::string("rows '") + open + "' in processed_events", 0,
            "when all is drained");
      equal(count(facts_.delegated, open), std::string("rows '") + open + "' in hostler_delegated", 0,
            "when all is drained");
    }
    equal(letters_, "letters in the dead-letter topics", counts.ended(Outcome::dead), "dead-lettered");
  }

 private:
  void equal(std::uint64_t found, const std::string& what, std::uint64_t expected, const std::string& why) {
    if (found == expected) return;
    differences_.push_back(facts_.name + ": " + std::to_string(found) + " " + what + ", expected " +
                           std::to_string(expected) + " (" + why + ")");
  }

  const HandlerFacts& facts_;
  std::uint64_t letters_;
  std::vector<std::string>& differences_;
};

std::vector<std::string> count_table(const DemoFacts& facts) {
  std::vector<std::string> lines;
  std::size_t name_width = 7;
  for (const auto& handler : facts.handlers) name_width = std::max(name_width, handler.name.size());
  std::string head = left("handler", name_width) + right("read", 8) + "  =";
  for (const auto& [outcome, name] : columns) head += right(name, std::string_view(name).size() + 2);
  lines.push_back(head + right("needed a retry", 17));
  for (const auto& handler : facts.handlers) {
    std::string line =
        left(handler.name, name_width) + right(std::to_string(handler.counts.read()), 8) + "  =";
    for (const auto& [outcome, name] : columns) {
      line += right(std::to_string(handler.counts.ended(outcome)), std::string_view(name).size() + 2);
    }
    lines.push_back(line + right(std::to_string(handler.expected.retried), 17));
  }
  return lines;
}

// An identity for sorting: whose letter of which record it is.
std::string identity(const std::string& service, const std::string& topic, const std::string& key,
                     const std::optional<std::string>& value) {
  return service + '\n' + topic + '\n' + key + '\n' + (value ? "v" + *value : "null");
}

std::string shown(const std::string& service, const std::string& topic, const std::string& key,
                  const std::optional<std::string>& value) {
  constexpr std::size_t most = 120;
  return service + ", " + topic + ", key " + key + ": " + (value ? value->substr(0, most) : "(null)");
}

bool fits(const ExpectedLetter& expected, const DeadLetter& found) {
  return std::find(expected.reasons.begin(), expected.reasons.end(), found.reason) !=
             expected.reasons.end() &&
         (expected.message.empty() || expected.message == found.message);
}

// A dead-letter topic is named after its source: user-events-dlq.
std::string source_of(const DeadLetter& letter) {
  constexpr std::string_view suffix = "-dlq";
  return letter.topic.ends_with(suffix) ? letter.topic.substr(0, letter.topic.size() - suffix.size())
                                        : letter.topic;
}

} // namespace

std::vector<std::string> compare_letters(const std::vector<ExpectedLetter>& expected,
                                         const std::vector<DeadLetter>& found, std::size_t most) {
  std::multimap<std::string, const ExpectedLetter*> open;
  for (const auto& e : expected) open.emplace(identity(e.service, e.topic, e.key, e.value), &e);
  std::vector<std::string> differences;
  std::size_t extra = 0, wrong = 0;
  for (const auto& letter : found) {
    const auto match = open.find(identity(letter.service, source_of(letter), letter.key, letter.value));
    if (match == open.end()) {
      if (++extra <= most)
        differences.push_back("a dead letter that should not be: " +
                              shown(letter.service, letter.topic, letter.key, letter.value));
      continue;
    }
    const ExpectedLetter& e = *match->second;
    if (!fits(e, letter) && ++wrong <= most) {
      differences.push_back("dead letter with another reason: " +
                            shown(letter.service, letter.topic, letter.key, letter.value) + "; it says '" +
                            letter.reason + ", " + letter.message + "', expected '" + e.reasons.front() +
                            ", " + e.message + "'");
    }
    open.erase(match);
  }
  std::size_t missing = 0;
  for (const auto& [id, e] : open) {
    if (++missing > most) break;
    differences.push_back("a dead letter is missing: " + shown(e->service, e->topic, e->key, e->value));
  }
  const auto more = [&](std::size_t n, const char* what) {
    if (n > most) differences.push_back("… and " + std::to_string(n - most) + " more dead letters " + what);
  };
  more(extra, "that should not be");
  more(wrong, "with another reason");
  more(open.size(), "missing");
  return differences;
}

std::vector<std::string> compare_rows(const std::string& table, const TableRows& expected,
                                      const TableRows& found, std::size_t most) {
  TableRows missing, extra;
  std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(),
                      std::back_inserter(missing));
  std::set_difference(found.begin(), found.end(), expected.begin(), expected.end(),
                      std::back_inserter(extra));
  std::vector<std::string> differences;
  const auto list = [&](const TableRows& rows, const char* what) {
    for (std::size_t i = 0; i < std::min(rows.size(), most); ++i)
      differences.push_back("table " + table + ", " + what + ": " + joined(rows[i]));
    if (rows.size() > most)
      differences.push_back("table " + table + ", " + what + ": … and " + std::to_string(rows.size() - most) +
                            " more rows");
  };
  list(missing, "row missing");
  list(extra, "row that should not be");
  return differences;
}

DemoReport make_report(const DemoFacts& facts) {
  DemoReport report;
  std::map<std::string, std::uint64_t> letters;
  for (const auto& letter : facts.letters) ++letters[letter.service];
  for (const auto& handler : facts.handlers)
    HandlerCheck(handler, count(letters, handler.name), report.differences).run();
  for (auto& difference : compare_letters(facts.expected_letters, facts.letters))
    report.differences.push_back(std::move(difference));
  for (const auto& table : facts.tables) {
    for (auto& difference : compare_rows(table.name, table.expected, table.found))
      report.differences.push_back(std::move(difference));
  }

  auto& lines = report.lines;
  lines = count_table(facts);
  std::string checked;
  for (const auto& table : facts.tables)
    checked += (checked.empty() ? "" : ", ") + table.name + " " + std::to_string(table.found.size());
  lines.push_back("database: rows of " + checked);
  lines.push_back("dead-letter topics: " + std::to_string(facts.letters.size()) + " letters");
  if (report.adds_up()) {
    lines.push_back(
        "It adds up: every record has one fate, and ledger, tables and dead letters are what a fold over the "
        "produced records says.");
  } else {
    lines.push_back("IT DOES NOT ADD UP:");
    for (const auto& difference : report.differences) lines.push_back("  " + difference);
  }
  return report;
}

} // namespace hostler::cli
