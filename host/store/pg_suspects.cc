// PgStatements on hostler_suspect: when a host starts and when partitions are taken over, so that their statements are not kept.
#include <soci/soci.h>

#include <array>
#include <utility>

#include "store/pg_statements.h"
#include "store/pg_text.h"
#include "store/sorted.h"

namespace hostler::store {

using soci::use;

void PgStatements::add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) {
  const std::string of_run(run);
  session_ << "DELETE FROM hostler_crash WHERE told_at < now() - interval '30 days'";
  soci::statement tell = (session_.prepare << "INSERT INTO hostler_crash (run) VALUES (:run) ON CONFLICT DO NOTHING", use(of_run));
  tell.execute(true);
  if (tell.get_affected_rows() == 0) return;  // told already
  std::array<std::string, 9> arrays;
  {
    ArrayLiteral services(arrays[0]), topics(arrays[1]), topic_ids(arrays[2]), partitions(arrays[3]), offsets(arrays[4]), crashes(arrays[5]), alones(arrays[6]),
        reasons(arrays[7]), hows(arrays[8]);
    for (const std::size_t i : sorted_once(suspects)) {
      const auto& s = suspects[i];
      services.text(s.service);
      topics.text(s.where.topic);
      topic_ids.number(s.topic_id);
      partitions.number(s.where.partition.value);
      offsets.number(s.offset.value);
      crashes.number(s.crashes);
      alones.number(s.alone);
      reasons.text(s.hung ? "hung" : "crashed");
      hows.text(s.how);
    }
    for (ArrayLiteral* a : {&services, &topics, &topic_ids, &partitions, &offsets, &crashes, &alones, &reasons, &hows}) a->close();
  }
  session_ << "INSERT INTO hostler_suspect AS known (service, topic, topic_id, partition, record_offset, crashes, alone, reason, how) "
              "SELECT u.service, u.topic, u.topic_id, u.part, u.off, u.crashes, u.alone, u.reason, u.how "
              "FROM unnest(cast(:services as text[]), cast(:topics as text[]), cast(:topic_ids as integer[]), cast(:partitions as integer[]), "
              "cast(:offsets as bigint[]), cast(:crashes as integer[]), cast(:alones as integer[]), cast(:reasons as text[]), cast(:hows as text[])) "
              "AS u(service, topic, topic_id, part, off, crashes, alone, reason, how) "
              "ON CONFLICT (service, topic, topic_id, partition, record_offset) DO UPDATE SET crashes = known.crashes + excluded.crashes, "
              "alone = known.alone + excluded.alone, reason = excluded.reason, how = excluded.how, last_seen = now()",
      use(arrays[0]), use(arrays[1]), use(arrays[2]), use(arrays[3]), use(arrays[4]), use(arrays[5]), use(arrays[6]), use(arrays[7]), use(arrays[8]);
}

std::vector<runtime::Suspect> PgStatements::suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) {
  const std::string owner(service);
  std::array<std::string, 4> arrays;
  {
    ArrayLiteral topics(arrays[0]), topic_ids(arrays[1]), numbers(arrays[2]), nexts(arrays[3]);
    for (const auto& p : partitions) {
      topics.text(p.where.topic);
      topic_ids.number(p.topic_id);
      numbers.number(p.where.partition.value);
      nexts.number(p.next.value);
    }
    for (ArrayLiteral* a : {&topics, &topic_ids, &numbers, &nexts}) a->close();
  }
  constexpr const char* taken = "unnest(cast(:topics as text[]), cast(:topic_ids as integer[]), cast(:numbers as integer[]), cast(:nexts as bigint[])) "
                                "AS u(topic, id, part, next) ";
  constexpr const char* same = "s.service = :service AND s.topic = u.topic AND s.topic_id = u.id AND s.partition = u.part ";
  session_ << "DELETE FROM hostler_suspect s USING " << taken << "WHERE " << same << "AND s.record_offset < u.next", use(arrays[0]), use(arrays[1]), use(arrays[2]),
      use(arrays[3]), use(owner);

  std::vector<runtime::Suspect> out;
  runtime::Suspect found;
  found.service = owner;
  std::string reason;
  long long topic_id = 0, partition = 0, offset = 0, crashes = 0, alone = 0;
  soci::statement read = (session_.prepare << "SELECT s.topic, s.topic_id, s.partition, s.record_offset, s.crashes, s.alone, s.reason, s.how FROM " << taken
                                           << "JOIN hostler_suspect s ON " << same << "ORDER BY s.topic, s.partition, s.record_offset",
                          use(arrays[0]), use(arrays[1]), use(arrays[2]), use(arrays[3]), use(owner), soci::into(found.where.topic), soci::into(topic_id),
                          soci::into(partition), soci::into(offset), soci::into(crashes), soci::into(alone), soci::into(reason), soci::into(found.how));
  read.execute();
  while (read.fetch()) {
    found.topic_id = static_cast<std::int32_t>(topic_id);
    found.where.partition = {static_cast<std::int32_t>(partition)};
    found.offset = {offset};
    found.crashes = static_cast<std::uint32_t>(crashes);
    found.alone = static_cast<std::uint32_t>(alone);
    found.hung = reason == "hung";
    out.push_back(found);
  }
  return out;
}

}  // namespace hostler::store
