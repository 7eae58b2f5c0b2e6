// [host] and [http].
#include <algorithm>
#include <charconv>

#include "config/handler.h" // beside()
#include "config/tables.h"

namespace hostler::config {

void read_host(const Section& section, core::HostConfig& config) {
  section.read("name", config.name);
  section.read_size("memory", config.memory_bytes);
  std::vector<Section::Text> folders;
  config.plugin_dirs = {"/usr/local/lib/hostler/plugins",
                        "/usr/lib/" HOSTLER_LIBRARY_ARCHITECTURE "/hostler/plugins"};
  if (section.read("plugin_dirs", folders, config.plugin_dirs)) {
    config.plugin_dirs.clear();
    for (const Section::Text& folder : folders) config.plugin_dirs.push_back(beside(folder.at, folder.text));
  }
  std::string_view level = config.log_level;
  using std::string_view_literals::operator""sv;
  section.read_word("log_level", level, {"debug"sv, "info"sv, "warn"sv, "error"sv});
  config.log_level = level;
  using core::LogFormat;
  section.read_word("log_format", config.log_format,
                    {LogFormat::automatic, LogFormat::human, LogFormat::json, LogFormat::journald});
  section.read_path("log_file", config.log_file);
  section.read_path("state_dir", config.state_dir);
  section.read_path("audit_log", config.audit_log);
  section.read("drain_timeout", config.drain_timeout);
}

void read_http(const Section& section, core::HttpConfig& config) {
  // Empty means off, so it is a value here.
  if (const Node* const listen = section.find("listen");
      listen != nullptr && listen->kind == Node::Kind::string && listen->text.empty()) {
    config.listen.clear();
    section.came_to("listen", toml_string(""));
  } else if (section.read("listen", config.listen)) {
    const std::size_t colon = config.listen.rfind(':');
    unsigned port = 0;
    const char* const end = config.listen.data() + config.listen.size();
    const char* const digits = colon == std::string::npos ? end : config.listen.data() + colon + 1;
    const auto [stop, failure] = std::from_chars(digits, end, port);
    // Port 0 takes a free one.
    if (failure != std::errc() || stop != end || port > 65535 || colon == 0)
      section.wrong("listen", "is " + in_quotes(config.listen) +
                                  "; it can be host:port, such as \"127.0.0.1:9464\", or \"\" for none");
  }
  section.read_path("unix", config.unix_socket);
  constexpr std::size_t longest_socket = 107; // sockaddr_un
  if (config.unix_socket.size() > longest_socket)
    section.wrong("unix", "is longer than the 107 bytes that a socket's path can have");
  section.read_path("token_file", config.token_file);
  section.read_path("tls_certificate", config.tls_certificate);
  section.read_path("tls_key", config.tls_key);
  if (config.tls_certificate.empty() != config.tls_key.empty()) {
    section.wrong(config.tls_key.empty() ? "tls_certificate" : "tls_key",
                  std::string("needs '") + (config.tls_key.empty() ? "tls_key" : "tls_certificate") + "' too");
  }
  section.read("max_connections", config.max_connections);
}

} // namespace hostler::config
