#include "cli/demo_view.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string_view>

namespace hostler::cli {

using core::Outcome;

namespace {

// Length of the UTF-8 character at the front of `text`, 0 if there is none.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  std::size_t size = 0;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0)
    size = 2;
  else if (first >= 0xe0 && first < 0xf0)
    size = 3;
  else if (first >= 0xf0 && first < 0xf5)
    size = 4;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return size;
}

// Calls `take` with each character to be shown; false ends.
template <class Take>
void characters(std::string_view text, Take take) {
  while (!text.empty()) {
    const std::size_t size = character(text);
    const bool control = size == 1 && (static_cast<unsigned char>(text[0]) < 0x20 || text[0] == 0x7f);
    const bool c1 = size == 2 && text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0;
    if (!take(size == 0 || control || c1 ? std::string_view("?") : text.substr(0, size))) return;
    text.remove_prefix(size == 0 ? 1 : size);
  }
}

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  std::array<char, 256> text{};
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text.data(), text.size(), pattern, arguments);
  va_end(arguments);
  return text.data();
}

double seconds(core::Millis time) { return static_cast<double>(time.count()) / 1000; }

std::string clock_text(core::Millis time) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  return format("%02lld:%02lld", static_cast<long long>(whole / 60), static_cast<long long>(whole % 60));
}

unsigned long long number(std::uint64_t n) { return n; }
unsigned long long pending(const HandlerCounts& counts) {
  return counts.read() - std::min(counts.read(), counts.settled());
}

Line title_line(std::size_t width, const std::string& text) {
  Line line(width);
  line.add("─ ", Style::dim).add(text, Style::title).add(" ");
  std::string rule;
  for (std::size_t i = 0; i < width; ++i) rule += "─";
  return line.add(rule, Style::dim), line;
}

Style style_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::done: return Style::good;
    case Outcome::retry: return Style::wait;
    case Outcome::dead: return Style::bad;
    case Outcome::duplicate:
    case Outcome::filtered: return Style::dim;
    case Outcome::drop: return Style::note;
  }
  return Style::plain;
}

Line head_line(const DemoFrame& frame, std::size_t width) {
  Line line(width);
  line.add(" " + frame.phase, Style::title);
  line.add(" " + clock_text(frame.elapsed));
  if (frame.duration) line.add(" of " + clock_text(*frame.duration));
  line.add(format("   %llu records, %.0f/s", number(frame.produced), frame.rate));
  line.add("   Ctrl-C ends producing", Style::dim);
  return line;
}

void handler_table(std::vector<Line>& lines, const DemoFrame& frame, std::size_t width) {
  Line head(width);
  head.add(format(" %-18s%7s%7s%7s%6s%9s%7s%9s%6s", "handler", "read/s", "lag", "done", "dup", "dropped",
                  "dead", "retrying", ""),
           Style::dim);
  lines.push_back(std::move(head));
  for (const auto& h : frame.handlers) {
    const auto ended = [&](Outcome outcome) { return number(h.counts.ended(outcome)); };
    Line line(width);
    line.add(format(" %-18s%7.0f%7llu", h.name.c_str(), h.rate, number(h.lag)));
    line.add(format("%7llu", ended(Outcome::done)), Style::good);
    line.add(format("%6llu", ended(Outcome::duplicate)), Style::dim);
    line.add(format("%9llu", ended(Outcome::drop)), Style::note);
    line.add(format("%7llu", ended(Outcome::dead)), Style::bad);
    line.add(format("%9llu", pending(h.counts)), Style::wait);
    if (!h.counts.paused_because.empty()) line.add("  paused: " + h.counts.paused_because, Style::bad);
    lines.push_back(std::move(line));
  }
}

Line waiting_line(const WaitingRecord& w, core::Timestamp now, std::size_t width) {
  constexpr int bar_width = 16; // of two seconds a cell
  const double left = seconds(w.due - now);
  Line line(width);
  line.add(format(" %-18s", w.handler.c_str())).add(w.event_id).to(37).add(w.event_type).to(60);
  line.add(format("attempt %u ", w.attempt), Style::wait);
  if (left <= 0) return line.add("due", Style::good), line;
  line.add(format("%4.1fs ", left), Style::wait);
  for (int i = 0; i < std::min(bar_width, 1 + static_cast<int>(left * 2)); ++i) line.add("▪", Style::wait);
  return line;
}

Line letter_line(const DeadLetter& letter, std::size_t width) {
  Line line(width);
  line.add(format(" %-18s", letter.service.c_str()))
      .add(letter.event_id.empty() ? "(no id)" : letter.event_id)
      .to(37);
  line.add(letter.reason + ": ", Style::bad).add(letter.message);
  return line;
}

