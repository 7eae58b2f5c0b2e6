// steering.h - how a record of a test says what shall become of it: by the beginning of its value.
//
//   fail:N:…         retry until attempt N, then done
//   retry:…          always retry
//   reject:…         reject, with the rest as the reason
//   drop:…           drop
//   throw:…          an exception with the rest as its message
//   unavailable:…    hostler::Unavailable: the whole batch, not the record
//   slow:MS:…        sleeps MS milliseconds, then done
//   crash:…          abort()
// Anything else is done. Used by the example plugins only.
#pragma once

#include <hostler/plugin.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace steering {

// Takes `prefix` off the front of text.
inline bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Takes the text up to the next colon, and the colon, off the front.
inline std::string_view take_word(std::string_view& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view word = text.substr(0, colon);
  text.remove_prefix(std::min(colon + 1, text.size()));
  return word;
}

inline unsigned take_number(std::string_view& text) {
  const std::string_view word = take_word(text);
  unsigned number = 0;
  if (std::from_chars(word.data(), word.data() + word.size(), number).ec != std::errc())
    throw std::invalid_argument("expected a number, found \"" + std::string(word) + "\"");
  return number;
}

inline hostler::Verdict verdict(const hostler::Record& record) {
  std::string_view value = record.value().text();
  if (take(value, "fail:")) {
    const unsigned good = take_number(value);
    return record.attempt() < good ? hostler::retry("fails until attempt " + std::to_string(good), 503)
                                   : hostler::done();
  }
  if (take(value, "retry:")) return hostler::retry(value.empty() ? "asked to retry" : value, 503);
  if (take(value, "reject:")) return hostler::reject(value.empty() ? "asked to reject" : value, 422);
  if (take(value, "drop:")) return hostler::drop(value.empty() ? "asked to drop" : value);
  if (take(value, "throw:")) throw std::runtime_error(std::string(value));
  if (take(value, "unavailable:")) throw hostler::Unavailable(std::string(value));
  if (take(value, "slow:")) std::this_thread::sleep_for(std::chrono::milliseconds(take_number(value)));
  if (take(value, "crash:")) std::abort();
  return hostler::done();
}

// The text of `key` in a flat JSON object, or `otherwise`; enough for the examples, no JSON parser.
inline std::string setting(std::string_view json, std::string_view key, std::string_view otherwise) {
  const std::string quoted = std::string("\"").append(key).append("\"");
  const std::size_t at = json.find(quoted);
  if (at == std::string_view::npos) return std::string(otherwise);
  const std::size_t open = json.find_first_not_of(" \t\n:", at + quoted.size());
  const std::size_t close = open == std::string_view::npos ? open : json.find('"', open + 1);
  if (close == std::string_view::npos || json[open] != '"') throw hostler::Error(quoted + " must be a text");
  return std::string(json.substr(open + 1, close - open - 1));
}

// "table" of the configuration, fit to stand in a statement; "effects" if it is not there.
inline std::string table(std::string_view config) {
  std::string name = setting(config, "table", "effects");
  if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") != std::string::npos)
    throw hostler::Error("\"table\" must be a name of small letters, digits and _, not \"" + name + "\"");
  return name;
}

} // namespace steering
