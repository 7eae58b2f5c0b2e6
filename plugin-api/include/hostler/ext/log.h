/* ext/log.h - service "hostler.log/1": lines in the host's log, under the handler's name.
 *
 * Used by handlers; implemented by the host, always offered. Safe from any thread, between create and the end
 * of destroy. */
#ifndef HOSTLER_EXT_LOG_H
#define HOSTLER_EXT_LOG_H

#include "../host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HOSTLER_EXT_LOG "hostler.log/1"

/* Levels, in rising order. A value above the last counts as error. */
enum {
  HOSTLER_LOG_TRACE = 0,
  HOSTLER_LOG_DEBUG = 1,
  HOSTLER_LOG_INFO = 2,
  HOSTLER_LOG_WARN = 3,
  HOSTLER_LOG_ERROR = 4
};

/* OWNERSHIP: the host's static memory; lives as long as the hostler_host it was asked from. */
typedef struct hostler_host_log {
  uint32_t struct_size;
  uint32_t reserved;

  /* 1 when lines of this level are written at present, else 0; it may change at run time. Ask before building
   * an expensive line.
   * [any-thread] */
  int32_t (*enabled)(const hostler_host* host, uint32_t level) HOSTLER_NOEXCEPT;

  /* Writes one line. Any bytes may come: the host escapes line ends, control characters and invalid UTF-8,
   * and cuts what is too long, so that record content cannot forge a line. Lines of a disabled level are
   * ignored.
   * OWNERSHIP: text is copied.
   * [any-thread] */
  void (*write)(const hostler_host* host, uint32_t level, hostler_str text) HOSTLER_NOEXCEPT;
} hostler_host_log;

#ifdef __cplusplus
}
#endif
#endif
