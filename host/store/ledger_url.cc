#include "store/ledger_url.h"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "core/secrets.h"

namespace hostler::store {
namespace {

constexpr std::string_view sqlite_scheme = "sqlite://";
constexpr std::string_view forms = "use postgresql://user@host/database or sqlite:///path/to/file.db in [ledger] url";

// libpq quotes what it could not read, and that may be part of a password: keep only the words before the quotes.
std::string words_before_quotes(std::string_view message) {
  message = message.substr(0, message.find_first_of("\"\n"));
  while (!message.empty() && (message.back() == ' ' || message.back() == ':')) message.remove_suffix(1);
  return std::string(message);
}

void append_quoted(std::string& out, std::string_view keyword, std::string_view value) {
  if (!out.empty()) out += ' ';
  out += keyword;
  out += "='";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  out += '\'';
}

using Values = std::map<std::string, std::string>;

// libpq tries address after address, each for the connect_timeout; a host often has two. One that waits for ever is given the time of an answer.
core::Millis connect_limit(const Values& values, const LedgerOptions& options) {
  const std::string& text = values.at("connect_timeout");
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (seconds <= 0) return options.answer_timeout;
  std::ptrdiff_t hosts = 1;
  for (const char* const keyword : {"host", "hostaddr"})
    if (const auto named = values.find(keyword); named != values.end()) hosts = std::max(hosts, 1 + std::count(named->second.begin(), named->second.end(), ','));
  return std::chrono::seconds(std::max(2, seconds)) * 2 * hosts + std::chrono::seconds(1);
}

core::Result<LedgerUrl> parse_postgresql(const std::string& url, const LedgerOptions& options) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(PQconninfoParse(url.c_str(), &message), &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> owned_message(message, &PQfreemem);
  if (!parsed) return core::Error{"the ledger URL " + masked_url(url) + " cannot be read: " + words_before_quotes(message == nullptr ? "" : message)};

  Values values;
  for (const PQconninfoOption* o = parsed.get(); o->keyword != nullptr; ++o)
    if (o->val != nullptr) values[o->keyword] = o->val;
  values.try_emplace("application_name", options.application_name);
  // libpq takes 1 for 2.
  values.try_emplace("connect_timeout", std::to_string(std::max<std::int64_t>(2, (options.connect_timeout.count() + 999) / 1000)));
  if (options.tcp_user_timeout.count() > 0) values.try_emplace("tcp_user_timeout", std::to_string(options.tcp_user_timeout.count()));
  // A link that is gone while nothing is under way: noticed within 30 s instead of two hours.
  for (const auto& [keyword, value] : {std::pair{"keepalives", "1"}, {"keepalives_idle", "15"}, {"keepalives_interval", "5"}, {"keepalives_count", "3"}})
    values.try_emplace(keyword, value);
  values["client_encoding"] = "UTF8";
  // Rows are read as text: what that looks like must not depend on the role's settings. The URL's own options come last and win.
  std::string server = "-c DateStyle=ISO -c bytea_output=hex -c standard_conforming_strings=on";
  if (options.idle_in_transaction_timeout.count() > 0)
    server += " -c idle_in_transaction_session_timeout=" + std::to_string(options.idle_in_transaction_timeout.count());
  std::string& given = values["options"];
  given = given.empty() ? server : server + " " + given;

  LedgerUrl out{runtime::SqlDialect::postgresql, {}, connect_limit(values, options)};
  for (const auto& [keyword, value] : values) append_quoted(out.target, keyword, value);
  return out;
}

}  // namespace

std::string masked_url(const std::string& url) { return core::masked_url(url); }

core::Result<LedgerUrl> parse_ledger_url(const std::string& url, const LedgerOptions& options) {
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return parse_postgresql(url, options);
  if (url.starts_with(sqlite_scheme)) {
    std::string path = url.substr(sqlite_scheme.size());
    if (path.size() < 2 || path.front() != '/' || path.back() == '/')
      return core::Error{"the ledger URL " + url + " needs an absolute path to a file, as in sqlite:///var/lib/hostler/ledger.db"};
    if (path.find('"') != std::string::npos) return core::Error{"the ledger's path " + path + " must not hold quotation marks"};
    return LedgerUrl{runtime::SqlDialect::sqlite, std::move(path), {}};
  }
  if (url.empty()) return core::Error{"no ledger URL is given: " + std::string(forms)};
  const auto end = url.find("://");
  const std::string what = end == std::string::npos ? "has no scheme" : "has the unknown scheme \"" + url.substr(0, end) + "\"";
  return core::Error{"the ledger URL " + masked_url(url) + " " + what + ": " + std::string(forms)};
}

}  // namespace hostler::store
