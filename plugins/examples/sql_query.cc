// sql_query.so - a handler that reads and writes inside the batch's transaction; steered by the record's
// value, see steering.h.
//
//   sql.query   counts the topic's rows with a query (logged at debug level), inserts its own row with another;
//               also
//     read:…     only counts: no write at all
//     badsql:…   a statement that breaks NOT NULL of event_id: the transaction is lost
//
// Configuration: table = "effects", as of sql_effects.cc.
#include "steering.h"

#include <hostler/plugin.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace {

class QueryEffects {
 public:
  explicit QueryEffects(std::string_view config)
      : count_("SELECT count(*) FROM " + steering::table(config) + " WHERE topic = $1"),
        insert_("INSERT INTO " + steering::table(config) +
                "(event_id, topic, part, off, body) VALUES ($1, $2, $3, $4, $5)") {}
  static void validate_config(std::string_view config) { (void)steering::table(config); }

  hostler::Verdict on_record(const hostler::Record& record, hostler::Context& ctx) const {
    std::int64_t rows = 0;
    ctx.sql().query(hostler::read, count_, record.topic(),
                    [&](const hostler::Row& row) { rows = row.get<std::int64_t>(0); });
    if (ctx.logs(hostler::Level::debug))
      ctx.log(hostler::Level::debug, std::to_string(rows) + " rows before this one");

    std::string_view value = record.value().text();
    if (steering::take(value, "read:")) return hostler::done();
    std::optional<std::string_view> event_id = record.event_id();
    if (steering::take(value, "badsql:")) event_id = std::nullopt;
    ctx.sql().query(hostler::write, insert_, event_id, record.topic(), record.partition(), record.offset(),
                    record.value());
    return steering::verdict(record); // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): the Verdict owns it
  }

 private:
  std::string count_;
  std::string insert_;
};

} // namespace

HOSTLER_PLUGIN(hostler::handler<QueryEffects>("sql.query", {.version = "0.1.0",
                                                            .description = "one row per record, by query",
                                                            .flags = hostler::queries}));
