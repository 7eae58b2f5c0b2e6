// A TCP proxy between a test's host and a server that breaks on command. One thread per direction and connection; any thread may give commands.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace hostler::testing {

class TcpProxy {
 public:
  // `server`: host:port, or the path of a UNIX socket. Empty: connections are refused until connect_to().
  explicit TcpProxy(std::string server = "");
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  // Where new connections go from now on.
  void connect_to(std::string server);
  // On 127.0.0.1.
  [[nodiscard]] int port() const { return listening_port_; }

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

  enum class Way : std::uint8_t { to_server, to_client };
  enum class End : std::uint8_t { both, one }; // one: the receiver hears the end, and may still send
  // Once, when `bytes` more have passed on that way, over all connections: nothing after them, and that connection's end. Which bytes have passed
  // together is nobody's matter.
  void cut_after(std::size_t bytes, Way way, End end = End::both);
  // cut_after() is still to come.
  [[nodiscard]] bool cut_is_due() const;
  // Everything that comes from now on arrives so much later; 0: at once.
  void delay(std::chrono::milliseconds time) { delay_ = time; }

 private:
  struct Link;
  struct Cut {
    std::size_t bytes = 0;
    Way way{};
    End end{};
  };
  void accept_loop();
  void serve(int client);
  void pump(const std::shared_ptr<Link>& link, Way way);
  // How much of what came may pass, and whether the connection ends there.
  std::optional<Cut> take_cut(std::size_t size, Way way);
  [[nodiscard]] int connect_server() const;

  int listener_ = -1, listening_port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<std::chrono::milliseconds> delay_{std::chrono::milliseconds(0)};
  mutable std::mutex mutex_;
  std::string server_; // guarded by mutex_, as all below
  std::string trigger_, last_words_;
  bool silent_ = false;
  std::optional<Cut> cut_;
  std::vector<std::shared_ptr<Link>> links_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// In front of a database that does not ask for a password.
class PostgresProxy : public TcpProxy {
 public:
  explicit PostgresProxy(const std::string& server_url);
  // The same database through the proxy; `options` are libpq's.
  [[nodiscard]] std::string url(const std::string& options) const;

 private:
  std::string user_, database_;
};

} // namespace hostler::testing
