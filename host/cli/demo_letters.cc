#include "cli/demo_letters.h"

#include <algorithm>

#include "core/headers.h"
#include "kafka/consumer.h"

namespace hostler::cli {

namespace {
constexpr std::size_t most_records = 500;
constexpr core::Millis wait{100};
} // namespace

class DeadLetterReader::FromTheStart final : public runtime::Assignments {
 public:
  core::Result<std::vector<runtime::StartPosition>> start_positions(
      std::span<const runtime::AssignedPartition> assigned) override {
    std::vector<runtime::StartPosition> positions;
    for (const auto& partition : assigned) positions.push_back({partition.start, std::nullopt});
    return positions;
  }
  void revoked(std::span<const core::TopicPartition> /*partitions*/, bool /*lost*/) override {}
};

DeadLetterReader::DeadLetterReader(const std::string& brokers,
                                   const std::map<std::string, std::string>& properties,
                                   std::vector<std::string> topics)
    : assignments_(std::make_unique<FromTheStart>()) {
  kafka::ConsumerOptions options;
  options.brokers = brokers;
  options.client_id = "demo-dead-letter-reader";
  options.group = "demo-dead-letter-reader";
  options.topics = std::move(topics);
  options.start = core::Start::earliest;
  options.properties = properties;
  options.assignments = assignments_.get();
  consumer_ = std::make_unique<kafka::KafkaConsumer>(std::move(options));
}

DeadLetterReader::~DeadLetterReader() { stop(); }

core::Status<> DeadLetterReader::start() {
  if (auto started = consumer_->start(); !started) return started;
  thread_ = std::thread([this] { run(); });
  return core::Status<>::success();
}

void DeadLetterReader::stop() {
  if (!thread_.joinable()) return;
  consumer_->drain();
  thread_.join();
  consumer_->close();
}

void DeadLetterReader::run() {
  auto& source = consumer_->source(0);
  core::Batch batch;
  while (!source.draining()) {
    if (!source.poll(batch, most_records, core::Millis(0), wait)) continue;
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      const auto& record = batch.records[i];
      DeadLetter letter;
      letter.topic = batch.where.topic;
      letter.key = record.key.view();
      if (!record.value.is_null()) letter.value = record.value.view();
      std::uint64_t size = record.key.size + record.value.size;
      for (const auto& h : batch.storage->headers(i)) {
        size += h.name.size() + h.value.size;
        if (h.name == core::header::handler) letter.service = h.value.view();
        if (h.name == core::header::reason) letter.reason = h.value.view();
        if (h.name == core::header::error_message) letter.message = h.value.view();
        if (h.name == core::header::event_id) letter.event_id = h.value.view();
      }
      const std::lock_guard lock(mutex_);
      bytes_[letter.topic] += size;
      letters_.push_back(std::move(letter));
    }
    source.settled(batch, batch.records.back().delivered_offset.next());
  }
}

std::vector<DeadLetter> DeadLetterReader::letters() const {
  const std::lock_guard lock(mutex_);
  return letters_;
}

std::vector<DeadLetter> DeadLetterReader::latest(std::size_t most) const {
  const std::lock_guard lock(mutex_);
  return {letters_.end() - static_cast<std::ptrdiff_t>(std::min(most, letters_.size())), letters_.end()};
}

std::size_t DeadLetterReader::count() const {
  const std::lock_guard lock(mutex_);
  return letters_.size();
}

std::uint64_t DeadLetterReader::bytes(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = bytes_.find(topic);
  return found == bytes_.end() ? 0 : found->second;
}

} // namespace hostler::cli
