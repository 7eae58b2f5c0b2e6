// forward.so - a handler from Kafka to Kafka: nothing but what it publishes is its effect.
//
//   forward.record    publishes key and value of each record to the topic `output`
//
// With idempotency = "off" and effects = "kafka" each record is published exactly once for readers of committed records.
#include <hostler/plugin.hpp>

#include <string>
#include <string_view>

#include "steering.h"

namespace {

class Forward {
 public:
  explicit Forward(std::string_view config) : output_(steering::setting(config, "output", "")) {
    if (output_.empty()) throw hostler::Error("\"output\" must name the topic to publish to");
  }
  hostler::Verdict on_record(const hostler::Record& record, hostler::Context& ctx) const {
    ctx.publish({.topic = output_, .key = record.key(), .value = record.value()});
    return hostler::done();
  }

 private:
  std::string output_;
};

} // namespace

HOSTLER_PLUGIN(hostler::handler<Forward>("forward.record", {.version = "0.1.0", .description = "publishes what it reads"}));
