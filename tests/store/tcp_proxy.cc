#include "store/tcp_proxy.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace hostler::testing {

// Sockets are only shut down while threads use them, and closed at the end.
struct TcpProxy::Link {
  int client = -1, server = -1;
  std::atomic<bool> swallowing{false}, silent{false};
  void shut() const {
    shutdown(client, SHUT_RDWR);
    shutdown(server, SHUT_RDWR);
  }
  ~Link() {
    close(client);
    close(server);
  }
};

TcpProxy::TcpProxy(const std::string& server_url) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> c(PQconnectdb(server_url.c_str()), &PQfinish);
  if (PQstatus(c.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(c.get()));
  host_ = PQhost(c.get());
  port_ = std::stoi(PQport(c.get()));
  user_ = PQuser(c.get());
  database_ = PQdb(c.get());

  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 16) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("the proxy cannot listen");
  listening_port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

TcpProxy::~TcpProxy() {
  stop_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  cut();
  for (auto& t : threads_) t.join();
}

std::string TcpProxy::url(const std::string& options) const {
  return "postgresql://" + user_ + "@127.0.0.1:" + std::to_string(listening_port_) + "/" + database_ + "?sslmode=disable&gssencmode=disable&options=" + options;
}

void TcpProxy::lose_reply_to(std::string_view text) {
  const std::lock_guard lock(mutex_);
  trigger_ = text;
}

void TcpProxy::cut() {
  const std::lock_guard lock(mutex_);
  for (const auto& link : links_) link->shut();
}

void TcpProxy::fall_silent() {
  const std::lock_guard lock(mutex_);
  silent_ = true;
  for (const auto& link : links_) link->silent = true;
}

void TcpProxy::fall_silent_after(std::string_view text) {
  const std::lock_guard lock(mutex_);
  last_words_ = text;
}

void TcpProxy::speak() {
  const std::lock_guard lock(mutex_);
  silent_ = false;
  last_words_.clear();
  for (const auto& link : links_)
    if (link->silent) link->shut();
}

int TcpProxy::connect_server() const {
  if (host_.starts_with('/')) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = host_ + "/.s.PGSQL." + std::to_string(port_);
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? fd : -1;
  }
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host_.c_str(), std::to_string(port_).c_str(), &hints, &found) != 0) return -1;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = connect(fd, found->ai_addr, found->ai_addrlen) == 0;
  freeaddrinfo(found);
  return connected ? fd : -1;
}

void TcpProxy::accept_loop() {
  while (!stop_) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    serve(client);
  }
}

void TcpProxy::serve(int client) {
  auto link = std::make_shared<Link>();
  link->client = client;
  link->server = connect_server();
  const std::lock_guard lock(mutex_);
  link->silent = silent_;
  links_.push_back(link);
  threads_.emplace_back([this, link] { pump(link, link->client, link->server, true); });
  threads_.emplace_back([this, link] { pump(link, link->server, link->client, false); });
}

void TcpProxy::pump(const std::shared_ptr<Link>& link, int from, int to, bool from_client) {
  std::array<char, 65536> buffer{};
  while (true) {
    const auto n = recv(from, buffer.data(), buffer.size(), 0);
    if (n <= 0 && link->silent) return;  // the other side does not learn of it
    if (n <= 0) break;
    if (link->silent) continue;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    if (from_client) {
      const std::lock_guard lock(mutex_);
      if (!trigger_.empty() && bytes.find(trigger_) != std::string_view::npos) {
        link->swallowing = true;
        trigger_.clear();
      }
      if (!last_words_.empty() && bytes.find(last_words_) != std::string_view::npos) link->silent = true;
    } else if (link->swallowing) {
      break;  // the server has answered
    }
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const auto m = send(to, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (m <= 0) break;
      sent += static_cast<std::size_t>(m);
    }
  }
  link->shut();
}

}  // namespace hostler::testing
