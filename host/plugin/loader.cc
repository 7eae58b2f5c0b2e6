#include "plugin/loader.h"

#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <cstring>
#include <filesystem>
#include <map>
#include <utility>

namespace hostler::plugin {
namespace {

namespace fs = std::filesystem;
namespace dll = boost::dll;

constexpr const char* entry_name = "hostler_plugin_entry_v1";

std::string version(unsigned major, unsigned minor) { return std::to_string(major) + "." + std::to_string(minor); }

// The gate: another major never; while major is 0 the minor it was built with must be ours; later what it requires.
core::Status<> check_version(const std::string& path, const hostler_plugin& table) {
  const std::string ours = version(HOSTLER_ABI_MAJOR, HOSTLER_ABI_MINOR);
  const std::string mend = "; build the plugin against the plugin API " + ours + " or use a host that fits";
  if (!HOSTLER_HAS(&table, hostler_plugin, create)) {
    return core::Error{path + ": its plugin table is " + std::to_string(table.struct_size) + " bytes, too small for plugin API " + ours + mend};
  }
  if (table.abi_major != HOSTLER_ABI_MAJOR || (HOSTLER_ABI_MAJOR == 0 && table.abi_minor_built != HOSTLER_ABI_MINOR)) {
    return core::Error{path + ": built for plugin API " + version(table.abi_major, table.abi_minor_built) + ", this host has " + ours + mend};
  }
  if (table.abi_minor_required > HOSTLER_ABI_MINOR) {
    return core::Error{path + ": needs plugin API " + version(table.abi_major, table.abi_minor_required) + ", this host has " + ours + mend};
  }
  if (table.handler_count == nullptr || table.handler_at == nullptr || table.create == nullptr) {
    return core::Error{path + ": handler_count, handler_at or create is null in its plugin table; fill them in"};
  }
  return core::Status<>::success();
}

}  // namespace

core::Result<std::string> find_plugin(const std::string& name, const std::vector<std::string>& dirs) {
  std::error_code ignored;
  if (fs::path(name).is_absolute()) {
    if (fs::is_regular_file(name, ignored)) return name;
    return core::Error{"plugin " + name + " is not a file"};
  }
  std::string looked;
  for (const auto& dir : dirs) {
    const fs::path path = fs::absolute(fs::path(dir) / name, ignored);
    if (fs::is_regular_file(path, ignored)) return path.string();
    looked += (looked.empty() ? "" : ", ") + path.string();
  }
  return core::Error{"plugin " + name + " was not found" + (looked.empty() ? "; plugin_dirs is empty: name the folders in [host], or give an absolute path" : "; looked for " + looked)};
}

core::Result<std::shared_ptr<const Plugin>> load_plugin(const std::string& path) {
  static std::map<std::string, std::shared_ptr<const Plugin>> loaded;  // by path; start-up runs on one thread
  if (const auto found = loaded.find(path); found != loaded.end()) return found->second;

  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return core::Error{path + ": not a file; check `plugin` and `plugin_dirs`"};
  const auto mode = static_cast<dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  dll::fs::error_code failed;
  dll::shared_library library;
  library.load(fs::absolute(path).string(), failed, mode);
  if (failed) {
    const char* why = dlerror();
    return core::Error{path + ": cannot be loaded: " + (why != nullptr ? std::string(why) : failed.message())};
  }
  if (!library.has(entry_name)) {
    return core::Error{path + ": exports no " + entry_name + ", so it is not a Hostler plugin; build it with hostler_add_plugin() or the flags of `pkg-config hostler-plugin`"};
  }
  const auto entry = library.get<const hostler_plugin*()>(entry_name);
  const hostler_plugin* table = entry();
  if (table == nullptr) return core::Error{path + ": " + entry_name + " returned null"};
  if (auto fits = check_version(path, *table); !fits) return fits.error();
  if (table->module_init != nullptr) {
    hostler_error error = empty_error();
    if (table->module_init(&error) != HOSTLER_OK) return core::Error{path + ": module_init failed: " + message_of(error)};
  }
  auto plugin = std::make_shared<const Plugin>(path, table);
  loaded.emplace(path, plugin);
  return plugin;
}

const hostler_handler_desc* Plugin::find_handler(std::string_view id) const {
  for (std::uint32_t i = 0; i < table_->handler_count(); ++i) {
    const auto* desc = table_->handler_at(i);
    if (desc != nullptr && to_view(desc->id) == id) return desc;
  }
  return nullptr;
}

std::vector<std::string_view> Plugin::handler_ids() const {
  std::vector<std::string_view> ids;
  for (std::uint32_t i = 0; i < table_->handler_count(); ++i) {
    if (const auto* desc = table_->handler_at(i); desc != nullptr) ids.push_back(to_view(desc->id));
  }
  return ids;
}

hostler_error empty_error() {
  hostler_error error{};
  error.struct_size = sizeof(hostler_error);
  return error;
}

std::string message_of(const hostler_error& error) {
  const std::string text(error.message, strnlen(error.message, sizeof(error.message)));
  return text.empty() ? "no message" : text;
}

}  // namespace hostler::plugin
