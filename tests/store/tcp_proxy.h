// A TCP proxy between a test and its PostgreSQL that breaks on command. One thread per direction and connection; any thread may give commands.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace hostler::testing {

class TcpProxy {
 public:
  // To the server behind a postgresql:// URL, which must not ask for a password.
  explicit TcpProxy(const std::string& server_url);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  // The same database through the proxy; `options` are libpq's.
  [[nodiscard]] std::string url(const std::string& options) const;

  // From now on: when a client has sent `text`, the server gets it, its answer is swallowed, and once it has answered both sides are closed.
  void lose_reply_to(std::string_view text);
  // From now on nothing passes in either direction, and nothing is closed: both sides are there and say nothing, on new connections too.
  void fall_silent();
  // The same for each connection on which a client has sent `text`, which still reaches the server.
  void fall_silent_after(std::string_view text);
  // Ends both: connections that lived through it are closed, new ones work.
  void speak();
  // Closes every connection now.
  void cut();

 private:
  struct Link;
  void accept_loop();
  void serve(int client);
  void pump(const std::shared_ptr<Link>& link, int from, int to, bool from_client);
  int connect_server() const;

  std::string host_, user_, database_;
  int port_ = 0, listener_ = -1, listening_port_ = 0;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::string trigger_, last_words_;          // guarded by mutex_
  bool silent_ = false;                       // guarded by mutex_
  std::vector<std::shared_ptr<Link>> links_;  // guarded by mutex_
  std::vector<std::thread> threads_;          // guarded by mutex_
  std::thread acceptor_;
};

}  // namespace hostler::testing
