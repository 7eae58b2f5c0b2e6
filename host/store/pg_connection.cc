#include "store/pg_connection.h"

#include <poll.h>
#include <soci/postgresql/soci-postgresql.h>

#include <atomic>
#include <future>
#include <system_error>
#include <thread>
#include <utility>

#include "store/pg_error.h"

namespace hostler::store {
namespace {

using runtime::LedgerError;
using Opened = runtime::LedgerResult<std::unique_ptr<soci::session>>;

constexpr int most_left_behind = 8;
constexpr core::Millis parting_time{1'000};

LedgerError cannot_connect(const std::string& why) { return {LedgerError::Kind::outage, "08001", "cannot connect to the ledger's database: " + why}; }

Opened open_session(const std::string& conninfo) {
  try {
    return std::make_unique<soci::session>(soci::postgresql, conninfo);
  } catch (const soci::soci_error& e) {
    // One line per address tried; SOCI puts a sentence of its own before them.
    std::string message = e.get_error_message();
    if (const auto end = message.find('\n'); end != std::string::npos && message.starts_with("Cannot establish")) message.erase(0, end + 1);
    while (!message.empty() && message.back() == '\n') message.pop_back();
    for (auto at = message.find('\n'); at != std::string::npos; at = message.find('\n', at)) message.replace(at, 1, "; ");
    return cannot_connect(message);
  }
}

// SOCI asks the server its first question inside its constructor, and names are looked up before that: nobody can bound either from outside. So a
// thread waits, and is left behind when it takes too long; what it opens then is closed again.
Opened open_session_within(const std::shared_ptr<const PgAccess>& access) {
  if (access->left_behind >= most_left_behind) return cannot_connect("earlier attempts still wait for an answer");
  struct Attempt {
    std::promise<Opened> opened;
    std::atomic<bool> left{false};  // by one of the two: the other counts it out
  };
  const auto attempt = std::make_shared<Attempt>();
  auto result = attempt->opened.get_future();
  try {
    std::thread([attempt, access] {
      attempt->opened.set_value(open_session(access->conninfo));
      if (attempt->left.exchange(true)) --access->left_behind;
    }).detach();
  } catch (const std::system_error& e) {
    return cannot_connect(std::string("no thread to wait for it: ") + e.code().message());
  }
  const core::Millis limit = access->connect_limit;
  if (limit.count() == 0 || result.wait_for(limit) == std::future_status::ready) return result.get();
  ++access->left_behind;
  if (attempt->left.exchange(true)) --access->left_behind;
  return cannot_connect("no answer within " + std::to_string(limit.count()) + " ms");
}

}  // namespace

PgConnection::PgConnection(std::unique_ptr<soci::session> session, const std::shared_ptr<IoWatchdog>& watchdog, core::Millis patience)
    : session_(std::move(session)),
      link_(std::make_unique<PgLink>(static_cast<soci::postgresql_session_backend*>(session_->get_backend())->conn_, watchdog, patience)),
      ledger_(std::make_unique<PgStatements>(*session_)),
      pipeline_(std::make_unique<PgPipeline>(*link_)) {
  // Notices would go to stderr.
  PQsetNoticeReceiver(raw(), [](void*, const PGresult*) {}, nullptr);
}

// SOCI asks the server to forget each prepared statement.
PgConnection::~PgConnection() {
  link_->set_patience(parting_time);
  const PgLink::Wait parting(*link_, "closing the connection");
  ledger_.reset();
  pipeline_.reset();
  session_.reset();
}

runtime::LedgerResult<std::unique_ptr<PgConnection>> PgConnection::connect(const std::shared_ptr<const PgAccess>& access, core::Millis patience) {
  auto session = open_session_within(access);
  if (!session) return std::move(session.error());
  std::unique_ptr<PgConnection> made(new PgConnection(std::move(*session), access->watchdog, patience));
  if (!made->link_->watched()) return cannot_connect("this process has no file descriptor left for it");
  made->link_->set_patience(access->connect_limit);
  if (auto bounded = made->bound_server(patience); !bounded) return cannot_connect(bounded.error().message);
  made->link_->set_patience(patience);
  return made;
}

// A server that gives up first is left clean: nobody waits on for a lock, and holds others, for a client that is gone. What the role or the URL
// limits more strictly stays.
runtime::LedgerStatus PgConnection::bound_server(core::Millis patience) {
  if (patience.count() == 0) return runtime::LedgerStatus::success();
  const std::string sql = "SELECT set_config(w.name, cast(w.bound as text), false) FROM (VALUES ('lock_timeout', " + std::to_string(patience.count() * 8 / 10) +
                          "), ('statement_timeout', " + std::to_string(patience.count() * 9 / 10) +
                          ")) AS w(name, bound) WHERE extract(epoch FROM cast(current_setting(w.name) as interval)) * 1000 NOT BETWEEN 1 AND w.bound";
  const auto done = exec(sql.c_str(), "setting the session's limits");
  if (!done) return done.error();
  return runtime::LedgerStatus::success();
}

PgConnection::Result PgConnection::ask(const char* sql, const char* question) {
  const PgLink::Wait answer(*link_, question == nullptr ? sql : question);
  return {PQexec(raw(), sql), &PQclear};
}

runtime::LedgerResult<std::string> PgConnection::exec(const char* sql, const char* question) {
  const Result result = ask(sql, question);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return link_->error(result.get(), Author::ledger);
  return std::string(PQcmdStatus(result.get()));
}

bool PgConnection::usable() const {
  if (link_->cut() || PQstatus(raw()) != CONNECTION_OK || PQtransactionStatus(raw()) != PQTRANS_IDLE || pipeline_->tainted()) return false;
  pollfd socket{PQsocket(raw()), POLLIN, 0};
  return poll(&socket, 1, 0) == 0;
}

}  // namespace hostler::store
