// flow_probe.so - handlers that tell a test what they were given.
//
//   probe.bare      no SQL; a done record is published to the topic `output` under its event id, or its key (output_key = "record"); wait = "no": whether it arrives or not
//   probe.lingers   no SQL; its end takes ten minutes
//   probe.effects   a row of `table` per record, enqueued before the verdict is known, as sql.effects does; accounts = "yes": moves 1 between two of
//                   the hundred rows of its partition in the table `accounts`, so that partitions do not wait for each other
//
// What becomes of a record is said by its header `steer`, else by its value, as in steering.h and deaths.h: so can records fail whose value
// must be something else. Each delivery adds a line "event-id attempt milliseconds-since-1970 process-id" to the file `journal`.
#include <fcntl.h>
#include <unistd.h>

#include <hostler/plugin.hpp>

#include <string>
#include <string_view>

#include "deaths.h"
#include "steering.h"

namespace {

class Journal {
 public:
  explicit Journal(const std::string& file) {
    if (file.empty()) return;
    descriptor_ = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor_ < 0) throw hostler::Error("cannot open the journal " + file);
  }
  ~Journal() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  void note(const hostler::Record& record) const {
    if (descriptor_ < 0) return;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::string line =
        std::string(record.event_id()) + ' ' + std::to_string(record.attempt()) + ' ' +
        std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) + ' ' +
        std::to_string(getpid()) + '\n';
    if (write(descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      throw hostler::Unavailable("the journal cannot be written");
  }

 private:
  int descriptor_ = -1;
};

hostler::Verdict steered(const hostler::Record& record, const hostler::Context& ctx) {
  const auto steer = ctx.headers().find("steer");
  if (auto verdict = deaths::die_as_told(record, steer ? steer->text() : record.value().text(), ctx))
    return std::move(*verdict);
  if (!steer) return steering::verdict(record);
  hostler_record other = record.c();
  other.value = steer->c();
  return steering::verdict(hostler::Record(other));
}

class Bare {
 public:
  explicit Bare(std::string_view config)
      : journal_(steering::setting(config, "journal", "")),
        output_(steering::setting(config, "output", "")),
        wait_(steering::setting(config, "wait", "") != "no"),
        records_key_(steering::setting(config, "output_key", "") == "record") {}
  hostler::Verdict on_record(const hostler::Record& record, hostler::Context& ctx) const {
    journal_.note(record);
    if (!output_.empty())
      ctx.publish({.topic = output_, .key = records_key_ ? record.key() : record.event_id(), .value = record.value(), .wait = wait_});
    return steered(record, ctx);
  }

 private:
  Journal journal_;
  std::string output_;
  bool wait_, records_key_;
};

class Lingers {
 public:
  ~Lingers() { std::this_thread::sleep_for(std::chrono::minutes(10)); }
  hostler::Verdict on_record(const hostler::Record&, hostler::Context&) const { return hostler::done(); }
};

class Effects {
 public:
  explicit Effects(std::string_view config)
      : journal_(steering::setting(config, "journal", "")),
        insert_("INSERT INTO " + steering::table(config) +
                "(event_id, topic, part, off, body) VALUES ($1, $2, $3, $4, $5)"),
        accounts_(steering::setting(config, "accounts", "") == "yes") {}
  hostler::Verdict on_record(const hostler::Record& record, hostler::Context& ctx) const {
    journal_.note(record);
    ctx.sql().enqueue(insert_, record.event_id(), record.topic(), record.partition(), record.offset(),
                      record.value());
    if (accounts_) {
      ctx.sql().enqueue("UPDATE accounts SET balance = balance - 1 WHERE id = $2::bigint * 100 + mod(abs(hashtext($1)::bigint), 100)", record.event_id(),
                        record.partition());
      ctx.sql().enqueue("UPDATE accounts SET balance = balance + 1 WHERE id = $2::bigint * 100 + mod(abs(hashtext($1 || ' gets')::bigint), 100)",
                        record.event_id(), record.partition());
    }
    return steered(record, ctx);
  }

 private:
  Journal journal_;
  std::string insert_;
  bool accounts_;
};

} // namespace

HOSTLER_PLUGIN(hostler::handler<Bare>("probe.bare", {.version = "0.1.0", .description = "no SQL"}),
               hostler::handler<Lingers>("probe.lingers",
                                         {.version = "0.1.0", .description = "its end takes ten minutes"}),
               hostler::handler<Effects>("probe.effects", {.version = "0.1.0",
                                                           .description = "one row per record",
                                                           .flags = hostler::enqueues}));
