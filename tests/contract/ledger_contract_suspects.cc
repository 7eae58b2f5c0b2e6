// Every ledger counts the crashes of suspects alike.
#include "contract/ledger_backends.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

runtime::Suspect suspect(std::int64_t offset, const std::string& how = "signal 11 (SIGSEGV)", const std::string& topic = "orders", int partition = 0) {
  return {"svc", {topic, {partition}}, 1, {offset}, 1, 0, false, how};
}

void add(runtime::Ledger& ledger, const std::string& run, const std::vector<runtime::Suspect>& suspects) {
  if (auto added = ledger.add_suspects(run, suspects); !added) throw std::runtime_error(added.error().code + " " + added.error().message);
}

std::vector<runtime::Suspect> look(runtime::Ledger& ledger, std::int64_t next = 0, const std::string& topic = "orders", int partition = 0, std::int32_t topic_id = 1,
                                   std::string_view service = "svc") {
  const std::vector<runtime::TakenPartition> taken{{{topic, {partition}}, topic_id, {next}}};
  auto found = ledger.suspects(service, taken);
  if (!found) throw std::runtime_error(found.error().code + " " + found.error().message);
  return std::move(*found);
}

std::vector<std::int64_t> offsets(const std::vector<runtime::Suspect>& suspects) {
  std::vector<std::int64_t> out;
  for (const auto& s : suspects) out.push_back(s.offset.value);
  return out;
}

}  // namespace

TEST_CASE("suspects are found by the owner of their partition, as they were added") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  CHECK(look(ledger).empty());
  auto hung = suspect(9, "no return within the timeout, \"quoted\" {,} \\");
  hung.hung = true;
  hung.alone = 1;
  add(ledger, "run-1", {suspect(12), hung, suspect(9, "a", "orders", 1), suspect(9, "b", "other \"topic\"", 0)});
  add(ledger, "run-1", {});
  const auto found = look(ledger);
  REQUIRE(offsets(found) == std::vector<std::int64_t>{9, 12});
  CHECK(found[0].service == "svc");
  CHECK(found[0].where == core::TopicPartition{"orders", {0}});
  CHECK(found[0].topic_id == 1);
  CHECK(found[0].crashes == 1);
  CHECK(found[0].alone == 1);
  CHECK(found[0].hung);
  CHECK(found[0].how == "no return within the timeout, \"quoted\" {,} \\");
  CHECK(found[1].alone == 0);
  CHECK_FALSE(found[1].hung);
  CHECK(look(ledger, 0, "other \"topic\"").front().how == "b");
  CHECK(look(ledger, 0, "orders", 2).empty());
  CHECK(look(ledger, 0, "orders", 0, 2).empty());
  CHECK(look(ledger, 0, "orders", 0, 1, "another service").empty());
  const std::vector<runtime::TakenPartition> both{{{"orders", {0}}, 1, {0}}, {{"orders", {1}}, 1, {0}}};
  CHECK(ledger.suspects("svc", both)->size() == 3);
  CHECK(ledger.suspects("svc", {})->empty());
}

TEST_CASE("crashes of whichever hosts add up, the last one says how") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  add(ledger, "run-1", {suspect(5, "first")});
  auto again = suspect(5, "second");
  again.alone = 1;
  again.hung = true;
  add(ledger, "run-2", {again, suspect(6)});
  add(ledger, "run-3", {suspect(5, "third")});
  const auto found = look(ledger);
  REQUIRE(offsets(found) == std::vector<std::int64_t>{5, 6});
  CHECK(found[0].crashes == 3);
  CHECK(found[0].alone == 1);
  CHECK(found[0].how == "third");
  CHECK_FALSE(found[0].hung);
  CHECK(found[1].crashes == 1);
}

TEST_CASE("of one run a record is counted once, however often it is told, whoever tells of another meanwhile") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  add(ledger, "run-1", {suspect(5), suspect(5), suspect(6)});
  add(ledger, "run-1", {suspect(5), suspect(6)});
  CHECK(look(ledger)[0].crashes == 1);
  CHECK(offsets(look(ledger)) == std::vector<std::int64_t>{5, 6});
  add(ledger, "run-2", {suspect(5)});
  add(ledger, "run-2", {suspect(5)});
  CHECK(look(ledger)[0].crashes == 2);
  add(ledger, "run-1", {suspect(5), suspect(6)});
  CHECK(look(ledger)[0].crashes == 2);
  CHECK(look(ledger)[1].crashes == 1);
}

TEST_CASE("a suspect that was settled is none again when its run is told a second time") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  add(ledger, "run-1", {suspect(5)});
  {
    const std::vector<runtime::OriginKey> places{origin(5)};
    auto session = ledger.lease();
    begin(*session);
    REQUIRE(session->erase_suspects("svc", places).ok());
    commit(*session);
  }
  add(ledger, "run-1", {suspect(5)});
  CHECK(look(ledger).empty());
}

TEST_CASE("whoever takes a partition over erases the suspects that are settled long since") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  add(ledger, "run-1", {suspect(3), suspect(4), suspect(5), suspect(3, "other", "orders", 1)});
  CHECK(offsets(look(ledger, 4)) == std::vector<std::int64_t>{4, 5});
  CHECK(offsets(look(ledger, 0)) == std::vector<std::int64_t>{4, 5});
  CHECK(offsets(look(ledger, 0, "orders", 1)) == std::vector<std::int64_t>{3});
  CHECK(look(ledger, 100).empty());
  CHECK(look(ledger, -1).empty());
}

TEST_CASE("a suspect is erased in the transaction that settles it, or not at all") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  add(ledger, "run-1", {suspect(3), suspect(4), suspect(5)});
  const std::vector<runtime::OriginKey> places{origin(5), origin(3), origin(77)};
  {
    auto session = ledger.lease();
    begin(*session);
    REQUIRE(session->erase_suspects("svc", places).ok());
    session->rollback();
  }
  CHECK(look(ledger).size() == 3);
  {
    auto session = ledger.lease();
    begin(*session);
    REQUIRE(session->erase_suspects("another service", places).ok());
    REQUIRE(session->erase_suspects("svc", {}).ok());
    REQUIRE(session->erase_suspects("svc", places).ok());
    commit(*session);
    CHECK_FALSE(session->erase_suspects("svc", places).ok());  // no transaction
  }
  CHECK(offsets(look(ledger)) == std::vector<std::int64_t>{4});
}

TEST_CASE("hundreds of suspects are told in one go") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  std::vector<runtime::Suspect> many;
  for (int i = 0; i < 2000; ++i) many.push_back(suspect(i));
  add(backend->ledger(), "run-1", many);
  CHECK(look(backend->ledger()).size() == 2000);
}
