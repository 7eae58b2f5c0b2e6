#include "support/tcp_proxy.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

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
    if (server >= 0) close(server);
  }
};

TcpProxy::TcpProxy(std::string server) : server_(std::move(server)) {
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

void TcpProxy::connect_to(std::string server) {
  const std::lock_guard lock(mutex_);
  server_ = std::move(server);
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

void TcpProxy::cut_after(std::size_t bytes, Way way, End end) {
  const std::lock_guard lock(mutex_);
  cut_ = Cut{bytes, way, end};
}

bool TcpProxy::cut_is_due() const {
  const std::lock_guard lock(mutex_);
  return cut_.has_value();
}

std::optional<TcpProxy::Cut> TcpProxy::take_cut(std::size_t size, Way way) {
  const std::lock_guard lock(mutex_);
  if (!cut_ || cut_->way != way) return std::nullopt;
  if (size < cut_->bytes) {
    cut_->bytes -= size;
    return std::nullopt;
  }
  return std::exchange(cut_, std::nullopt);
}

int TcpProxy::connect_server() const {
  std::string server;
  {
    const std::lock_guard lock(mutex_);
    server = server_;
  }
  if (server.empty()) return -1;
  if (server.starts_with('/')) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, server.c_str(), sizeof address.sun_path - 1);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    close(fd);
    return -1;
  }
  const auto colon = server.rfind(':');
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_family = AF_INET;
  if (getaddrinfo(server.substr(0, colon).c_str(), server.substr(colon + 1).c_str(), &hints, &found) != 0)
    return -1;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = connect(fd, found->ai_addr, found->ai_addrlen) == 0;
  freeaddrinfo(found);
  if (connected) return fd;
  close(fd);
  return -1;
}

void TcpProxy::accept_loop() {
  while (!stop_) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) serve(client);
  }
}

void TcpProxy::serve(int client) {
  auto link = std::make_shared<Link>();
  link->client = client;
  link->server = connect_server();
  if (link->server < 0) return; // closes the client's side
  const std::lock_guard lock(mutex_);
  link->silent = silent_;
  links_.push_back(link);
  for (const Way way : {Way::to_server, Way::to_client})
    threads_.emplace_back([this, link, way] { pump(link, way); });
}

void TcpProxy::pump(const std::shared_ptr<Link>& link, Way way) {
  const int from = way == Way::to_server ? link->client : link->server,
            to = way == Way::to_server ? link->server : link->client;
  std::array<char, 65536> buffer{};
  while (true) {
    const auto n = recv(from, buffer.data(), buffer.size(), 0);
    if (n <= 0 && link->silent) return; // the other side does not learn of it
    if (n <= 0) break;
    if (link->silent) continue;
    if (const auto time = delay_.load(); time.count() > 0) std::this_thread::sleep_for(time);
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    if (way == Way::to_server) {
      const std::lock_guard lock(mutex_);
      if (!trigger_.empty() && bytes.find(trigger_) != std::string_view::npos) {
        link->swallowing = true;
        trigger_.clear();
      }
      if (!last_words_.empty() && bytes.find(last_words_) != std::string_view::npos) link->silent = true;
    } else if (link->swallowing) {
      break; // the server has answered
    }
    const auto cut = take_cut(bytes.size(), way);
    if (cut) bytes = bytes.substr(0, cut->bytes);
    while (!bytes.empty()) {
      const auto m = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (m <= 0) break;
      bytes.remove_prefix(static_cast<std::size_t>(m));
    }
    if (cut && cut->end == End::one) {
      shutdown(to, SHUT_WR);
      return;
    }
    if (cut) break;
  }
  link->shut();
}

namespace {

std::string socket_of(PGconn* c) {
  const std::string host = PQhost(c), port = PQport(c);
  return host.starts_with('/') ? host + "/.s.PGSQL." + port : host + ":" + port;
}

} // namespace

PostgresProxy::PostgresProxy(const std::string& server_url) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> c(PQconnectdb(server_url.c_str()), &PQfinish);
  if (PQstatus(c.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(c.get()));
  user_ = PQuser(c.get());
  database_ = PQdb(c.get());
  connect_to(socket_of(c.get()));
}

std::string PostgresProxy::url(const std::string& options) const {
  return "postgresql://" + user_ + "@127.0.0.1:" + std::to_string(port()) + "/" + database_ +
         "?sslmode=disable&gssencmode=disable&options=" + options;
}

} // namespace hostler::testing
