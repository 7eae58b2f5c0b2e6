#include "runtime/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.h"

using namespace hostler::runtime;
using hostler::core::LogFormat;
using namespace std::chrono_literals;

namespace {

// The log goes to a pipe for as long as this lives.
class Capture {
 public:
  explicit Capture(LogFormat format) {
    REQUIRE(::pipe2(ends_, O_NONBLOCK | O_CLOEXEC) == 0);
    ::fcntl(ends_[1], F_SETPIPE_SZ, 1 << 20);
    set_log_output(ends_[1], format);
    set_log_level(LogLevel::debug);
  }
  ~Capture() {
    set_log_output(STDERR_FILENO);
    set_log_level(LogLevel::info);
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  std::vector<std::string> lines() {
    std::string all;
    std::array<char, 65536> part{};
    for (ssize_t size = 0; (size = ::read(ends_[0], part.data(), part.size())) > 0;)
      all.append(part.data(), static_cast<std::size_t>(size));
    std::vector<std::string> out;
    for (std::size_t from = 0, end = 0; (end = all.find('\n', from)) != std::string::npos; from = end + 1)
      out.push_back(all.substr(from, end - from));
    return out;
  }
  // The text of the only line.
  std::string line() {
    const auto all = lines();
    REQUIRE(all.size() == 1);
    return all[0];
  }

 private:
  int ends_[2] = {-1, -1};
};

} // namespace

TEST_CASE("human lines have time, level and text") {
  Capture log_lines(LogFormat::human);
  log_warn("lag is {} on {}", 7, "t/0");
  CHECK(std::regex_match(log_lines.line(),
                         std::regex(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} warn  lag is 7 on t/0)")));
}

TEST_CASE("a pipe gets JSON lines") {
  Capture log_lines(LogFormat::automatic);
  log_info("it \"works\" \\o/");
  CHECK(std::regex_match(
      log_lines.line(),
      std::regex(
          R"re(\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"info","message":"it \\"works\\" \\\\o/"\})re")));
}

TEST_CASE("what a stranger wrote cannot start a line, move the cursor or break JSON") {
  const std::string nasty = std::string("a\n2026 error fake\r\x1b[2J\x7f\0b", 25) + "\xc2\x9b" +
                            "5m \xff\xc3 \xed\xa0\x80 \xf0\x9f\x98\x80 é";
  {
    Capture log_lines(LogFormat::human);
    log(LogLevel::error, nasty);
    const std::string line = log_lines.line();
    CHECK(
        line.ends_with("error a\\x0a2026 error fake\\x0d\\x1b[2J\\x7f\\x00b\\x9b5m \\xff\\xc3 "
                       "\\xed\\xa0\\x80 \xf0\x9f\x98\x80 é"));
  }
  {
    Capture log_lines(LogFormat::json);
    log(LogLevel::error, nasty);
    const std::string line = log_lines.line();
    CHECK(
        line.ends_with("\"message\":\"a\\u000a2026 error fake\\u000d\\u001b[2J\\u007f\\u0000b\\u009b5m "
                       "\\\\xff\\\\xc3 \\\\xed\\\\xa0\\\\x80 \xf0\x9f\x98\x80 é\"}"));
  }
}

TEST_CASE("what is below the level is not written, nor formatted") {
  Capture log_lines(LogFormat::human);
  set_log_level(LogLevel::warn);
  CHECK_FALSE(log_enabled(LogLevel::info));
  log_debug("{}", 1);
  log_info("{}", 2);
  log_warn("{}", 3);
  log_error("{}", 4);
  CHECK(log_lines.lines().size() == 2);
  CHECK(parse_log_level("debug") == LogLevel::debug);
  CHECK(parse_log_level("error") == LogLevel::error);
  CHECK_FALSE(parse_log_level("loud"));
}

TEST_CASE("lines of many threads do not mix") {
  Capture log_lines(LogFormat::human);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      for (int n = 0; n < 200; ++n) log_info("{}", std::string(50, static_cast<char>('a' + i)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto lines = log_lines.lines();
  CHECK(lines.size() == 800);
  int mixed = 0;
  for (const std::string& line : lines) {
    const std::string text = line.substr(line.size() - 50);
    if (text != std::string(50, text[0])) ++mixed;
  }
  CHECK(mixed == 0);
}

TEST_CASE("a repeated error is written once, then counted") {
  RepeatLimit limit(30s, 3);
  const std::chrono::steady_clock::time_point start{};
  CHECK(limit.pass("broker", start) == 0U);
  CHECK_FALSE(limit.pass("broker", start + 1s));
  CHECK_FALSE(limit.pass("broker", start + 29s));
  CHECK(limit.pass("ledger", start + 29s) == 0U);
  CHECK(limit.pass("broker", start + 30s) == 2U);
  CHECK_FALSE(limit.pass("broker", start + 31s));
  CHECK(limit.pass("c", start + 31s) == 0U);
  CHECK(limit.pass("d", start + 70s) == 0U); // full: those whose pause is over are forgotten
  CHECK(limit.pass("broker", start + 71s) == 0U);
}

TEST_CASE("log_limited writes the first of its key") {
  Capture log_lines(LogFormat::human);
  for (int i = 0; i < 5; ++i) log_limited(LogLevel::error, "test of log_limited", "down");
  CHECK(log_lines.lines().size() == 1);
}
