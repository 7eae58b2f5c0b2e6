// Finds and loads plugin files. A loaded file is never unloaded: old code may still be on a stack. Start-up only; one thread.
#pragma once

#include <hostler/plugin.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace hostler::plugin {

// The absolute path of a plugin as a configuration names it: as is if absolute, else the first match in `dirs`.
// The error lists where it was looked for.
[[nodiscard]] core::Result<std::string> find_plugin(const std::string& name, const std::vector<std::string>& dirs);

class Plugin {
 public:
  Plugin(std::string path, const hostler_plugin* table) : path_(std::move(path)), table_(table) {}
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const hostler_plugin& table() const { return *table_; }
  // Null if the plugin has no such handler.
  [[nodiscard]] const hostler_handler_desc* find_handler(std::string_view id) const;
  [[nodiscard]] std::vector<std::string_view> handler_ids() const;

 private:
  std::string path_;
  const hostler_plugin* table_;
};

// Loads the file, passes the version gate, calls module_init once per file. One clear line on failure: file, reason, mend.
[[nodiscard]] core::Result<std::shared_ptr<const Plugin>> load_plugin(const std::string& path);

// Text of a border string; empty if it is null.
[[nodiscard]] inline std::string_view to_view(hostler_str s) { return s.data == nullptr ? std::string_view() : std::string_view(s.data, s.len); }
[[nodiscard]] inline hostler_str to_border(std::string_view s) { return {s.data() == nullptr ? "" : s.data(), s.size()}; }
// An error to hand to the plugin, and what it wrote into it ("no message" if nothing).
[[nodiscard]] hostler_error empty_error();
[[nodiscard]] std::string message_of(const hostler_error& error);

}  // namespace hostler::plugin
