/* ext/sql.h - service "hostler.sql/1": a handler's effects in the database that also holds the ledger, atomic
 * with the record.
 *
 * Used by handlers with the flag ENQUEUES or QUERIES (handler.h); offered when the handler has a ledger.
 * Only inside process_batch, on the lane's thread: the transaction belongs to that batch.
 *
 * SQL of a record commits if and only if its verdict is done. Statements use $1, $2, ... on both databases.
 * Refused in both calls:
 * BEGIN, START, COMMIT, END, ROLLBACK, ABORT, SAVEPOINT, RELEASE, PREPARE, SET, RESET, DISCARD, COPY. */
#ifndef HOSTLER_EXT_SQL_H
#define HOSTLER_EXT_SQL_H

#include "../host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HOSTLER_EXT_SQL "hostler.sql/1"

/* hostler_host_sql.dialect */
enum { HOSTLER_SQL_POSTGRESQL = 1, HOSTLER_SQL_SQLITE = 2 };

/* hostler_sql_value.type, and which member of `as` then counts */
enum {
  HOSTLER_SQL_NULL = 0, /* none; SQL NULL is this type and nothing else */
  HOSTLER_SQL_INT = 1,  /* i */
  HOSTLER_SQL_REAL = 2, /* r */
  HOSTLER_SQL_TEXT = 3, /* b: UTF-8; a NUL byte fails the record on PostgreSQL, use BLOB for raw bytes */
  HOSTLER_SQL_BLOB = 4, /* b: bytes as they are, NUL bytes intact */
  HOSTLER_SQL_BOOL = 5, /* i: 0 or 1 */
  HOSTLER_SQL_UUID = 6, /* b: the text of 36 characters, or the 16 bytes in network order; len tells which */
  HOSTLER_SQL_TIMESTAMP_US = 7, /* i: microseconds since 1970-01-01 00:00 UTC */
  HOSTLER_SQL_JSON = 8          /* b: JSON text, UTF-8 */
};

/* flags of query */
enum { HOSTLER_SQL_READ = 1u << 0 };

/* One parameter, or one column of a row. Frozen: arrays of it have no stride.
 * Columns: the host answers the nearest type it knows, TEXT where it knows none; SQLite's columns are NULL,
 * INT, REAL, TEXT, BLOB.
 * In a parameter of a text or blob type, data NULL with len 0 is the empty value, not NULL.
 * OWNERSHIP: bytes of a parameter are borrowed for the call; bytes of a column until on_row returns. */
typedef struct hostler_sql_value {
  union {
    int64_t i;
    double r;
    hostler_bytes b;
  } as;
  uint32_t type;
  uint32_t reserved; /* 0 */
} hostler_sql_value;

/* OWNERSHIP: the host's memory; lives as long as the hostler_host it was asked from. */
typedef struct hostler_host_sql {
  uint32_t struct_size;
  uint32_t dialect; /* HOSTLER_SQL_POSTGRESQL or HOSTLER_SQL_SQLITE */

  /* The fast and the safe way to write: the statement is kept with its record (an index below record_count)
   * and sent, pipelined with the others, only if that record's verdict is done; in order per record.
   * HOSTLER_OK says that it was kept, not that it will work: an error of the statement is charged to that
   * record, its verdict becomes retry (or what the configuration says).
   * HOSTLER_E_INVALID: no such record, a refused statement, a bad parameter. HOSTLER_E_UNSUPPORTED: the flag
   * ENQUEUES is missing.
   * OWNERSHIP: copies the statement and the parameters.
   * [lane & in process_batch] */
  hostler_status (*enqueue)(const hostler_host* host, void* host_batch, uint32_t record, hostler_str sql,
                            const hostler_sql_value* params, uint32_t count) HOSTLER_NOEXCEPT;

  /* Runs now in the batch's transaction, for reads and for writes whose result is needed; does not see
   * enqueued statements.
   * HOSTLER_SQL_READ is a promise that it changes nothing (checked on SQLite, trusted on PostgreSQL).
   * Anything else counts as a write: if some verdict of the batch is then not done, the host rolls back and
   * handles the batch again without those records.
   * After any rollback records that called query are handled again.
   * on_row (NULL to ignore rows) is called for each row before query returns; any answer but HOSTLER_OK ends
   * the rows, and query answers that status. HOSTLER_E_TX_ABORTED and HOSTLER_E_UNAVAILABLE: return from
   * process_batch at once with that status.
   * HOSTLER_E_FAILED: the statement failed, the error says why, and the transaction is lost: later calls
   * answer TX_ABORTED.
   * OWNERSHIP: parameters are borrowed for the call, columns until on_row returns; the error is the caller's
   * and may be NULL.
   * [lane & in process_batch] */
  hostler_status (*query)(const hostler_host* host, void* host_batch, uint32_t record, uint32_t flags,
                          hostler_str sql, const hostler_sql_value* params, uint32_t count,
                          hostler_status (*on_row)(void* ctx, const hostler_sql_value* cols, uint32_t n)
                              HOSTLER_NOEXCEPT,
                          void* ctx, hostler_error* error) HOSTLER_NOEXCEPT;
} hostler_host_sql;

#ifdef __cplusplus
}
#endif
#endif
