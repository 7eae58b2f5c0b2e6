// [ledger] and [ledgers.NAME]: the database, with role and password where the address does not hold them.
#include "config/substitution.h"
#include "config/tables.h"

namespace hostler::config {
namespace {

constexpr std::string_view sqlite = "sqlite://";

bool is_address(std::string_view url) {
  const bool postgresql = (url.starts_with("postgresql://") && url.size() > 13) ||
                          (url.starts_with("postgres://") && url.size() > 11);
  const bool file = url.starts_with(sqlite) && url.size() > sqlite.size() + 1 && url[sqlite.size()] == '/';
  return postgresql || file;
}

// A parameter of a postgresql:// address wins over what stands before '@'.
void add_parameter(std::string& url, std::string_view name, std::string_view value) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  url += url.find('?') == std::string::npos ? '?' : '&';
  url += name;
  url += '=';
  for (const char c : value) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
      url += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      url += '%';
      url += digits[byte >> 4U];
      url += digits[byte & 15U];
    }
  }
}

bool holds_password(std::string_view url) {
  const std::size_t at = url.rfind('@');
  const std::size_t colon = url.find(':', url.find("://") + 3);
  return url.find("password=") != std::string_view::npos || (at != std::string_view::npos && colon < at);
}

} // namespace

void read_ledger(const Section& section, core::LedgerConfig& config, bool required) {
  section.read("max_sessions", config.max_sessions);
  section.read("retention", config.retention);
  std::string role;
  const bool has_role = section.read("role", role);
  std::string password_file;
  const bool has_file = section.read_path("password_file", password_file);
  std::string url;
  if (!section.read("url", url)) {
    if (required && !section.stated("url")) section.missing("url", "for example url = \"postgresql://user@host/database\"");
    for (const char* const key : {"role", "password_file"}) {
      if (!required && section.stated(key) && !section.stated("url")) section.wrong(key, "has no meaning without 'url'");
    }
    return;
  }
  // The address may hold a password: it is never repeated.
  if (!is_address(url)) {
    section.wrong("url",
                  "must be \"postgresql://user@host/database\" or, with the file's absolute path, "
                  "\"sqlite:///var/lib/hostler/ledger.db\"");
  } else if (url.starts_with(sqlite)) {
    for (const char* const key : {"role", "password_file"}) {
      if (section.stated(key)) section.wrong(key, "has no meaning for an SQLite file; leave it out");
    }
  } else {
    if (has_file && holds_password(url)) {
      section.wrong("password_file", "is stated although 'url' (" + section.where("url").text() +
                                         ") holds a password; state one of them");
    } else if (has_file) {
      if (auto password = read_secret_file(password_file, section.where("password_file"), section.problems()))
        add_parameter(url, "password", *password);
    }
    if (has_role) add_parameter(url, "user", role);
  }
  config.url = std::move(url);
}

} // namespace hostler::config
