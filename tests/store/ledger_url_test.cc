// Ledger URLs, and what leaks from them.
#include "store/ledger_url.h"
#include "store/open_ledger.h"
#include "support/catch.h"

using namespace hostler;
using hostler::testing::contains;

namespace {

std::string refused(const std::string& url) {
  auto parsed = store::parse_ledger_url(url, {});
  REQUIRE_FALSE(parsed.ok());
  return parsed.error().message;
}

std::string conninfo(const std::string& url, const store::LedgerOptions& options = {}) {
  auto parsed = store::parse_ledger_url(url, options);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return parsed->target;
}

}  // namespace

TEST_CASE("an unknown scheme, an empty URL and a relative path say what is right") {
  CHECK_THAT(refused(""), contains("postgresql://") && contains("sqlite:///"));
  CHECK_THAT(refused("mysql://root:geheim@db/app"), contains("mysql") && contains("postgresql://") && !contains("geheim"));
  CHECK_THAT(refused("host=localhost"), contains("no scheme"));
  CHECK_THAT(refused("sqlite://ledger.db"), contains("absolute"));
  CHECK_THAT(refused("sqlite://"), contains("absolute"));
  CHECK_THAT(refused("sqlite:///tmp/"), contains("absolute"));
  CHECK_THAT(refused("sqlite:///tmp/a\"b.db"), contains("quotation"));
}

TEST_CASE("what libpq cannot read is said without the password") {
  for (const char* url : {"postgresql://u:geh%zzeim@h/db", "postgresql://u:geheim@h:port:1/db?x", "postgresql://u:geheim@h/db?nonsense=1", "postgres://u:geheim@[h/db"}) {
    INFO(url);
    CHECK_THAT(refused(url), !contains("geh"));
  }
}

TEST_CASE("passwords are masked") {
  CHECK(store::masked_url("postgresql://hostler:geheim@db/app") == "postgresql://hostler:***@db/app");
  CHECK(store::masked_url("postgresql://hostler@db/app") == "postgresql://hostler@db/app");
  CHECK(store::masked_url("postgresql://db:5432/app") == "postgresql://db:5432/app");
  CHECK(store::masked_url("postgresql://u:p@ss/w@db/app") == "postgresql://u:***@db/app");
  CHECK(store::masked_url("postgresql:///app?user=u&password=geheim&host=db") == "postgresql:///app?user=u&password=***&host=db");
  CHECK(store::masked_url("sqlite:///var/lib/hostler/ledger.db") == "sqlite:///var/lib/hostler/ledger.db");
}

TEST_CASE("the host's settings fill what the URL leaves open") {
  store::LedgerOptions options;
  options.idle_in_transaction_timeout = std::chrono::seconds(45);
  options.connect_timeout = std::chrono::milliseconds(2500);
  const auto plain = conninfo("postgresql://u@db/app", options);
  CHECK_THAT(plain, contains("application_name='hostler'") && contains("connect_timeout='3'") && contains("tcp_user_timeout='15000'") &&
                        contains("keepalives='1'") && contains("keepalives_idle='15'") && contains("keepalives_interval='5'") &&
                        contains("keepalives_count='3'") && contains("client_encoding='UTF8'") && contains("idle_in_transaction_session_timeout=45000"));
  const auto own = conninfo("postgresql://u@a,b/app?application_name=mine&connect_timeout=7&keepalives_idle=60&tcp_user_timeout=0&target_session_attrs=read-write&options=-csearch_path%3Dx", options);
  CHECK_THAT(own, contains("application_name='mine'") && contains("connect_timeout='7'") && contains("keepalives_idle='60'") && contains("tcp_user_timeout='0'") && contains("host='a,b'") &&
                      contains("target_session_attrs='read-write'") && contains("idle_in_transaction_session_timeout=45000 -csearch_path=x'"));
}

TEST_CASE("getting in may take as long as libpq tries every host, and never for ever") {
  store::LedgerOptions options;
  options.connect_timeout = std::chrono::milliseconds(2500);
  options.answer_timeout = std::chrono::seconds(40);
  const auto limit = [&](const std::string& url) {
    auto parsed = store::parse_ledger_url(url, options);
    REQUIRE(parsed.ok());
    return parsed->connect_limit;
  };
  CHECK(limit("postgresql://u@db/app") == std::chrono::seconds(7));
  CHECK(limit("postgresql://u@a,b,c/app") == std::chrono::seconds(19));
  CHECK(limit("postgresql://u@a,b/app?connect_timeout=7") == std::chrono::seconds(29));
  CHECK(limit("postgresql://u@db/app?connect_timeout=0") == std::chrono::seconds(40));
}

TEST_CASE("a password with quotes, blanks and backslashes reaches libpq whole") {
  CHECK_THAT(conninfo("postgresql://u:a%27b%20c%5Cd@db/app"), contains("password='a\\'b c\\\\d'"));
}
