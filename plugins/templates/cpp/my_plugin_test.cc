// The library as it is built: it loads, its version fits these headers, and it offers the handler that the configuration names.
#include <dlfcn.h>
#include <hostler/plugin.h>

#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
  void* const library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (library == nullptr) return std::fprintf(stderr, "cannot load the plugin: %s\n", dlerror()), 1;
  const auto entry = reinterpret_cast<const hostler_plugin* (*)()>(dlsym(library, "hostler_plugin_entry_v1"));
  if (entry == nullptr) return std::fprintf(stderr, "it exports no entry\n"), 1;
  const hostler_plugin& plugin = *entry();
  if (plugin.abi_major != HOSTLER_ABI_MAJOR || plugin.abi_minor_required > HOSTLER_ABI_MINOR)
    return std::fprintf(stderr, "it was built with other headers\n"), 1;
  const hostler_handler_desc* const handler = plugin.handler_at(0);
  if (handler == nullptr || std::string_view(handler->id.data, handler->id.len) != "my-plugin.events")
    return std::fprintf(stderr, "it has no handler my-plugin.events\n"), 1;
  return 0;
}
