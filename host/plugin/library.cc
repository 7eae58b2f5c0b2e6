#include "plugin/library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <boost/dll/shared_library.hpp>
#include <string>

#include "plugin/description.h"
#include "plugin/elf_file.h"

namespace hostler::plugin {
namespace {

namespace dll = boost::dll;

// dlerror's words, without the name that only means something here, and what to do about them.
core::Error cannot_load(const std::string& name) {
  const char* const said = dlerror();
  std::string why = said == nullptr ? "no reason given" : said;
  for (std::size_t at = why.find(name + ": "); at != std::string::npos; at = why.find(name + ": "))
    why.erase(at, name.size() + 2);
  std::string mend = "; build it again on this system";
  if (why.find("cannot open shared object file") != std::string::npos) {
    mend = "; install the library that it needs, or link it statically (`hostler plugin inspect` lists all)";
  } else if (why.find("undefined symbol") != std::string::npos) {
    mend = "; link what defines it: hostler_add_plugin() finds such gaps at build time";
  } else if (why.find("version `") != std::string::npos) {
    mend = "; build it on a system as old as this one, or use a newer one";
  }
  return core::Error{"cannot be loaded: " + why + mend};
}

} // namespace

Library open_library(int fd, const Progress& progress) {
  // Not /proc/self: debuggers and symbolizers open a library by the name it was loaded with, and would read a descriptor of their own.
  const std::string name = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd);
  // NOW: nothing is left to fail while records are handled. NODELETE: code may still be on a stack when the last handler goes.
  const auto mode = static_cast<dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  dll::fs::error_code failed;
  dll::shared_library library;
  progress("its static constructors");
  library.load(name, failed, mode);
  if (failed) return {false, cannot_load(name)};
  if (!library.has(entry_name))
    return {true,
            core::Error{std::string("exports no ") + entry_name + "; copy it again, or build it again"}};
  progress(entry_name);
  const hostler_plugin* const table = library.get<const hostler_plugin*()>(entry_name)();
  if (auto fits = check_table(table); !fits) return {true, fits.error()};
  return {true, table};
}

} // namespace hostler::plugin
