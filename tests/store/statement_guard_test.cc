// Which statements a handler may not send.
#include "runtime/ledger.h"
#include "support/catch.h"

using hostler::runtime::refused_statement;

TEST_CASE("statements that end or change the transaction or the session are refused by their first word") {
  for (const char* sql : {"BEGIN", "begin", "Start Transaction", "COMMIT", "commit;", "END", "ROLLBACK", "ROLLBACK TO x", "abort", "SAVEPOINT a", "RELEASE a",
                          "PREPARE x AS SELECT 1", "PREPARE TRANSACTION 'x'", "SET x = 1", "SET LOCAL x = 1", "RESET ALL", "DISCARD ALL", "COPY t FROM STDIN"})
    CHECK_FALSE(refused_statement(sql).empty());
  CHECK(refused_statement("  commit") == "COMMIT");
}

TEST_CASE("neither blanks, comments, parentheses nor semicolons hide the first word") {
  for (const char* sql : {" \t\r\n\f\vCOMMIT", "-- x\nCOMMIT", "--x\rCOMMIT", "/**/COMMIT", "/* a /* b */ c */ COMMIT", "/* a /* b */ COMMIT", "/*/**/COMMIT", ";COMMIT", ";;; -- x\n /* y */ ; COMMIT",
                          "(COMMIT", "((SAVEPOINT x", "COMMIT--", "COMMIT/**/", "\xEF\xBB\xBF" "COMMIT", "-- /*\nCOMMIT", "--\nSET x = 1", "/* -- */COMMIT", "/***/COMMIT", "COMMIT\xA0"})
    CHECK_FALSE(refused_statement(sql).empty());
}

TEST_CASE("everything else may be sent") {
  for (const char* sql : {"", " ", ";", "--", "/*", "/* COMMIT", "-- COMMIT", "SELECT 1", "(SELECT 1)", "INSERT INTO t VALUES ('COMMIT')", "UPDATE t SET a = 1", "COMMITTED", "SETTING", "set_config('a', 'b', true)",
                          "begin_work", "WITH x AS (SELECT 1) SELECT * FROM x", "VALUES (1)", "DO $$ BEGIN NULL; END $$", "EXPLAIN SELECT 1", "\"COMMIT\"", "CALL p()"})
    CHECK(refused_statement(sql).empty());
}
