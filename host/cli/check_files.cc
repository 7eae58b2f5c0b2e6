#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "cli/check.h"

namespace hostler::cli {
namespace {

using Level = Finding::Level;
namespace fs = std::filesystem;

class FileCheck {
 public:
  explicit FileCheck(Findings& out) : out_(out) {}

  void readable(const std::string& key, const std::string& path) {
    if (path.empty() || ::access(path.c_str(), R_OK) == 0) return;
    add(Level::wrong, key + ": " + path + " cannot be read: " + std::strerror(errno));
  }

  // Only its owner should read it.
  void secret(const std::string& key, const std::string& path) {
    if (path.empty()) return;
    readable(key, path);
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IRGRP | S_IROTH)) != 0)
      add(Level::warning, key + ": " + path + " can be read by others; run: chmod 600 " + path);
  }

  // A folder to make files in, or to make.
  void folder(const std::string& key, const std::string& path) {
    if (path.empty()) return;
    std::error_code ignored;
    fs::path there = path;
    while (!fs::exists(there, ignored) && there.has_relative_path()) there = there.parent_path();
    if (fs::is_directory(there, ignored) && ::access(there.c_str(), W_OK | X_OK) == 0) return;
    add(Level::wrong, key + ": " + path + " cannot be made or written in (see " + there.string() + ")");
  }

  // A file to append to, or to make.
  void writable(const std::string& key, const std::string& path) {
    if (path.empty()) return;
    std::error_code ignored;
    const std::string target = fs::exists(path, ignored) ? path : fs::path(path).parent_path().string();
    if (::access(target.c_str(), W_OK) == 0) return;
    add(Level::wrong, key + ": " + target + " cannot be written: " + std::strerror(errno));
  }

 private:
  void add(Level level, std::string text) { out_.push_back({level, "file", std::move(text)}); }
  Findings& out_;
};

void check_cluster(const std::string& title, const core::KafkaConfig& cluster, FileCheck& files) {
  for (const char* const name : {"ssl.ca.location", "ssl.certificate.location", "ssl.crl.location"}) {
    if (const auto found = cluster.properties.find(name); found != cluster.properties.end() && found->second != "probe")
      files.readable(title + " " + name, found->second);
  }
  for (const char* const name : {"ssl.key.location", "ssl.keystore.location", "sasl.kerberos.keytab"}) {
    if (const auto found = cluster.properties.find(name); found != cluster.properties.end())
      files.secret(title + " " + name, found->second);
  }
}

} // namespace

void check_files(const core::HostConfig& config, Findings& out) {
  FileCheck files(out);
  files.secret("[http] token_file", config.http.token_file);
  files.readable("[http] tls_certificate", config.http.tls_certificate);
  files.secret("[http] tls_key", config.http.tls_key);
  files.folder("[host] state_dir", config.state_dir);
  files.writable("[host] log_file", config.log_file);
  files.writable("[host] audit_log", config.audit_log);
  check_cluster("[kafka]", config.kafka, files);
  for (const auto& [name, cluster] : config.clusters) check_cluster("[kafka.clusters." + name + "]", cluster, files);
}

} // namespace hostler::cli
