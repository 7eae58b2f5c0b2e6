// SqliteStatements on hostler_suspect: when a host starts, when partitions are taken over and when a suspect is settled. Rare, so that its
// statements are not kept.
#include <soci/soci.h>

#include <utility>

#include "store/sorted.h"
#include "store/sqlite_statements.h"

namespace hostler::store {

using soci::use;

void SqliteStatements::add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) {
  const std::string of_run(run);
  session_ << "DELETE FROM hostler_crash WHERE told_at < (cast(strftime('%s', 'now', '-30 days') as integer) * 1000)";
  soci::statement tell = (session_.prepare << "INSERT OR IGNORE INTO hostler_crash (run) VALUES (:run)", use(of_run));
  tell.execute(true);
  if (tell.get_affected_rows() == 0) return;  // told already
  std::string service, topic, reason, how;
  long long topic_id = 0, partition = 0, offset = 0, crashes = 0, alone = 0;
  soci::statement write =
      (session_.prepare << "INSERT INTO hostler_suspect (service, topic, topic_id, partition, record_offset, crashes, alone, reason, how) "
                           "VALUES (:service, :topic, :topic_id, :partition, :off, :crashes, :alone, :reason, :how) "
                           "ON CONFLICT (service, topic, topic_id, partition, record_offset) DO UPDATE SET crashes = crashes + excluded.crashes, "
                           "alone = alone + excluded.alone, reason = excluded.reason, how = excluded.how, last_seen = excluded.last_seen",
       use(service, "service"), use(topic, "topic"), use(topic_id, "topic_id"), use(partition, "partition"), use(offset, "off"), use(crashes, "crashes"),
       use(alone, "alone"), use(reason, "reason"), use(how, "how"));
  for (const std::size_t i : sorted_once(suspects)) {
    const auto& s = suspects[i];
    service = s.service;
    topic = s.where.topic;
    topic_id = s.topic_id;
    partition = s.where.partition.value;
    offset = s.offset.value;
    crashes = s.crashes;
    alone = s.alone;
    reason = s.hung ? "hung" : "crashed";
    how = s.how;
    write.execute(true);
  }
}

std::vector<runtime::Suspect> SqliteStatements::suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) {
  std::vector<runtime::Suspect> out;
  runtime::Suspect found;
  found.service = service;
  for (const auto& p : partitions) {
    const long long topic_id = p.topic_id, partition = p.where.partition.value, next = p.next.value;
    session_ << "DELETE FROM hostler_suspect WHERE service = :service AND topic = :topic AND topic_id = :id AND partition = :partition AND record_offset < :next",
        use(found.service), use(p.where.topic), use(topic_id), use(partition), use(next);
    std::string reason;
    long long offset = 0, crashes = 0, alone = 0;
    soci::statement read = (session_.prepare << "SELECT record_offset, crashes, alone, reason, how FROM hostler_suspect WHERE service = :service AND topic = :topic "
                                                "AND topic_id = :id AND partition = :partition ORDER BY record_offset",
                            use(found.service), use(p.where.topic), use(topic_id), use(partition), soci::into(offset), soci::into(crashes), soci::into(alone),
                            soci::into(reason), soci::into(found.how));
    read.execute();
    found.where = p.where;
    found.topic_id = p.topic_id;
    while (read.fetch()) {
      found.offset = {offset};
      found.crashes = static_cast<std::uint32_t>(crashes);
      found.alone = static_cast<std::uint32_t>(alone);
      found.hung = reason == "hung";
      out.push_back(found);
    }
  }
  return out;
}

void SqliteStatements::erase_suspects(std::string_view service, std::span<const runtime::OriginKey> places) {
  const std::string owner(service);
  for (const auto& p : places) {
    const std::string topic(p.topic);
    const long long topic_id = p.topic_id, partition = p.partition.value, offset = p.offset.value;
    session_ << "DELETE FROM hostler_suspect WHERE service = :service AND topic = :topic AND topic_id = :id AND partition = :partition AND record_offset = :off",
        use(owner), use(topic), use(topic_id), use(partition), use(offset);
  }
}

}  // namespace hostler::store
