#include "runtime/outbox.h"

#include "support/catch.h"

using namespace hostler;
using runtime::OutHeader;
using runtime::pack_headers;
using runtime::unpack_headers;

TEST_CASE("outbox: headers survive packing byte for byte: null, empty, NUL, repeats") {
  const std::vector<OutHeader> headers = {{"a", std::string("1")}, {"a", std::nullopt}, {"", std::string()}, {"nul", std::string("x\0y", 3)}, {"big", std::string(70'000, 'z')}};
  const auto back = unpack_headers(pack_headers(headers));
  REQUIRE(back.ok());
  REQUIRE(back->size() == headers.size());
  for (std::size_t i = 0; i < headers.size(); ++i) {
    CHECK((*back)[i].name == headers[i].name);
    CHECK((*back)[i].value == headers[i].value);
  }
  CHECK(unpack_headers("")->empty());
}

TEST_CASE("outbox: damaged headers are an error at every length") {
  const std::string packed = pack_headers(std::vector<OutHeader>{{"name", std::string("value")}, {"other", std::nullopt}});
  const std::size_t first = pack_headers(std::vector<OutHeader>{{"name", std::string("value")}}).size();
  for (std::size_t size = 1; size < packed.size(); ++size) {
    if (size == first) continue;
    CHECK_FALSE(unpack_headers(std::string_view(packed).substr(0, size)).ok());
  }
}
