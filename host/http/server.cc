#include "http/server.h"

#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <list>
#include <optional>
#include <thread>
#include <utility>

namespace hostler::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace web = boost::beast::http;
using boost::system::error_code;
using asio::ip::tcp;
using asio::local::stream_protocol;

constexpr std::size_t most_header_bytes = 8 * 1024, most_body_bytes = 1024;
constexpr core::Millis pause_after_failed_accept{100};

// What a connection needs of the server.
struct Shared {
  Respond respond;
  std::string authorization;  // the only one that is let in; empty: everybody
  core::Millis timeout;
};

class Connection {
 public:
  virtual ~Connection() = default;
  virtual void start() = 0;
  virtual void close() = 0;
};

// Connections in the order of their last request; the oldest goes when there are too many.
class Connections {
 public:
  explicit Connections(std::size_t most) : most_(most) {}
  using Place = std::list<std::shared_ptr<Connection>>::iterator;

  Place add(std::shared_ptr<Connection> connection) {
    if (all_.size() >= most_) all_.front()->close();
    return all_.insert(all_.end(), std::move(connection));
  }
  void served(Place place) { all_.splice(all_.end(), all_, place); }
  void remove(Place place) { all_.erase(place); }
  void close_all() {
    while (!all_.empty()) all_.front()->close();
  }

 private:
  const std::size_t most_;
  std::list<std::shared_ptr<Connection>> all_;
};

