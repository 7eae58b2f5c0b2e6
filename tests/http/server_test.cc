// The HTTP port against clients that are slow, greedy, broken or not let in.
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "http/server.h"
#include "support/catch.h"
#include "support/http.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

http::ServerOptions any_port() {
  http::ServerOptions options;
  options.listen = "127.0.0.1:0";
  return options;
}

http::Response echo(std::string_view path) { return {200, "text/plain", "you asked for " + std::string(path) + "\n"}; }

std::unique_ptr<http::Server> serve(const http::ServerOptions& options, http::Respond respond = echo) {
  auto server = http::Server::start(options, std::move(respond));
  if (!server) FAIL(server.error().message);
  return std::move(*server);
}

std::string why_not(const http::ServerOptions& options) {
  auto server = http::Server::start(options, echo);
  REQUIRE_FALSE(server);
  return server.error().message;
}

}  // namespace

TEST_CASE("a GET is answered, its query ignored, and a HEAD has the same headers") {
  const auto server = serve(any_port());
  const auto get = http_get(server->port(), "/livez?verbose");
  CHECK(get.status == 200);
  CHECK(get.body == "you asked for /livez\n");
  const auto head = http_get(server->port(), "/livez", "", "HEAD");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK_THAT(head.headers, contains("Content-Length: 21"));
  CHECK(http_get(server->port(), "/", "Content-Length: 0\r\n", "POST").status == 405);
}

