// Servers that one test owns and may stop, kill and start again. Each is up within one to four seconds, in a temporary
// folder that goes away with it. One object belongs to one thread.
#pragma once

#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace hostler::testing {

// Common to both; drives tests/support/kafka_ctl and postgres_ctl.
class PrivateServer {
 public:
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  // host:port of the broker, or the postgresql:// URL; stays the same over stop, kill and start.
  [[nodiscard]] const std::string& url() const { return url_; }
  void stop();  // in good order
  void kill();  // SIGKILL
  void start(); // again, with its data; returns when it answers
  // SIGSTOP and SIGCONT for the process that listens: alive, but silent.
  void freeze();
  void thaw();

 protected:
  std::string control(const std::string& command, const std::vector<std::string>& settings = {});
  PrivateServer(std::string control, const std::vector<std::string>& settings);
  ~PrivateServer();

 private:
  void signal(int number);

  std::string control_;
  TempDir folder_;
  std::string url_;
};

// Settings are "name=value" of server.properties, on top of tests/support/kafka/server.properties; kafka_ctl adds two of its own,
// listener= and scram=.
class PrivateKafka : public PrivateServer {
 public:
  explicit PrivateKafka(const std::vector<std::string>& settings = {})
      : PrivateServer("kafka_ctl", settings) {}
  // host:port of a listener that was added.
  [[nodiscard]] std::string url_of(const std::string& listener) { return control("url", {listener}); }
};

// Settings are "name=value" of postgresql.conf.
class PrivatePostgres : public PrivateServer {
 public:
  explicit PrivatePostgres(const std::vector<std::string>& settings = {})
      : PrivateServer("postgres_ctl", settings) {}
};

} // namespace hostler::testing
