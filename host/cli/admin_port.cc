#include "cli/admin_port.h"

#include <cctype>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "http/pages.h"
#include "runtime/log.h"

namespace hostler::cli {
namespace {

core::Result<std::string> read_token(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::string token = text.str();
  while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back())) != 0) token.pop_back();
  if (!file || token.empty()) return core::Error{"[http] token_file = \"" + path + "\" holds no token that this user can read"};
  return token;
}

}  // namespace

core::Result<std::unique_ptr<http::Server>> open_admin_port(const core::HttpConfig& config, const Host& host, const http::Metrics& metrics) {
  if (config.listen.empty() && config.unix_socket.empty()) return std::unique_ptr<http::Server>();
  http::ServerOptions options;
  options.listen = config.listen;
  options.unix_path = config.unix_socket;
  options.tls_certificate = config.tls_certificate;
  options.tls_key = config.tls_key;
  options.max_connections = config.max_connections;
  if (!config.token_file.empty()) {
    auto token = read_token(config.token_file);
    if (!token) return token.error();
    options.token = std::move(*token);
  }
  auto server = http::Server::start(options, http::pages([&host] { return host.health(); }, metrics));
  if (!server) return server.error();
  std::string where = config.unix_socket;
  if ((*server)->port() != 0) {
    const std::string address = config.listen.substr(0, config.listen.rfind(':')) + ":" + std::to_string((*server)->port());
    where = (config.tls_certificate.empty() ? "http://" : "https://") + address + (where.empty() ? "" : " and " + where);
  }
  runtime::log(runtime::LogLevel::info, "health and metrics: " + where + " (/livez /readyz /health /metrics)");
  return server;
}

}  // namespace hostler::cli
