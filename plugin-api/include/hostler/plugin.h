/* plugin.h - the border's front door: one exported function and the static table that it returns. Includes
 * all that every plugin needs; services are in ext/, one header each.
 *
 * Written by plugin authors (the C++ SDK does it for them), called by the host. The table is constant: read
 * from any thread. */
#ifndef HOSTLER_PLUGIN_H
#define HOSTLER_PLUGIN_H

#include "base.h"
#include "handler.h"
#include "host.h"
#include "record.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One per shared library.
 * OWNERSHIP: the plugin's static memory. A library is never unmapped, so the table lives as long as the
 * process. */
typedef struct hostler_plugin {
  uint32_t struct_size;     /* sizeof(hostler_plugin) */
  uint16_t abi_major;       /* HOSTLER_ABI_MAJOR: refused when it differs from the host's */
  uint16_t abi_minor_built; /* HOSTLER_ABI_MINOR: while major is 0, refused when it differs from the host's */
  uint16_t abi_minor_required; /* the gate: lowest host minor it works with; refused when above the host's */
  uint16_t reserved0;          /* 0 */
  uint32_t reserved1;          /* 0 */

  /* Prepares what all handlers of this library share. Counted by itself: called once before the first use of
   * a handler, and once again after a module_deinit. After a failure nothing else is called. May be NULL.
   * [control] */
  hostler_status (*module_init)(hostler_error* error) HOSTLER_NOEXCEPT;

  /* Undoes module_init, when no handler lives any more. The library stays mapped. May be NULL.
   * [control] */
  void (*module_deinit)(void) HOSTLER_NOEXCEPT;

  /* How many handlers this library offers, 1 or more; never changes. Works before module_init.
   * [any-thread] */
  uint32_t (*handler_count)(void) HOSTLER_NOEXCEPT;

  /* The description of handler number `index`; NULL when index is not below handler_count. Works before
   * module_init.
   * OWNERSHIP: static memory of the plugin.
   * [any-thread] */
  const hostler_handler_desc* (*handler_at)(uint32_t index)HOSTLER_NOEXCEPT;

  /* Judges [handler.config] without side effects; `hostler check` and a reload call it, before any create,
   * with no host at hand.
   * config_json is one JSON object ("{}" when the TOML has none), dates in it are RFC 3339 text.
   * HOSTLER_E_INVALID and the error name the key that is wrong and what would be right. May be NULL: then
   * everything is accepted here.
   * OWNERSHIP: both texts are borrowed for the call.
   * [any-thread] */
  hostler_status (*validate_config)(hostler_str handler_id, hostler_str config_json,
                                    hostler_error* error) HOSTLER_NOEXCEPT;

  /* Makes one configured handler. On failure returns NULL and writes the error; nothing is left behind.
   * OWNERSHIP: host is borrowed until that handler's destroy returns, both texts for the call; the handler is
   * the plugin's until the host calls its destroy.
   * [control] */
  hostler_handler* (*create)(const hostler_host* host, hostler_str handler_id, hostler_str config_json,
                             hostler_error* error)HOSTLER_NOEXCEPT;
} hostler_plugin;

/* The one symbol that a plugin exports. The 1 names this way of entering, not the version of the ABI: that is
 * in the table.
 * Does nothing but return its table; never NULL.
 * OWNERSHIP: static memory of the plugin.
 * [any-thread] */
HOSTLER_EXPORT const hostler_plugin* hostler_plugin_entry_v1(void) HOSTLER_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
