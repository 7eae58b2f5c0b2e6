#include "plugin/loader.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

#include "plugin/description.h"
#include "plugin/elf_file.h"
#include "plugin/library.h"
#include "plugin/plugin_file.h"
#include "plugin/sealed_copy.h"

namespace hostler::plugin {
namespace {

namespace fs = std::filesystem;
bool same_digest(std::string_view pinned, std::string_view found) {
  return std::equal(pinned.begin(), pinned.end(), found.begin(), found.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'F' ? a - 'A' + 'a' : a) == b; });
}

// By path and content. A version that has been loaded stays, and so does its open file: glibc knows a library by its name, here the
// number of the descriptor, and would hand out the old one for a new file under the same number.
struct Loaded {
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const Plugin>> plugins;
  std::vector<Descriptor> open;
};

Loaded& all_loaded() {
  static Loaded& loaded = *new Loaded;  // never destroyed: the libraries are not either
  return loaded;
}

// Reason and mend, without the path.
core::Result<std::shared_ptr<const Plugin>> load(const std::string& path, const LoadOptions& options) {
  auto opened = open_plugin_file(path);
  if (!opened) return opened.error();
  if (!opened->distrust.empty()) return core::Error{"not loaded: " + opened->distrust};
  auto copy = SealedCopy::make(opened->file, fs::path(opened->path).filename().string());
  if (!copy) return copy.error();
  if (!options.sha256.empty() && !same_digest(options.sha256, copy->sha256())) {
    return core::Error{"its SHA-256 is " + copy->sha256() + ", not " + options.sha256 + " as configured; install the file that was meant, or change `sha256`"};
  }
  auto& loaded = all_loaded();
  const std::scoped_lock lock(loaded.mutex);
  const auto version = std::pair(opened->path, copy->sha256());
  if (const auto found = loaded.plugins.find(version); found != loaded.plugins.end()) return found->second;

  const auto elf = read_elf(copy->bytes());
  if (!elf) return elf.error();
  if (auto right = check_exports(*elf); !right) return right.error();
  if (auto described = probe(*copy, options.probe); !described) return described.error();

  const auto library = open_library(copy->fd(), [](const char*) {});
  if (library.mapped) loaded.open.push_back(copy->take_fd());
  if (!library.table) return library.table.error();
  const hostler_plugin* const table = *library.table;
  if (table->module_init != nullptr) {
    hostler_error error = empty_error();
    if (table->module_init(&error) != HOSTLER_OK) return core::Error{"module_init failed: " + message_of(error) + "; the plugin's own documentation says what it needs"};
  }
  auto plugin = std::make_shared<const Plugin>(version.first, version.second, table);
  loaded.plugins.emplace(version, plugin);
  return plugin;
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

core::Result<std::shared_ptr<const Plugin>> load_plugin(const std::string& path, const LoadOptions& options) {
  auto loaded = load(path, options);
  if (!loaded) return core::Error{one_line(path + ": " + loaded.error().message)};
  return loaded;
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
