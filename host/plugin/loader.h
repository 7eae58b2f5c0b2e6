// Finds and loads plugin files. Nothing of a file is believed before it has been checked and tried in a child process; see
// host/adr/0011. A loaded file is never unloaded: old code may still be on a stack. One thread at a time.
#pragma once

#include <hostler/plugin.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "plugin/probe.h"

namespace hostler::plugin {

// The absolute path of a plugin as a configuration names it: as is if absolute, else the first match in `dirs`.
// The error lists where it was looked for.
[[nodiscard]] core::Result<std::string> find_plugin(const std::string& name, const std::vector<std::string>& dirs);

class Plugin {
 public:
  Plugin(std::string path, std::string sha256, const hostler_plugin* table)
      : path_(std::move(path)), sha256_(std::move(sha256)), table_(table) {}
  [[nodiscard]] const std::string& path() const { return path_; }      // without symbolic links
  [[nodiscard]] const std::string& sha256() const { return sha256_; }  // of what was loaded, 64 lower-case hex digits
  [[nodiscard]] const hostler_plugin& table() const { return *table_; }
  // Null if the plugin has no such handler.
  [[nodiscard]] const hostler_handler_desc* find_handler(std::string_view id) const;
  [[nodiscard]] std::vector<std::string_view> handler_ids() const;

 private:
  std::string path_, sha256_;
  const hostler_plugin* table_;
};

struct LoadOptions {
  std::string sha256;  // what the file must have, 64 hex digits; empty: any
  ProbeOptions probe;
};

// Checks the file, tries it in a child process, loads it, passes the version gate, calls module_init. A file that has not changed is
// loaded once, a changed one beside the old. On failure one line: file, reason, mend.
[[nodiscard]] core::Result<std::shared_ptr<const Plugin>> load_plugin(const std::string& path, const LoadOptions& options = {});

// Text of a border string; empty if it is null.
[[nodiscard]] inline std::string_view to_view(hostler_str s) { return s.data == nullptr ? std::string_view() : std::string_view(s.data, s.len); }
[[nodiscard]] inline hostler_str to_border(std::string_view s) { return {s.data() == nullptr ? "" : s.data(), s.size()}; }
// An error to hand to the plugin, and what it wrote into it ("no message" if nothing).
[[nodiscard]] hostler_error empty_error();
[[nodiscard]] std::string message_of(const hostler_error& error);

}  // namespace hostler::plugin
