// The host's own HTTP port: one thread, TCP and a UNIX socket, small answers. Slow, idle and greedy clients cost each other, never the
// records' way: connections are bounded, and when all are taken the one that has waited longest without a request goes.
// Thread-safety: made and ended by one thread; `respond` is called on the server's own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/types.h"

namespace hostler::http {

struct Response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Answers a GET for a path (without its query); must be quick.
using Respond = std::function<Response(std::string_view path)>;

struct ServerOptions {
  std::string listen;                 // host:port, "[::1]:9464", port 0: any; empty: no TCP
  std::string unix_path;              // of a socket; empty: none. Who may open it is asked for no token
  std::string token;                  // that TCP clients must bear; empty: none
  std::string tls_certificate, tls_key;  // PEM files; empty: no TLS
  std::size_t max_connections = 128;
  core::Millis request_timeout{5'000};   // for a handshake and a request, and for an idle connection
};

class Server {
 public:
  // Errors name the address or file. The port is open on return.
  [[nodiscard]] static core::Result<std::unique_ptr<Server>> start(const ServerOptions& options, Respond respond);
  ~Server();  // closes everything at once
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;  // of TCP; 0: none

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hostler::http