Line fate_line(const Fate& fate, std::size_t width) {
  Line line(width);
  line.add(format(" %-18s", fate.handler.c_str()))
      .add(fate.event_id.empty() ? fate.place : fate.event_id)
      .to(37);
  line.add(fate.text, style_of(fate.outcome));
  return line;
}

const char* escape_of(Style style) {
  switch (style) {
    case Style::plain: return "\x1b[0m";
    case Style::title: return "\x1b[0;1m";
    case Style::dim: return "\x1b[0;2m";
    case Style::good: return "\x1b[0;32m";
    case Style::wait: return "\x1b[0;33m";
    case Style::bad: return "\x1b[0;31m";
    case Style::note: return "\x1b[0;35m";
  }
  return "";
}

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR && errno != EAGAIN) return;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

} // namespace

std::string printable(std::string_view text) {
  std::string out;
  characters(text, [&](std::string_view c) { return out += c, true; });
  return out;
}

Line& Line::add(std::string_view text, Style style) {
  Span span{style, {}};
  characters(text, [&](std::string_view c) {
    if (left_ == 0) return false;
    span.text += c;
    --left_;
    ++used_;
    return true;
  });
  if (!span.text.empty()) spans_.push_back(std::move(span));
  return *this;
}

Line& Line::to(std::size_t column) {
  // A field that is too long is followed by one blank.
  return add(std::string(column > used_ ? column - used_ : 1, ' '));
}

std::string Line::text() const {
  std::string out;
  for (const auto& span : spans_) out += span.text;
  return out;
}

std::vector<Line> render(const DemoFrame& frame, Size size) {
  const std::size_t width =
      std::max<std::size_t>(size.columns, 20) - 1; // the last column stays free: writing it would wrap
  const std::size_t height = std::max<std::size_t>(size.rows, 8);
  std::vector<Line> lines;
  lines.push_back(
      Line(width)
          .add(" hostler demo", Style::title)
          .add("  interview platform · mock Kafka cluster and SQLite in one process", Style::dim));
  lines.push_back(head_line(frame, width));
  handler_table(lines, frame, width);

  // What is left is shared: a title and at least one line for each of three panels.
  const std::size_t rest = height > lines.size() ? height - lines.size() : 0;
  if (rest < 6) return lines;
  const std::size_t rows = rest - 3, waiting_rows = rows / 3, letter_rows = rows / 4,
                    fate_rows = rows - waiting_rows - letter_rows;
  lines.push_back(title_line(width, format("waiting for their next attempt: %zu", frame.waiting.size())));
  for (std::size_t i = 0; i < waiting_rows; ++i) {
    lines.push_back(i < frame.waiting.size() ? waiting_line(frame.waiting[i], frame.now, width)
                                             : Line(width));
  }
  lines.push_back(title_line(width, format("dead letters: %llu", number(frame.letter_count))));
  for (std::size_t i = 0; i < letter_rows; ++i) {
    lines.push_back(i < frame.letters.size() ? letter_line(frame.letters[frame.letters.size() - 1 - i], width)
                                             : Line(width));
  }
  lines.push_back(title_line(width, "what became of records that were not simply done"));
  for (std::size_t i = 0; i < fate_rows; ++i) {
    lines.push_back(i < frame.fates.size() ? fate_line(frame.fates[frame.fates.size() - 1 - i], width)
                                           : Line(width));
  }
  return lines;
}

std::string plain_line(const DemoFrame& frame) {
  std::string line = frame.phase + " " + clock_text(frame.elapsed) +
                     format("  %llu records, %.0f/s", number(frame.produced), frame.rate);
  for (const auto& h : frame.handlers) {
    line += format("  | %s: lag %llu, done %llu, dup %llu, dropped %llu, dead %llu, retrying %llu",
                   h.name.c_str(), number(h.lag), number(h.counts.ended(Outcome::done)),
                   number(h.counts.ended(Outcome::duplicate)), number(h.counts.ended(Outcome::drop)),
                   number(h.counts.ended(Outcome::dead)), pending(h.counts));
    if (!h.counts.paused_because.empty()) line += ", paused: " + printable(h.counts.paused_because);
  }
  return line;
}

Screen::Screen() : on_(true) { write_all("\x1b[?1049h\x1b[?25l\x1b[2J"); }

void Screen::draw(const std::vector<Line>& lines) {
  if (!on_) return;
  std::string out = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += "\r\n";
    for (const auto& span : lines[i].spans()) {
      out += escape_of(span.style);
      out += span.text;
    }
    out += "\x1b[0m\x1b[K";
  }
  out += "\x1b[J";
  write_all(out);
}

void Screen::restore() {
  if (!on_) return;
  on_ = false;
  write_all("\x1b[0m\x1b[?25h\x1b[?1049l");
}

Size Screen::size() {
  winsize window{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0) return {};
  return {window.ws_col, window.ws_row};
}

} // namespace hostler::cli
