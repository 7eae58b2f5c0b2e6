// PgStatements::take_over: rare, so that its statements are not kept.
#include <soci/soci.h>

#include "store/pg_statements.h"
#include "store/pg_text.h"
#include "store/sorted.h"

namespace hostler::store {

using soci::use;

std::vector<core::Mark> PgStatements::take_over(std::string_view service, std::string_view cluster_id, std::span<const runtime::TakeOver> partitions) {
  const auto order = sorted_once(partitions);
  const std::string owner(service), cluster(cluster_id);
  std::string topics, numbers, starts, topic_ids;
  {
    ArrayLiteral t(topics), n(numbers), s(starts);
    for (const std::size_t i : order) {
      t.text(partitions[i].where.topic);
      n.number(partitions[i].where.partition.value);
      s.number(partitions[i].start.value);
    }
    for (ArrayLiteral* a : {&t, &n, &s}) a->close();
  }
  // A mark of the topic's highest generation, which is 1 on first sight.
  session_ << "INSERT INTO hostler_mark (service, topic, topic_id, partition, next_offset) SELECT cast(:service as text), u.topic, "
              "coalesce((SELECT max(m.topic_id) FROM hostler_mark m WHERE m.service = :service2 AND m.topic = u.topic), 1), u.part, u.start "
              "FROM unnest(cast(:topics as text[]), cast(:numbers as integer[]), cast(:starts as bigint[])) AS u(topic, part, start) "
              "ON CONFLICT DO NOTHING",
      use(owner), use(owner), use(topics), use(numbers), use(starts);

  // FOR UPDATE, not a bare UPDATE: it waits for everybody who holds the mark in any strength.
  std::vector<core::Mark> out(partitions.size());
  std::string topic;
  long long topic_id = 0, partition = 0, next = 0, epoch = 0;
  soci::statement lock = (session_.prepare
          << "SELECT m.topic, m.topic_id, m.partition, m.next_offset, m.epoch FROM hostler_mark m "
             "JOIN unnest(cast(:topics as text[]), cast(:numbers as integer[])) AS u(topic, part) ON m.topic = u.topic AND m.partition = u.part "
             "WHERE m.service = :service AND m.topic_id = (SELECT max(x.topic_id) FROM hostler_mark x WHERE x.service = m.service AND x.topic = m.topic) "
             "ORDER BY m.topic, m.topic_id, m.partition FOR UPDATE OF m",
      use(topics), use(numbers), use(owner), soci::into(topic), soci::into(topic_id), soci::into(partition), soci::into(next), soci::into(epoch));
  lock.execute();
  ArrayLiteral ids(topic_ids);
  std::size_t found = 0;
  while (lock.fetch()) {
    if (found == order.size() || partitions[order[found]].where.topic != topic || partitions[order[found]].where.partition.value != partition)
      throw soci::soci_error("the marks came back in another order than they were asked for");
    ids.number(topic_id);
    const core::Mark mark{{next}, epoch + 1, static_cast<std::int32_t>(topic_id)};
    for (std::size_t i = 0; i < partitions.size(); ++i)
      if (partitions[i].where == partitions[order[found]].where) out[i] = mark;
    ++found;
  }
  if (found != order.size()) throw soci::soci_error("a mark vanished while it was taken over");
  ids.close();

  session_ << "UPDATE hostler_mark m SET epoch = epoch + 1, cluster_id = coalesce(cluster_id, nullif(cast(:cluster as text), '')) "
              "FROM unnest(cast(:topics as text[]), cast(:ids as integer[]), cast(:numbers as integer[])) AS u(topic, id, part) "
              "WHERE m.service = :service AND m.topic = u.topic AND m.topic_id = u.id AND m.partition = u.part",
      use(cluster), use(topics), use(topic_ids), use(numbers), use(owner);
  return out;
}

}  // namespace hostler::store
