#include "plugin/inspection.h"

#include <array>
#include <cstdio>
#include <filesystem>

#include "plugin/plugin_file.h"
#include "plugin/sealed_copy.h"

namespace hostler::plugin {

Inspection inspect_plugin(const std::string& path, const ProbeOptions& options) {
  Inspection out;
  const auto wrong = [&](const std::string& what) { out.problems.push_back(one_line(what)); };
  const auto opened = open_plugin_file(path);
  if (!opened) {
    wrong(opened.error().message);
    return out;
  }
  out.path = opened->path;
  out.owner = owner_name(opened->status.st_uid);
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", opened->status.st_mode & 07777U);
  out.mode = mode.data();
  if (!opened->distrust.empty()) wrong(opened->distrust);

  const auto copy = SealedCopy::make(opened->file, std::filesystem::path(out.path).filename().string());
  if (!copy) {
    wrong(copy.error().message);
    return out;
  }
  out.bytes = copy->bytes().size();
  out.sha256 = copy->sha256();
  if (auto elf = read_elf(copy->bytes())) {
    out.elf = std::move(*elf);
    if (auto right = check_exports(*out.elf); !right) wrong(right.error().message);
  } else {
    wrong(elf.error().message);
  }
  if (!out.problems.empty()) return out; // nothing of it is run, not even to look
  if (auto described = probe(*copy, options)) {
    out.description = std::move(*described);
  } else {
    wrong(described.error().message);
  }
  return out;
}

} // namespace hostler::plugin
