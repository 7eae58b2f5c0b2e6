// What the demo draws: fits the window whatever is in it, and shows no byte that a stranger wrote to the terminal.
#include "cli/demo_view.h"

#include "support/catch.h"

namespace hostler::cli {
namespace {

std::size_t columns_of(const std::string& text) {
  std::size_t columns = 0;
  for (const char c : text) columns += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return columns;
}

DemoFrame busy_frame() {
  DemoFrame frame;
  frame.phase = "producing";
  frame.elapsed = std::chrono::seconds(12);
  frame.duration = std::chrono::seconds(20);
  frame.produced = 612;
  frame.rate = 50;
  frame.now = core::from_epoch_ms(1'000'000);
  for (const char* name : {"analytics-service", "interview-service", "user-service"}) {
    HandlerFrame h;
    h.name = name;
    h.counts.source.fill(100);
    h.rate = 49.6;
    h.lag = 3;
    frame.handlers.push_back(h);
  }
  for (int i = 0; i < 40; ++i) {
    frame.waiting.push_back({"user-service", "evt-000123-4567", "user.profile_updated", "4s", 3,
                             frame.now + core::Millis(100 * i), frame.now});
    frame.letters.push_back({"user-events-dlq", "k", "v", "user-service", "rejected",
                             "payload.email is missing", "evt-" + std::to_string(i)});
    frame.fates.push_back(
        {frame.now, "user-service", "user-events/0@1", "evt-1", std::string(300, 'x'), core::Outcome::dead});
  }
  frame.letter_count = 40;
  return frame;
}

TEST_CASE("every size of window is filled and never exceeded") {
  for (const Size size : {Size{80, 24}, Size{200, 60}, Size{60, 12}, Size{40, 10}, Size{20, 8}, Size{1, 1}}) {
    const auto lines = render(busy_frame(), size);
    INFO(size.columns << " x " << size.rows);
    CHECK(lines.size() <= std::max<std::size_t>(size.rows, 8));
    if (size.rows >= 12) CHECK(lines.size() == size.rows);
    for (const auto& line : lines) CHECK(columns_of(line.text()) < std::max<std::size_t>(size.columns, 20));
  }
}

TEST_CASE("80 x 24 shows counts, countdowns, reasons, and that it is a demo") {
  std::string all;
  for (const auto& line : render(busy_frame(), {80, 24})) all += line.text() + "\n";
  for (const char* expected :
       {"hostler demo", "mock Kafka cluster", "producing 00:12 of 00:20", "612 records, 50/s", "user-service",
        "waiting for their next attempt: 40", "attempt 3", "0.3s", "dead letters: 40",
        "rejected: payload.email is missing"}) {
    INFO(expected);
    CHECK(all.find(expected) != std::string::npos);
  }
}

TEST_CASE("an empty frame draws too") {
  CHECK(render(DemoFrame{}, {80, 24}).size() == 24);
  CHECK_FALSE(plain_line(DemoFrame{}).empty());
}

TEST_CASE("control characters and broken UTF-8 never reach the terminal") {
  CHECK(printable("a\x1b[2Jb\nc\td\x7f") == "a?[2Jb?c?d?");
  CHECK(printable("Гончарова, Luís") == "Гончарова, Luís");
  CHECK(printable("\xff\xc3;\xe2\x82\xf0\x9f\x98") == "??;?????");
  CHECK(printable("\xc2\x9b"
                  "31m") == "?31m"); // CSI as one character
  Line line(5);
  line.add("Гонч\x1b").add("арова");
  CHECK(line.text() == "Гонч?");
}

} // namespace
} // namespace hostler::cli
