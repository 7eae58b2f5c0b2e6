/* The library as it is built: it loads, its version fits these headers, and it offers the handler that the configuration names. */
#include <dlfcn.h>
#include <hostler/plugin.h>
#include <stdio.h>
#include <string.h>

static int fail(const char* why) { return fprintf(stderr, "%s\n", why), 1; }

int main(int argc, char** argv) {
  static const char id[] = "my-plugin.events";
  const hostler_plugin* (*entry)(void);
  const hostler_handler_desc* handler;
  void* library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
  if (library == NULL) return fail(dlerror());
  *(void**)&entry = dlsym(library, "hostler_plugin_entry_v1");
  if (entry == NULL) return fail("it exports no entry");
  if (entry()->abi_major != HOSTLER_ABI_MAJOR || entry()->abi_minor_required > HOSTLER_ABI_MINOR)
    return fail("it was built with other headers");
  handler = entry()->handler_at(0);
  if (handler == NULL || handler->id.len != sizeof id - 1 || memcmp(handler->id.data, id, sizeof id - 1) != 0)
    return fail("it has no handler my-plugin.events");
  return 0;
}
