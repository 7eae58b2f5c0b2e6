// What the demo shows while it runs: a screen that is redrawn in place, or one plain line. render() and plain_line() are pure;
// Screen is the terminal. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/demo_letters.h"
#include "cli/demo_stats.h"
#include "core/types.h"

namespace hostler::cli {

struct HandlerFrame {
  std::string name;
  HandlerCounts counts;
  std::uint64_t lag = 0; // records in its topics that it has not settled yet
  double rate = 0;       // records read from its topics per second
};

// One moment of the demo.
struct DemoFrame {
  std::string phase;                    // "producing", "draining" …
  core::Millis elapsed{0};              // of producing
  std::optional<core::Millis> duration; // how long it will produce; empty: until interrupted
  std::uint64_t produced = 0;
  double rate = 0; // records produced per second
  std::vector<HandlerFrame> handlers;
  std::vector<WaitingRecord> waiting; // by due time
  std::vector<DeadLetter> letters;    // latest, newest last
  std::uint64_t letter_count = 0;
  std::vector<Fate> fates; // latest, newest last
  core::Timestamp now{};
};

enum class Style : std::uint8_t { plain, title, dim, good, wait, bad, note };

struct Span {
  Style style = Style::plain;
  std::string text;
};

// A line of at most `width` columns.
class Line {
 public:
  explicit Line(std::size_t width) : left_(width) {}
  // Cuts what does not fit; control characters and broken UTF-8 become '?'.
  Line& add(std::string_view text, Style style = Style::plain);
  // Fills up to `column` counted from the line's start.
  Line& to(std::size_t column);
  [[nodiscard]] const std::vector<Span>& spans() const { return spans_; }
  [[nodiscard]] std::string text() const; // without styles

 private:
  std::size_t left_, used_ = 0;
  std::vector<Span> spans_;
};

struct Size {
  std::size_t columns = 80, rows = 24;
};

// At most size.rows lines; useful from 60 x 12 on.
[[nodiscard]] std::vector<Line> render(const DemoFrame& frame, Size size);
[[nodiscard]] std::string plain_line(const DemoFrame& frame);
// `text` with control characters and broken UTF-8 replaced by '?'.
[[nodiscard]] std::string printable(std::string_view text);

// The terminal on stdout: an alternate screen without cursor, given back as it was by restore() or the destructor.
class Screen {
 public:
  Screen();
  ~Screen() { restore(); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void draw(const std::vector<Line>& lines); // one write: no flicker
  void restore();
  [[nodiscard]] static Size size();

 private:
  bool on_ = false;
};

} // namespace hostler::cli