bool equal_in_constant_time(std::string_view a, std::string_view b) { return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

web::response<web::string_body> plain(web::status status, std::string text) {
  web::response<web::string_body> out{status, 11};
  out.set(web::field::content_type, "text/plain; charset=utf-8");
  out.body() = std::move(text);
  return out;
}

web::response<web::string_body> answer(const Shared& shared, const web::request<web::string_body>& request, bool trusted) {
  if (!trusted && !shared.authorization.empty()) {
    const auto given = request[web::field::authorization];
    if (!equal_in_constant_time({given.data(), given.size()}, shared.authorization)) {
      auto refused = plain(web::status::unauthorized, "a bearer token is needed\n");
      refused.set(web::field::www_authenticate, "Bearer");
      return refused;
    }
  }
  if (request.method() != web::verb::get && request.method() != web::verb::head) {
    auto refused = plain(web::status::method_not_allowed, "only GET and HEAD\n");
    refused.set(web::field::allow, "GET, HEAD");
    return refused;
  }
  const auto target = request.target();
  const std::string_view path{target.data(), std::min(target.find('?'), target.size())};
  try {
    auto response = shared.respond(path);
    web::response<web::string_body> out{static_cast<web::status>(response.status), 11};
    out.set(web::field::content_type, response.content_type);
    out.set(web::field::cache_control, "no-store");
    out.body() = std::move(response.body);
    return out;
  } catch (const std::exception& e) {
    return plain(web::status::internal_server_error, std::string("the answer could not be made: ") + e.what() + "\n");
  }
}

beast::tcp_stream& lowest(beast::tcp_stream& stream) { return stream; }
beast::tcp_stream& lowest(beast::ssl_stream<beast::tcp_stream>& stream) { return stream.next_layer(); }
using UnixStream = beast::basic_stream<stream_protocol>;
UnixStream& lowest(UnixStream& stream) { return stream; }

template <class Stream>
class Session final : public Connection, public std::enable_shared_from_this<Session<Stream>> {
 public:
  template <class... Arguments>
  Session(std::shared_ptr<const Shared> shared, Connections& connections, Arguments&&... arguments)
      : shared_(std::move(shared)), connections_(connections), stream_(std::forward<Arguments>(arguments)...) {}

  void start() override {
    place_ = connections_.add(this->shared_from_this());
    lowest(stream_).expires_after(shared_->timeout);
    if constexpr (std::is_same_v<Stream, beast::ssl_stream<beast::tcp_stream>>) {
      stream_.async_handshake(asio::ssl::stream_base::server, [self = this->shared_from_this()](error_code failed) {
        if (failed) return self->close();
        self->read();
      });
    } else {
      read();
    }
  }
  void close() override {
    if (!place_) return;
    const auto keep = this->shared_from_this();
    connections_.remove(*std::exchange(place_, std::nullopt));
    lowest(stream_).close();
  }

 private:
  void read() {
    parser_.emplace();
    parser_->header_limit(most_header_bytes);
    parser_->body_limit(most_body_bytes);
    lowest(stream_).expires_after(shared_->timeout);
    web::async_read(stream_, buffer_, *parser_, [self = this->shared_from_this()](error_code failed, std::size_t) { self->on_read(failed); });
  }
  void on_read(error_code failed) {
    if (!place_) return;
    if (failed == web::error::header_limit || failed == web::error::body_limit) return write(plain(web::status::request_header_fields_too_large, "the request is too large\n"), true);
    if (failed && failed.category() == web::make_error_code(web::error::bad_method).category() && failed != web::error::end_of_stream && failed != web::error::partial_message) {
      return write(plain(web::status::bad_request, "this is no HTTP request\n"), true);
    }
    if (failed) return close();
    connections_.served(*place_);
    const auto& request = parser_->get();
    auto response = answer(*shared_, request, std::is_same_v<Stream, UnixStream>);
    response.version(request.version());
    head_ = request.method() == web::verb::head;
    write(std::move(response), !request.keep_alive());
  }
  void write(web::response<web::string_body> response, bool last) {
    response.keep_alive(!last);
    response.prepare_payload();
    if (std::exchange(head_, false)) response.body().clear();  // the length stays
    response_ = std::move(response);
    lowest(stream_).expires_after(shared_->timeout);
    web::async_write(stream_, response_, [self = this->shared_from_this(), last](error_code failed, std::size_t) {
      if (!self->place_) return;
      if (failed || last) return self->close();
      self->read();
    });
  }

  const std::shared_ptr<const Shared> shared_;
  Connections& connections_;
  std::optional<Connections::Place> place_;
  Stream stream_;
  beast::flat_static_buffer<most_header_bytes + most_body_bytes> buffer_;
  std::optional<web::request_parser<web::string_body>> parser_;
  web::response<web::string_body> response_;
  bool head_ = false;
};

struct Address {
  std::string host, port;
};

std::optional<Address> parse(const std::string& listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos || colon + 1 == listen.size()) return std::nullopt;
  std::string host = listen.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "*") host = "0.0.0.0";
  return Address{host, listen.substr(colon + 1)};
}

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerOptions& options, Respond respond) : options_(options), connections_(options.max_connections), tcp_(io_), local_(io_), tls_(asio::ssl::context::tls_server) {
    auto shared = std::make_shared<Shared>();
    shared->respond = std::move(respond);
    if (!options.token.empty()) shared->authorization = "Bearer " + options.token;
    shared->timeout = options.request_timeout;
    shared_ = std::move(shared);
  }
  ~Impl() {
    asio::post(io_, [this] {
      error_code ignored;
      tcp_.close(ignored);
      local_.close(ignored);
      connections_.close_all();
    });
    if (thread_.joinable()) thread_.join();
    if (local_open_) unlink(options_.unix_path.c_str());
  }

  core::Status<> open() {
    if (auto opened = open_tls(); !opened) return opened;
    if (auto opened = open_tcp(); !opened) return opened;
    if (auto opened = open_local(); !opened) return opened;
    if (tcp_.is_open()) accept(tcp_);
    if (local_.is_open()) accept(local_);
    thread_ = std::thread([this] { io_.run(); });
    return core::Status<>::success();
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  core::Status<> open_tls() {
    if (options_.tls_certificate.empty()) return core::Status<>::success();
    error_code failed;
    tls_.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 | asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    tls_.use_certificate_chain_file(options_.tls_certificate, failed);
    if (failed) return core::Error{"[http] tls_certificate " + options_.tls_certificate + ": " + failed.message() + "; a PEM file is needed that this user may read"};
    tls_.use_private_key_file(options_.tls_key, asio::ssl::context::pem, failed);
    if (failed) return core::Error{"[http] tls_key " + options_.tls_key + ": " + failed.message() + "; the PEM key of the certificate is needed"};
    return core::Status<>::success();
  }
  core::Status<> open_tcp() {
    if (options_.listen.empty()) return core::Status<>::success();
    const auto address = parse(options_.listen);
    if (!address) return core::Error{"[http] listen = \"" + options_.listen + "\": host:port is needed, as in 127.0.0.1:9464"};
    error_code failed;
    const auto found = tcp::resolver(io_).resolve(address->host, address->port, tcp::resolver::passive, failed);
    if (failed || found.empty()) return core::Error{"[http] listen = \"" + options_.listen + "\": " + failed.message()};
    const tcp::endpoint endpoint = *found.begin();
    tcp_.open(endpoint.protocol(), failed);
    if (!failed) tcp_.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed) tcp_.bind(endpoint, failed);
    if (!failed) tcp_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) return core::Error{"[http] listen = \"" + options_.listen + "\": " + failed.message() + "; take another port, or \"\" for none"};
    port_ = tcp_.local_endpoint().port();
    return core::Status<>::success();
  }
  core::Status<> open_local() {
    const auto& path = options_.unix_path;
    if (path.empty()) return core::Status<>::success();
    struct stat status {};
    if (lstat(path.c_str(), &status) == 0) {
      if (!S_ISSOCK(status.st_mode)) return core::Error{"[http] unix = \"" + path + "\": something else is there, and it is no socket"};
      error_code failed;
      stream_protocol::socket probe(io_);
      probe.connect(stream_protocol::endpoint(path), failed);
      if (!failed) return core::Error{"[http] unix = \"" + path + "\": another process listens there"};
      unlink(path.c_str());  // of a process that was killed
    }
    if (path.size() >= sizeof(sockaddr_un{}.sun_path)) return core::Error{"[http] unix = \"" + path + "\": longer than the 107 bytes that a socket's path may have"};
    error_code failed;
    local_.open(stream_protocol(), failed);
    if (!failed) local_.bind(stream_protocol::endpoint(path), failed);
    if (!failed && chmod(path.c_str(), 0660) != 0) failed = error_code(errno, boost::system::system_category());
    if (!failed) local_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) return core::Error{"[http] unix = \"" + path + "\": " + failed.message() + "; the folder must exist and be writable"};
    local_open_ = true;
    return core::Status<>::success();
  }

  template <class Acceptor>
  void accept(Acceptor& acceptor) {
    acceptor.async_accept([this, &acceptor](error_code failed, typename Acceptor::protocol_type::socket socket) {
      if (!acceptor.is_open()) return;
      if (failed) {  // no descriptors left: those that end make room
        const auto pause = std::make_shared<asio::steady_timer>(io_, pause_after_failed_accept);
        pause->async_wait([this, &acceptor, pause](error_code) {
          if (acceptor.is_open()) accept(acceptor);
        });
        return;
      }
      serve(std::move(socket));
      accept(acceptor);
    });
  }
  void serve(tcp::socket socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (options_.tls_certificate.empty()) std::make_shared<Session<beast::tcp_stream>>(shared_, connections_, std::move(socket))->start();
    else std::make_shared<Session<beast::ssl_stream<beast::tcp_stream>>>(shared_, connections_, beast::tcp_stream(std::move(socket)), tls_)->start();
  }
  void serve(stream_protocol::socket socket) { std::make_shared<Session<UnixStream>>(shared_, connections_, std::move(socket))->start(); }

  const ServerOptions options_;
  std::shared_ptr<const Shared> shared_;
  asio::io_context io_{1};
  Connections connections_;
  tcp::acceptor tcp_;
  stream_protocol::acceptor local_;
  asio::ssl::context tls_;
  std::uint16_t port_ = 0;
  bool local_open_ = false;
  std::thread thread_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
std::uint16_t Server::port() const { return impl_->port(); }

core::Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Respond respond) {
  auto impl = std::make_unique<Impl>(options, std::move(respond));
  if (auto opened = impl->open(); !opened) return opened.error();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

}  // namespace hostler::http
