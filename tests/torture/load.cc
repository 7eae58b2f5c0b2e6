#include "torture/load.h"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <stdexcept>

namespace hostler::torture {
namespace {

using std::chrono::steady_clock;

// What becomes of an event, by its value, as in steering.h.
std::string fate(std::uint64_t draw, const std::string& body) {
  if (draw % 8009 == 0) return (draw % 3 == 0 ? "kill:" : draw % 3 == 1 ? "abort:" : "segv:") + body;
  const auto percent = draw % 1000;
  if (percent < 60) return "fail:2:" + body;
  if (percent < 90) return "fail:3:" + body;
  if (percent < 100) return "fail:4:" + body;
  if (percent < 115) return "fail:9:" + body;
  if (percent < 130) return "reject:" + body;
  if (percent < 140) return "retry:" + body;
  if (percent < 145) return "drop:" + body;
  if (percent < 160) return "slow:" + std::to_string(5 + draw / 1000 % 40) + ":" + body;
  return body;
}

} // namespace

struct Load::Client {
  rd_kafka_t* kafka = nullptr;
  std::vector<std::string>* acknowledged = nullptr;
  std::size_t failed = 0;
};

Load::Load(const std::string& bootstrap, std::string topic, double rate, std::uint64_t seed)
    : topic_(std::move(topic)), client_(std::make_unique<Client>()) {
  client_->acknowledged = &acknowledged_;
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char error[512] = "";
  // It never stops waiting for an acknowledgement; what is sent again may be there twice, as twins.
  for (const auto& [name, value] :
       {std::pair("bootstrap.servers", bootstrap.c_str()), std::pair("acks", "all"),
        std::pair("message.timeout.ms", "0"), std::pair("linger.ms", "5"),
        std::pair("reconnect.backoff.max.ms", "500")})
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK)
      throw std::runtime_error(error);
  rd_kafka_conf_set_log_cb(conf, nullptr); // what breaks is known
  rd_kafka_conf_set_opaque(conf, client_.get());
  rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto* client = static_cast<Client*>(opaque);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      ++client->failed;
    else
      client->acknowledged->emplace_back(static_cast<const char*>(message->key), message->key_len);
  });
  client_->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (client_->kafka == nullptr) throw std::runtime_error(error);
  thread_ = std::thread([this, rate, seed] { run(rate, seed); });
}

Load::~Load() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  rd_kafka_destroy(client_->kafka);
}

void Load::stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  if (rd_kafka_flush(client_->kafka, 60'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw std::runtime_error("the brokers still owe acknowledgements");
  if (client_->failed > 0)
    throw std::runtime_error(std::to_string(client_->failed) + " events were refused by the brokers");
}

void Load::run(double rate, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto began = steady_clock::now();
  std::vector<std::pair<std::string, std::string>> recent; // some come a second time
  for (std::uint64_t count = 0; !stop_; ++count) {
    const auto due = began + std::chrono::duration_cast<steady_clock::duration>(
                                 std::chrono::duration<double>(static_cast<double>(count) / rate));
    do rd_kafka_poll(client_->kafka, 1);
    while (!stop_ && steady_clock::now() < due);
    const std::string id = "event-" + std::to_string(count);
    const std::string value = fate(random(), "value " + std::to_string(count));
    produce(id, value);
    recent.emplace_back(id, value);
    if (recent.size() < 50) continue;
    const auto& [again, same] = recent[random() % recent.size()];
    produce(again, same);
    recent.clear();
  }
}

void Load::produce(const std::string& id, const std::string& value) {
  for (;;) {
    const rd_kafka_resp_err_t err = rd_kafka_producev(
        client_->kafka, RD_KAFKA_V_TOPIC(topic_.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(id.data(), id.size()), RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
        RD_KAFKA_V_HEADER("event-id", id.data(), static_cast<ssize_t>(id.size())), RD_KAFKA_V_END);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
      throw std::runtime_error(std::string("cannot produce: ") + rd_kafka_err2str(err));
    rd_kafka_poll(client_->kafka, 50);
  }
}

} // namespace hostler::torture
