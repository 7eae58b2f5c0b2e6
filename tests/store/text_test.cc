// The small text formats of both databases.
#include "store/migration_files.h"
#include "store/pg_text.h"
#include "store/time_text.h"
#include "store/utf8.h"
#include "store/uuid_text.h"
#include "support/catch.h"

using namespace hostler;

TEST_CASE("times are written and read to the microsecond, years 1 to 9999") {
  for (const std::int64_t us : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{1'700'000'000'123'456}, std::int64_t{-62'135'596'800'000'000},
                                std::int64_t{253'402'300'799'999'999}, std::int64_t{951'782'400'000'000}}) {
    REQUIRE(store::writable_time(us));
    CHECK(store::parse_time(store::time_text(us)) == us);
    CHECK(store::parse_time(store::time_text(us) + "+00") == us);
  }
  CHECK(store::time_text(-1) == "1969-12-31 23:59:59.999999");
  for (const std::int64_t us : {INT64_MIN, INT64_MAX, std::int64_t{-62'135'596'800'000'001}, std::int64_t{253'402'300'800'000'000}}) CHECK_FALSE(store::writable_time(us));
}

TEST_CASE("PostgreSQL's offsets are understood, what cannot be a time is not") {
  CHECK(store::parse_time("1970-01-01 02:00:00+02") == 0);
  CHECK(store::parse_time("1969-12-31 20:30:00-03:30") == 0);
  CHECK(store::parse_time("1970-01-01 00:17:30.5+00:17:30") == 500'000);
  CHECK(store::parse_time("1970-01-01 00:00:00") == 0);
  for (const char* text : {"", "infinity", "-infinity", "0044-03-15 00:00:00 BC", "12024-01-01 00:00:00", "2024-02-30 00:00:00", "2024-01-01", "2024-01-01 00:00:00.1234567",
                           "2024-01-01 00:00:00+2", "2024-01-01 00:00:00x"})
    CHECK_FALSE(store::parse_time(text));
}

TEST_CASE("UUIDs travel between bytes and text") {
  const std::string bytes("\x12\x34\x56\x78\x9a\xbc\xde\xf0\x00\xff\x01\x02\x03\x04\x05\x06", 16);
  CHECK(store::uuid_text(bytes) == "12345678-9abc-def0-00ff-010203040506");
  CHECK(store::uuid_bytes("12345678-9ABC-def0-00ff-010203040506") == bytes);
  for (const char* text : {"", "12345678-9abc-def0-00ff-01020304050", "12345678x9abc-def0-00ff-010203040506", "1234567-89abc-def0-00ff-010203040506", "g2345678-9abc-def0-00ff-010203040506"})
    CHECK_FALSE(store::uuid_bytes(text));
}

TEST_CASE("array literals quote every element") {
  std::string out;
  store::ArrayLiteral a(out);
  a.text("plain");
  a.text("");
  a.text("\"\\{},NULL");
  a.null();
  a.number(-5);
  a.hex(std::string_view("\0\xFF", 2));
  a.close();
  CHECK(out == R"({"plain","","\"\\{},NULL",NULL,-5,"\\x00ff"})");
  store::ArrayLiteral(out).close();
  CHECK(out == "{}");
}

TEST_CASE("texts that only inform are made to fit any database") {
  CHECK(store::plain_text("Größe", 255) == "Größe");
  CHECK(store::plain_text("Größe", 3) == "Gr");  // never half a character
  CHECK(store::plain_text(std::string_view("a\0b", 3), 255) == "a?b");
  CHECK(store::plain_text("\xFF\xC3\x28\xE2\x82\xED\xA0\x80\xF4\x90\x80\x80", 255) == "?\?(" + std::string(9, '?'));
  CHECK(store::plain_text("\xF0\x9F\xA6\x84", 255) == "\xF0\x9F\xA6\x84");
  CHECK(store::plain_text("abc", 2) == "ab");
}

TEST_CASE("checksums are SHA-256, lines count from one") {
  CHECK(store::sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(store::line_of("a\nb\nc", 0) == 1);
  CHECK(store::line_of("a\nb\nc", 2) == 2);
  CHECK(store::line_of("a\nb\nc", 99) == 3);
}
