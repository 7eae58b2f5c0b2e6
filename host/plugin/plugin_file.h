// Opens a plugin's file once, and says whether somebody other than root and this user could have put it there or can change it:
// by owning or writing the file, a folder on its way, or a symbolic link in between. Nothing is opened by name twice, so nothing
// can be exchanged between check and use. Thread-safety: pure, but for the file system.
#pragma once

#include <sys/stat.h>

#include <string>

#include "core/result.h"
#include "plugin/descriptor.h"

namespace hostler::plugin {

struct OpenedFile {
  Descriptor file;
  std::string path; // without symbolic links
  struct stat status {};
  std::string distrust; // the first reason not to load it, with its mend; empty if it can be trusted
};

// An error (reason and mend, without the path) if there is no regular file that can be read.
[[nodiscard]] core::Result<OpenedFile> open_plugin_file(const std::string& path);

// What chmod and ls show: "root", "uid 1234".
[[nodiscard]] std::string owner_name(uid_t owner);

} // namespace hostler::plugin
