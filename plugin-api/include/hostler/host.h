/* host.h - what a handler sees of its host: who it is, and a way to ask for services.
 *
 * Used by handlers (received in create) and by every service in ext/. There is one hostler_host per
 * configured handler, so that log lines, metrics and limits carry the handler's name.
 * Constant after construction: read it from any thread while the handler lives. */
#ifndef HOSTLER_HOST_H
#define HOSTLER_HOST_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hostler_host hostler_host;

/* OWNERSHIP: the host's. Handed to create and valid, with all text in it, until that handler's destroy has
 * returned (or create has failed). Every function of a service takes the pointer as its first argument; pass
 * the one you were given, never a copy. */
struct hostler_host {
  uint32_t struct_size;
  uint16_t
      abi_major; /* of the host; the version gate has already accepted the plugin when this can be read */
  uint16_t abi_minor;
  void* host_data;  /* the host's own; do not touch */
  hostler_str name; /* "hostler" */
  hostler_str
      version; /* of the host program, for log lines; decide on abi_minor and on extensions, not on this */
  hostler_str handler_name; /* `name` of this [[handler]] in the TOML; the ledger's service_name */

  /* A service's table, or NULL where this host or this handler's configuration does not offer it. id is one
   * of the HOSTLER_EXT_... constants, NUL-terminated, revision included ("hostler.log/1"). The answer for one
   * id never changes, so ask once in create and fail there when something needed is missing. Cast the answer
   * to the type beside the constant.
   * OWNERSHIP: the table is the host's and lives as long as this hostler_host.
   * [any-thread] */
  const void* (*get_extension)(const hostler_host* host, const char* id)HOSTLER_NOEXCEPT;
};

#ifdef __cplusplus
}
#endif
#endif
