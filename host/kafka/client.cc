#include "kafka/client.h"

#include <array>
#include <chrono>
#include <future>
#include <string_view>
#include <thread>
#include <utility>

#include "kafka/client_limits.h"
#include "kafka/login.h"

namespace hostler::kafka {
namespace {
constexpr std::chrono::seconds patience_at_the_end{5};

std::string property(const rd_kafka_conf_t* conf, const char* name) {
  std::array<char, 128> value{};
  std::size_t size = value.size();
  return rd_kafka_conf_get(conf, name, value.data(), &size) == RD_KAFKA_CONF_OK ? value.data() : "";
}

// Not so where no connection was made; words that are not known count.
bool may_have_lost_a_request(rd_kafka_resp_err_t code, std::string_view text) {
  return code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && code != RD_KAFKA_RESP_ERR__RESOLVE && text.find(": Connect to ") == std::string_view::npos;
}
}

core::Result<std::shared_ptr<Client>> Client::create(rd_kafka_type_t type, ConfHandle conf, LogFn log, std::string who) {
  const std::shared_ptr<Client> client(new Client(std::move(log), std::move(who)), &Client::end);
  client->scram_fails_ = scram_fails_on_kafka_4({{"sasl.mechanisms", property(conf.get(), "sasl.mechanisms")}});
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_error_cb(conf.get(), &Client::error);
  rd_kafka_conf_set_log_cb(conf.get(), &Client::log_line);
  if (type == RD_KAFKA_CONSUMER) rd_kafka_conf_set_rebalance_cb(conf.get(), &Client::rebalance);

  std::array<char, 512> text{};
  rd_kafka_t* handle = rd_kafka_new(type, conf.get(), text.data(), text.size());
  if (handle == nullptr) {
    return core::Error{std::string("cannot create a Kafka client: ") + text.data() + "; see [kafka] and its properties"};
  }
  static_cast<void>(conf.release());  // rd_kafka_new took it
  client->handle_.reset(handle);
  return client;
}

// What mattered (offsets, leaving the group) is done before. librdkafka 2.0.2 waits for ever in the end of a consumer that read a topic
// which was deleted meanwhile: such an instance is left to itself, with the callbacks' object, and the host goes on without it.
void Client::end(Client* client) {
  const std::string who = client->who_;
  const LogFn log = client->log_;
  const auto over = std::make_shared<std::promise<void>>();
  auto ended = over->get_future();
  std::thread([client, over] {
    delete client;
    over->set_value();
  }).detach();
  if (ended.wait_for(patience_at_the_end) == std::future_status::timeout && log)
    log(LogLevel::warning, who + ": the Kafka client does not end (a topic it read was deleted?); it is left behind, nothing is lost");
}

void Client::rebalance(rd_kafka_t* rk, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions, void* self) {
  auto* client = static_cast<Client*>(self);
  if (client->on_rebalance) {
    client->on_rebalance(what, partitions);
  } else {
    rd_kafka_assign(rk, nullptr);
  }
  rd_kafka_yield(rk);  // back to the poller, which has something to do now
}

void Client::error(rd_kafka_t* rk, int err, const char* text, void* self) {
  auto* client = static_cast<Client*>(self);
  const auto code = static_cast<rd_kafka_resp_err_t>(err);
  if (may_have_lost_a_request(code, text)) client->troubles_.fetch_add(1);
  if (code == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 512> why{};
    const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, why.data(), why.size());
    client->reporter_.trouble(LogLevel::error, "fatal", rd_kafka_err2name(fatal), std::string("fatal: ") + why.data());
    return;
  }
  client->broker_failed(code, text);
}

void Client::broker_failed(rd_kafka_resp_err_t code, const std::string& text) {
  const std::string words = error_text(code) + ": " + text;
  if (const auto mend = login_mend(text, scram_fails_)) {
    in_trouble_.store(true);
    refuse_login(words + "; " + *mend);
    reporter_.trouble(LogLevel::error, "login", *mend, words + "; " + *mend);
    return;
  }
  in_trouble_.store(true);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !refused_login().empty()) return;  // why, was said
  const std::string hint = hang_up_hint();
  // One broker of several going away is the client's business; it says so itself when none is left.
  const bool minor = code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT;
  reporter_.trouble(minor ? LogLevel::info : LogLevel::error, minor ? "a broker" : "brokers", rd_kafka_err2name(code),
                            hint.empty() ? words : words + "; " + hint);
}

void Client::log_line(const rd_kafka_t* rk, int level, const char* facility, const char* text) {
  auto* client = static_cast<Client*>(rd_kafka_opaque(rk));
  const std::string_view about(facility);
  if (about == "FAIL" && !client->heard_.load(std::memory_order_relaxed)) {  // a broker's hanging up is told here only
    if (auto hint = kafka::hang_up_hint(text); !hint.empty()) client->hang_up(std::move(hint));
  }
  // Consumer properties given to a producer and the like; what error() says already; what only ancient brokers do.
  if (about == "CONFWARN" || about == "FAIL" || about == "ERROR" || about == "AUTOCREATE") return;
  const LogLevel severity = level <= 3 ? LogLevel::error : level == 4 ? LogLevel::warning : LogLevel::info;
  if (severity == LogLevel::info) {
    client->reporter_.say(LogLevel::debug, text);
  } else {
    client->reporter_.trouble(severity, "librdkafka " + std::string(about), std::string(about), text);
  }
}

}  // namespace hostler::kafka
