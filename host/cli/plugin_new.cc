// `hostler plugin new NAME`: a folder with a plugin that builds, tests and runs, made of the templates in share/hostler/templates.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "cli/commands.h"
#include "core/result.h"

namespace hostler::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_name = 60;

// The names that stand in the templates: as an identifier, and as people write it.
constexpr const char *template_identifier = "my_plugin", *template_name = "my-plugin";

bool is_name(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= longest_name && name.front() >= 'a' && name.front() <= 'z' &&
         std::all_of(name.begin(), name.end(), plain);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// Beside the program in a build folder, or where an installation has them.
core::Result<fs::path> find_templates() {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed).parent_path();
  for (const char* const place : {"share/hostler/templates", "../share/hostler/templates"}) {
    const fs::path folder = (program / place).lexically_normal();
    if (fs::is_directory(folder, failed)) return folder;
  }
  return core::Error{"the templates are not installed: no share/hostler/templates beside " +
                     program.string() + "; install Hostler completely"};
}

struct Names {
  std::string name, identifier; // "user-events", "user_events"
  [[nodiscard]] std::string in(const std::string& text) const {
    return replaced(replaced(text, template_identifier, identifier), template_name, name);
  }
};

core::Status<> copy_templates(const fs::path& from, const fs::path& to, const Names& names) {
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    const fs::path target = to / names.in(fs::relative(entry.path(), from).string());
    if (entry.is_directory()) {
      fs::create_directories(target);
      continue;
    }
    fs::create_directories(target.parent_path());
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    std::ofstream out(target, std::ios::binary);
    out << names.in(text);
    if (!in || !out.flush()) return core::Error{target.string() + ": cannot be written; is the disk full?"};
  }
  return core::Status<>::success();
}

} // namespace

int run_plugin_new(const PluginNewOptions& options) {
  const auto complain = [](const std::string& what, int code) {
    std::fprintf(stderr, "hostler: %s\n", what.c_str());
    return code;
  };
  if (!is_name(options.name)) {
    return complain(
        "'" + options.name +
            "' is no name for a plugin; it can be 1 to 60 of a-z, 0-9, '-', '_' and begins with a letter",
        exit_usage);
  }
  const auto templates = find_templates();
  if (!templates) return complain(templates.error().message, exit_not_fine);
  const fs::path folder = fs::path(options.folder) / options.name;
  std::error_code failed;
  if (fs::exists(folder, failed))
    return complain(folder.string() + " exists; remove it or choose another name", exit_not_fine);
  const Names names{options.name, replaced(options.name, "-", "_")};
  try {
    for (const auto& part : {*templates / "common", *templates / options.language}) {
      if (auto copied = copy_templates(part, folder, names); !copied)
        return complain(copied.error().message, exit_not_fine);
    }
  } catch (const fs::filesystem_error& error) {
    return complain(std::string(error.what()) + "; can this user write there?", exit_not_fine);
  }
  std::printf("made %s; how to build, test and run it is in %s\n", folder.c_str(),
              (folder / "README.md").c_str());
  return exit_fine;
}

} // namespace hostler::cli
