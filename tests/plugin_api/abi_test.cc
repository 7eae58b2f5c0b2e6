// The layout of the border: the table is checked when this file is compiled; here what is not a number.
#include "plugin_api/abi_table.h"

#include <array>
#include <cstring>
#include <string_view>

#include "support/catch.h"

TEST_CASE("extension ids carry their revision") {
  CHECK(std::string_view(HOSTLER_EXT_LOG) == "hostler.log/1");
  CHECK(std::string_view(HOSTLER_EXT_SQL) == "hostler.sql/1");
  CHECK(std::string_view(HOSTLER_EXT_PUBLISH) == "hostler.publish/1");
  CHECK(std::string_view(HOSTLER_EXT_HEADERS) == "hostler.headers/1");
  CHECK(std::string_view(HOSTLER_EXT_VERDICT) == "hostler.verdict-detail/1");
  CHECK(std::string_view(HOSTLER_EXT_CANCEL) == "hostler.cancel/1");
}

TEST_CASE("function pointers of the border are noexcept") {
  STATIC_REQUIRE(noexcept(hostler_plugin_entry_v1()));
  STATIC_REQUIRE(std::is_same_v<decltype(hostler_lane::destroy), void (*)(hostler_lane*) noexcept>);
}

TEST_CASE("a member that the peer's struct is too short for is not there") {
  hostler_host_log log{};
  log.struct_size = sizeof log;
  CHECK(HOSTLER_HAS(&log, hostler_host_log, write));
  log.struct_size = sizeof log - 1;
  CHECK_FALSE(HOSTLER_HAS(&log, hostler_host_log, write));
  CHECK(HOSTLER_HAS(&log, hostler_host_log, enabled));
}

TEST_CASE("records are walked with the batch's stride, so that a newer host may append members") {
  struct Longer {
    hostler_record record;
    std::uint64_t appended;
  };
  std::array<Longer, 3> records{};
  for (std::size_t i = 0; i < records.size(); ++i)
    records[i].record.offset = static_cast<std::int64_t>(100 + i);
  hostler_batch batch{};
  batch.record_stride = sizeof(Longer);
  batch.records = &records[0].record;
  CHECK(hostler_record_at(&batch, 2)->offset == 102);
  CHECK(HOSTLER_RECORD_HAS(&batch, event_type));
  batch.record_stride = offsetof(hostler_record, event_type);
  CHECK_FALSE(HOSTLER_RECORD_HAS(&batch, event_type));
}