TEST_CASE("a connection serves one request after the other") {
  const auto server = serve(any_port());
  const Socket socket(server->port());
  for (int i = 0; i < 3; ++i) {
    REQUIRE(socket.send("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    CHECK_THAT(socket.receive(std::chrono::milliseconds(300)), contains("you asked for /" + std::to_string(i)));
  }
}

TEST_CASE("an answer that throws is a 500, and the port goes on") {
  std::atomic<bool> broken{true};
  const auto server = serve(any_port(), [&](std::string_view path) {
    if (broken) throw std::runtime_error("no figures");
    return echo(path);
  });
  const auto reply = http_get(server->port(), "/");
  CHECK(reply.status == 500);
  CHECK_THAT(reply.body, contains("no figures"));
  broken = false;
  CHECK(http_get(server->port(), "/").status == 200);
}

TEST_CASE("with a token TCP clients must bear it, and who may open the UNIX socket need not") {
  const TempDir folder;
  auto options = any_port();
  options.token = "s3cret";
  options.unix_path = (folder.path() / "http.sock").string();
  const auto server = serve(options);
  CHECK(http_get(server->port(), "/").status == 401);
  CHECK(http_get(server->port(), "/", "Authorization: Bearer s3creT\r\n").status == 401);
  CHECK(http_get(server->port(), "/", "Authorization: Bearer s3cret\r\n").status == 200);
  CHECK(http_get(options.unix_path, "/").status == 200);
}

TEST_CASE("the UNIX socket of a killed process is taken over, a living one and another file are not") {
  const TempDir folder;
  http::ServerOptions options;
  options.unix_path = (folder.path() / "http.sock").string();
  {
    const auto server = serve(options);
    CHECK(http_get(options.unix_path, "/").status == 200);
    CHECK_THAT(why_not(options), contains("another process listens there"));
  }
  CHECK_FALSE(std::filesystem::exists(options.unix_path));
  {
    // What a killed process leaves: a socket that nobody accepts on.
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    options.unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    close(fd);
  }
  CHECK(http_get(options.unix_path, "/").status == 0);
  const auto again = serve(options);
  CHECK(http_get(options.unix_path, "/").status == 200);
  auto other = options;
  other.unix_path = (folder.path() / "a file").string();
  std::ofstream(other.unix_path) << "mine";
  CHECK_THAT(why_not(other), contains("no socket"));
}

TEST_CASE("a port that is taken, a bad address, a missing certificate: one line with the key") {
  const auto server = serve(any_port());
  auto taken = any_port();
  taken.listen = "127.0.0.1:" + std::to_string(server->port());
  CHECK_THAT(why_not(taken), contains("[http] listen") && contains("take another port"));
  for (const char* bad : {"nonsense", "127.0.0.1:", "127.0.0.1:http?"}) {
    auto options = any_port();
    options.listen = bad;
    CHECK_THAT(why_not(options), contains("[http] listen"));
  }
  auto tls = any_port();
  tls.tls_certificate = tls.tls_key = "/nonexistent.pem";
  CHECK_THAT(why_not(tls), contains("tls_certificate /nonexistent.pem"));
}

TEST_CASE("what is no request gets a 400 or nothing, what is too large a 431, and the port goes on") {
  const auto server = serve(any_port());
  const auto say = [&](const std::string& bytes) {
    const Socket socket(server->port());
    socket.send(bytes);
    return parse_reply(socket.receive(std::chrono::seconds(10))).status;
  };
  CHECK(say("\x16\x03\x01 this is no HTTP\r\n\r\n") == 400);
  CHECK(say(std::string(100'000, 'x')) != 200);
  CHECK(say("GET / HTTP/1.1\r\nX: " + std::string(64 * 1024, 'y') + "\r\n\r\n") == 431);
  CHECK(say("GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n") == 431);
  CHECK(say(std::string("GET /\0 HTTP/1.1\r\n\r\n", 19)) == 400);
  CHECK(http_get(server->port(), "/").status == 200);
}

TEST_CASE("forty clients that dribble their requests keep nobody waiting") {
  const auto server = serve(any_port());
  std::vector<Socket> slow;
  for (int i = 0; i < 40; ++i) REQUIRE(slow.emplace_back(server->port()).send("GET / HT"));
  for (int i = 0; i < 50; ++i) {
    for (const auto& socket : slow) socket.send("T");
    CHECK(http_get(server->port(), "/").status == 200);
  }
}

TEST_CASE("a client that says nothing is sent away after the time for a request") {
  auto options = any_port();
  options.request_timeout = std::chrono::milliseconds(200);
  const auto server = serve(options);
  const Socket silent(server->port());
  REQUIRE(silent.send("GET / HTTP/1.1\r\n"));
  CHECK(silent.receive(std::chrono::seconds(10)).empty());  // closed: it would take ten seconds otherwise
  const Socket idle(server->port());
  REQUIRE(idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  CHECK_THAT(idle.receive(std::chrono::seconds(10)), contains("you asked for"));
}

TEST_CASE("ten thousand connections are open at once, and a request is answered") {
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  const std::size_t wanted = std::min<std::size_t>(10'000, limit.rlim_cur / 2 - 200);
  auto options = any_port();
  options.request_timeout = std::chrono::seconds(60);
  const auto server = serve(options);
  std::vector<Socket> greedy;
  greedy.reserve(wanted);
  for (std::size_t i = 0; i < wanted; ++i) {
    REQUIRE(greedy.emplace_back(server->port()).connected());
    if (i % 500 == 0) CHECK(http_get(server->port(), "/").status == 200);
  }
  CHECK(http_get(server->port(), "/").status == 200);
}

TEST_CASE("with a certificate the port speaks TLS 1.2 and up, and plain clients get nothing") {
  const TempDir folder;
  auto options = any_port();
  options.tls_certificate = (folder.path() / "cert.pem").string();
  options.tls_key = (folder.path() / "key.pem").string();
  const auto made = run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-keyout", options.tls_key, "-out", options.tls_certificate});
  REQUIRE(made.status.code == 0);
  const auto server = serve(options);
  const auto ask = [&](long most) {
    const Socket socket(server->port());
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    SSL_CTX_set_max_proto_version(context.get(), static_cast<int>(most));
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
    SSL_set_fd(ssl.get(), socket.fd());
    if (SSL_connect(ssl.get()) != 1) return std::string("no handshake");
    const std::string request = "GET /tls HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    SSL_write(ssl.get(), request.data(), static_cast<int>(request.size()));
    std::string reply(4096, '\0');
    reply.resize(static_cast<std::size_t>(std::max(0, SSL_read(ssl.get(), reply.data(), 4096))));
    return reply;
  };
  CHECK_THAT(ask(0), contains("200 OK"));
  CHECK(ask(TLS1_1_VERSION) == "no handshake");
  CHECK(http_get(server->port(), "/").status == 0);
}
