// sql_effects.so - handlers whose effect is one row per record, enqueued; steered by the record's value, see
// steering.h.
//
//   sql.effects   record style; also
//     badsql:…          enqueues a statement that breaks NOT NULL of event_id
//     publish:TOPIC:…   publishes the rest to TOPIC under the record's key, and leaves its row
//   sql.batch     batch style; also
//     error:…           fails the whole batch with the rest as its message
//     unset:…           leaves the record without a verdict
//
// Configuration: table = "effects"; a table (event_id text NOT NULL, topic text, part integer, off bigint,
// body bytea). body is the value as it is, NULL for a tombstone.
#include "steering.h"

#include <hostler/plugin.hpp>

#include <string>
#include <string_view>

namespace {

class Effects {
 public:
  explicit Effects(std::string_view config)
      : insert_("INSERT INTO " + steering::table(config) +
                "(event_id, topic, part, off, body) VALUES ($1, $2, $3, $4, $5)") {}
  static void validate_config(std::string_view config) { (void)steering::table(config); }
  static constexpr std::string_view config_schema =
      R"({"type": "object", "additionalProperties": false,
          "properties": {"table": {"type": "string", "pattern": "^[a-z0-9_.]+$"}}})";

 protected:
  // Enqueued before the verdict is known: of a record that is then not done it must leave no trace.
  void enqueue(const hostler::Record& record, hostler::Context& ctx,
               std::optional<std::string_view> event_id) const {
    ctx.sql().enqueue(insert_, event_id, record.topic(), record.partition(), record.offset(), record.value());
  }

 private:
  std::string insert_;
};

class RecordEffects : public Effects {
 public:
  using Effects::Effects;
  hostler::Verdict on_record(const hostler::Record& record, hostler::Context& ctx) const {
    std::string_view value = record.value().text();
    if (steering::take(value, "badsql:")) {
      enqueue(record, ctx, std::nullopt);
      return hostler::done();
    }
    enqueue(record, ctx, record.event_id());
    if (steering::take(value, "publish:")) {
      const std::string_view topic = steering::take_word(value);
      ctx.publish({.topic = topic, .key = record.key(), .value = value});
      return hostler::done();
    }
    return steering::verdict(record);
  }
};

class BatchEffects : public Effects {
 public:
  using Effects::Effects;
  void on_batch(hostler::Batch& batch) const {
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
      const hostler::Record record = batch[i];
      std::string_view value = record.value().text();
      if (steering::take(value, "error:")) throw hostler::Error(std::string(value), 500);
      hostler::Context ctx = batch.context(i);
      enqueue(record, ctx, record.event_id());
      if (!steering::take(value, "unset:")) batch.set(i, steering::verdict(record));
    }
  }
};

} // namespace

HOSTLER_PLUGIN(hostler::handler<RecordEffects>("sql.effects", {.version = "0.1.0",
                                                               .description = "one row per record, by record",
                                                               .flags = hostler::enqueues}),
               hostler::handler<BatchEffects>("sql.batch", {.version = "0.1.0",
                                                            .description = "one row per record, by batch",
                                                            .flags = hostler::enqueues}));
