#include "bench/traffic.h"

#include <fmt/core.h>

#include <stdexcept>

#include "support/kafka_client.h"

namespace hostler::bench {
namespace {

std::string uuid(std::mt19937_64& random) {
  const std::uint64_t a = random(), b = random();
  return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xfff,
                     (b >> 48) & 0xfff, b & 0xffffffffffff);
}

std::string envelope(const std::string& id, std::uint64_t user, std::mt19937_64& random) {
  std::string text = fmt::format(
      R"({{"eventId":"{}","eventType":"interview.answered","timestamp":"2026-01-31T10:00:00.000Z",)"
      R"("userId":"user-{:06}","interviewId":"interview-{:08x}","payload":")",
      id, user, random() & 0xffffffff);
  while (text.size() + 18 <= envelope_size) text += fmt::format("{:08x} answer ", random() & 0xffffffff);
  text.resize(envelope_size - 2, 'x');
  return text + "\"}";
}

} // namespace

Traffic::Traffic(const std::string& brokers, Hurry hurry) {
  auto* conf = rd_kafka_conf_new();
  char error[512];
  const auto set = [&](const char* name, const std::string& value) {
    if (rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK)
      throw std::runtime_error(error);
  };
  set("bootstrap.servers", brokers);
  set("compression.codec", "lz4");
  set("linger.ms", hurry == Hurry::latency ? "0" : "50");
  set("socket.nagle.disable", "true");
  set("queue.buffering.max.messages", "500000");
  set("enable.idempotence", "true");
  rd_kafka_conf_set_opaque(conf, &failed_);
  rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* failed) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) ++*static_cast<std::uint64_t*>(failed);
  });
  client_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error));
  if (!client_) throw std::runtime_error(error);
}

void Traffic::produce(const std::string& topic, std::int32_t partition) {
  const std::string id = uuid(random_);
  const std::uint64_t user = random_() % 100'000;
  const std::string key = fmt::format("user-{:06}", user), value = envelope(id, user, random_);
  for (;;) {
    const auto error = rd_kafka_producev(
        client_.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.data(), key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), // copied, not written
        RD_KAFKA_V_HEADER(id_header, id.data(), static_cast<ssize_t>(id.size())),
        RD_KAFKA_V_HEADER("source", "interview-platform", -1), RD_KAFKA_V_END);
    rd_kafka_poll(client_.get(), error == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 10 : 0);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) throw std::runtime_error(rd_kafka_err2str(error));
  }
}

void Traffic::flush() {
  if (rd_kafka_flush(client_.get(), 60'000) != RD_KAFKA_RESP_ERR_NO_ERROR || failed_ > 0)
    throw std::runtime_error(fmt::format("{} records were not delivered", failed_));
}

void preload(const std::string& brokers, const std::string& topic, std::uint64_t records) {
  testing::KafkaClient client(brokers);
  client.create_topic(topic, partitions, {{"compression.type", "producer"}});
  Traffic traffic(brokers, Traffic::Hurry::throughput);
  for (std::uint64_t i = 0; i < records; ++i)
    traffic.produce(topic, static_cast<std::int32_t>(i % partitions));
  traffic.flush();
  if (client.count(topic) != static_cast<std::int64_t>(records))
    throw std::runtime_error(topic + " does not hold what was produced");
}

} // namespace hostler::bench
