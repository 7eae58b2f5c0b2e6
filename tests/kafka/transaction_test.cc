// Transactions of a lane on a real broker: what readers of committed records see, and where the group's offset is.
#include <random>

#include "kafka/transactional_producer.h"
#include "member.h"
#include "runtime/transaction.h"

using namespace hostler;
using namespace hostler::testing;
using Kind = runtime::Transaction::Beginning::Kind;
using Offsets = std::map<std::int32_t, std::int64_t>;

namespace {

struct Setup {
  KafkaClient client;
  const std::string name = unique_prefix();
  const std::string topic = name + "t", output = name + "out", group = name + "g";

  explicit Setup(int records = 10) {
    client.create_topic(topic, 1);
    client.create_topic(output, 1);
    produce_numbers(client, topic, 0, records);
  }
  [[nodiscard]] ConsumerOptions options() const {
    auto options = member_options(group, {topic});
    options.transactions.emplace();
    return options;
  }
  // Values that readers of committed records find.
  std::vector<std::string> seen(const std::string& where) {
    std::vector<std::string> found;
    for (const auto& r : client.read(where)) found.push_back(r.value.value());
    return found;
  }
  std::vector<std::string> seen() { return seen(output); }
  Offsets committed() { return client.committed(group, topic); }
};

using Texts = std::vector<std::string>;

std::vector<runtime::OutRecord> records(const std::string& topic, const Texts& values) {
  std::vector<runtime::OutRecord> out;
  for (const auto& value : values) {
    auto& record = out.emplace_back();
    record.topic = topic;
    record.value = core::Bytes(value);
  }
  return out;
}

core::Offset end_of(const core::Batch& batch) { return Member::end_of(batch); }

std::string incompressible(std::size_t size) {
  std::mt19937 random(1);
  std::string out(size, ' ');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

// As the partition's next owner does. Returns one of the producers.
core::Result<std::unique_ptr<kafka::TransactionalProducer>> take_over(const ConsumerOptions& options, const Setup& s) {
  if (auto first = kafka::TransactionalProducer::open(options, {s.topic, {0}}, 0); !first) return first;
  return kafka::TransactionalProducer::open(options, {s.topic, {0}}, 1);
}

// What a script found wrong; its thread cannot use Catch.
class Verdict {
 public:
  void expect(bool right, const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (!right) wrong_ += what + "\n";
  }
  void end() { ended_ = true; }
  std::string wait() {
    const bool ended = eventually(60s, [this] { return ended_.load(); });
    const std::lock_guard lock(mutex_);
    return ended ? wrong_ : wrong_ + "the script did not end";
  }

 private:
  std::mutex mutex_;
  std::string wrong_;
  std::atomic<bool> ended_{false};
};

// Runs `script` with the first batch, and gives every later one back.
void with_first_batch(Setup& s, const ConsumerOptions& options, const std::function<void(Verdict&, runtime::Source&, core::Batch&, runtime::Transaction&)>& script,
                      std::size_t max_records = 100) {
  Verdict verdict;
  std::atomic<bool> first{true};
  Member member(options, [&](runtime::Source& source, core::Batch& batch) {
    if (first.exchange(false)) {
      script(verdict, source, batch, *source.transaction());
      verdict.end();
    }
    source.give_back(batch, batch.records.front().delivered_offset, std::chrono::steady_clock::now() + 1h);
  });
  member.max_records = max_records;
  member.start();
  CHECK(verdict.wait() == "");
  member.stop();
  static_cast<void>(s);
}

}  // namespace

TEST_CASE("what is published and the offset come true together, and what is aborted never does") {
  Setup s;
  with_first_batch(s, s.options(), [&](Verdict& v, runtime::Source&, core::Batch& batch, runtime::Transaction& t) {
    v.expect(t.begin(batch, end_of(batch)).kind == Kind::begun, "begin");
    v.expect(t.publish(records(s.output, {"aborted"})).empty(), "publish");
    v.expect(t.send_offset().ok(), "offset");
    t.abort();
    v.expect(s.seen().empty(), "aborted, and seen");
    v.expect(s.committed() == Offsets{{0, 0}}, "aborted, and the offset moved");

    std::string why;
    v.expect(t.begin(batch, end_of(batch)).kind == Kind::begun, "begin again");
    v.expect(t.publish(records(s.output, {"a", "b"})).empty(), "publish again");
    v.expect(s.seen().empty(), "seen before the commit");
    v.expect(t.send_offset().ok(), "offset again");
    v.expect(t.commit(&why) == runtime::CommitOutcome::committed, "commit: " + why);
  });
  CHECK(s.seen() == Texts{"a", "b"});
  CHECK(s.committed() == Offsets{{0, 10}});
  CHECK(s.client.read(s.output, Isolation::read_uncommitted).size() == 3);
}

TEST_CASE("transactions that follow each other take turns, and what they publish stays in order") {
  Setup s(50);
  Texts expected;
  for (int i = 0; i < 50; ++i) expected.push_back(std::to_string(i));
  with_first_batch(s, s.options(), [&](Verdict& v, runtime::Source&, core::Batch& batch, runtime::Transaction& t) {
    for (std::int64_t i = 0; i < 50; ++i) {
      std::string why;
      v.expect(t.begin(batch, core::Offset{i + 1}).kind == Kind::begun, "begin");
      const std::string value = std::to_string(i);
      v.expect(t.publish(records(s.output, {value})).empty() && t.send_offset().ok(), "publish");
      v.expect(t.commit(&why) == runtime::CommitOutcome::committed, "commit: " + why);
    }
  });
  CHECK(s.seen() == expected);
  CHECK(s.committed() == Offsets{{0, 50}});
}

TEST_CASE("only the transaction moves the offset: what is called settled is not committed") {
  Setup s;
  with_first_batch(s, s.options(), [&](Verdict&, runtime::Source& source, core::Batch& batch, runtime::Transaction&) { source.settled(batch, core::Offset{7}); });
  CHECK(s.committed() == Offsets{{0, 0}});
}

TEST_CASE("whoever takes the transactional id over ends what the former holder has open") {
  Setup s;
  const auto options = s.options();
  with_first_batch(s, options, [&](Verdict& v, runtime::Source&, core::Batch& batch, runtime::Transaction& t) {
    v.expect(t.begin(batch, end_of(batch)).kind == Kind::begun, "begin");
    v.expect(t.publish(records(s.output, {"fenced"})).empty(), "publish");
    v.expect(t.send_offset().ok(), "offset");
    auto other = take_over(options, s);
    v.expect(other.ok(), "the other's take-over");
    std::string why;
    v.expect(t.commit(&why) == runtime::CommitOutcome::unknown, "the commit of a fenced producer");
    v.expect(why.find("_FENCED") != std::string::npos, why);
    v.expect(s.seen().empty() && s.committed() == Offsets{{0, 0}}, "fenced, and committed");

    // It still has the partition: it takes the id back, and finds that nothing has happened.
    v.expect(t.begin(batch, end_of(batch)).kind == Kind::begun, "begin again");
    v.expect(t.publish(records(s.output, {"right"})).empty(), "publish again");
    v.expect(t.send_offset().ok(), "offset again");
    v.expect(t.commit(&why) == runtime::CommitOutcome::committed, "commit again: " + why);
    v.expect(!(*other)->begin().ok() || !(*other)->publish(records(s.output, {"wrong"})).empty(), "the other is fenced in its turn");
  });
  CHECK(s.seen() == Texts{"right"});
  CHECK(s.committed() == Offsets{{0, 10}});
}

TEST_CASE("after a doubt the group's offset tells whether it has happened") {
  Setup s;
  const auto options = s.options();
  with_first_batch(s, options, [&](Verdict& v, runtime::Source&, core::Batch& batch, runtime::Transaction& t) {
    std::string why;
    const auto settle = [&](const char* value, core::Offset to) {
      const auto begun = t.begin(batch, to);
      v.expect(begun.kind == Kind::begun, std::string("begin ") + value + ": " + begun.why);
      v.expect(t.publish(records(s.output, {value})).empty() && t.send_offset().ok(), value);
      return t.commit(&why);
    };
    const auto doubt = [&] { v.expect(take_over(options, s).ok(), "take-over"); };  // fences

    v.expect(settle("a", core::Offset{4}) == runtime::CommitOutcome::committed, "a: " + why);
    doubt();
    v.expect(t.begin(batch, core::Offset{6}).kind == Kind::begun, "a fenced producer does not know it yet");
    v.expect(!t.publish(records(s.output, {"nobody's"})).empty(), "it does now");
    t.abort();
    // Nothing has happened since: the same again.
    v.expect(settle("b", core::Offset{6}) == runtime::CommitOutcome::committed, "b: " + why);

    // It has happened: what is to be settled now is what the offset says already.
    doubt();
    v.expect(t.begin(batch, core::Offset{8}).kind == Kind::begun && !t.publish(records(s.output, {"nobody's"})).empty(), "fenced again");
    t.abort();
    const auto settled = t.begin(batch, core::Offset{6});
    v.expect(settled.kind == Kind::settled, "settled: " + settled.why);

    // And on from there.
    v.expect(settle("c", core::Offset{9}) == runtime::CommitOutcome::committed, "c: " + why);
  });
  CHECK(s.seen() == Texts{"a", "b", "c"});
  CHECK(s.committed() == Offsets{{0, 9}});
}

TEST_CASE("where somebody else has left the group's offset is told before anything is published") {
  Setup s;
  const auto options = s.options();
  with_first_batch(s, options, [&](Verdict& v, runtime::Source&, core::Batch& batch, runtime::Transaction& t) {
    // Metadata without a generation: the coordinator takes it from anybody. The host never sends such.
    auto other = take_over(options, s);
    v.expect(other.ok() && (*other)->begin().ok() && (*other)->publish(records(s.output, {"other"})).empty(), "the other's transaction");
    v.expect((*other)->send_offset(core::Offset{3}, kafka::GroupMetadataHandle(rd_kafka_consumer_group_metadata_new(s.group.c_str()))).ok(), "its offset");
    v.expect((*other)->commit().ok(), "its commit");
    const auto begun = t.begin(batch, end_of(batch));
    v.expect(begun.kind == Kind::moved && begun.committed == core::Offset{3}, "moved: " + begun.why);
    std::string why;
    v.expect(t.begin(batch, end_of(batch)).kind == Kind::begun && t.publish(records(s.output, {"rest"})).empty() && t.send_offset().ok(), "from there on");
    v.expect(t.commit(&why) == runtime::CommitOutcome::committed, why);
  });
  CHECK(s.seen() == Texts{"other", "rest"});
  CHECK(s.committed() == Offsets{{0, 10}});
}

TEST_CASE("a record that is too large for its topic is told from its neighbours, and the rest can be published") {
  Setup s;
  const std::string narrow = s.name + "narrow";
  s.client.create_topic(narrow, 1, {{"max.message.bytes", "2000"}});
  const std::string large = incompressible(5000);
  with_first_batch(s, s.options(), [&](Verdict& v, runtime::Source&, core::Batch& batch, runtime::Transaction& t) {
    v.expect(t.begin(batch, end_of(batch)).kind == Kind::begun, "begin");
    const auto failures = t.publish(records(narrow, {"a", large, "b"}));
    std::string found;
    for (const auto& f : failures) found += std::to_string(f.index) + " kind " + std::to_string(static_cast<int>(f.kind)) + " " + f.message + "; ";
    v.expect(failures.size() == 1 && failures[0].index == 1 && failures[0].kind == runtime::PublishFailure::Kind::too_large, "the one that is too large, not " + found);
    t.abort();
    std::string why;
    v.expect(t.begin(batch, end_of(batch)).kind == Kind::begun, "begin again");
    v.expect(t.publish(records(narrow, {"a", "b"})).empty(), "the others");
    v.expect(t.send_offset().ok() && t.commit(&why) == runtime::CommitOutcome::committed, "commit " + why);
  });
  CHECK(s.seen(narrow) == Texts{"a", "b"});
}

TEST_CASE("a topic that is missing is told, and found when it is there") {
  Setup s;
  const std::string later = s.name + "later";
  with_first_batch(s, s.options(), [&](Verdict& v, runtime::Source&, core::Batch& batch, runtime::Transaction& t) {
    v.expect(t.begin(batch, end_of(batch)).kind == Kind::begun, "begin");
    const auto failures = t.publish(records(later, {"a"}));
    v.expect(failures.size() == 1 && failures[0].kind == runtime::PublishFailure::Kind::topic_missing, "missing");
    t.abort();
    s.client.create_topic(later);
    std::string why;
    v.expect(t.begin(batch, end_of(batch)).kind == Kind::begun, "begin again");
    const auto now = t.publish(records(later, {"a"}));
    v.expect(now.empty(), now.empty() ? "" : now[0].message);
    v.expect(t.send_offset().ok() && t.commit(&why) == runtime::CommitOutcome::committed, "commit " + why);
  });
  CHECK(s.seen(later) == Texts{"a"});
}

TEST_CASE("once the assignment has ended the offset is refused") {
  Setup s;
  auto options = s.options();
  options.revoke_timeout = 300ms;  // the lane is not waited for
  Verdict verdict;
  std::atomic<bool> first{true};
  Member former(options, [&](runtime::Source& source, core::Batch& batch) {
    if (first.exchange(false)) {
      auto& t = *source.transaction();
      verdict.expect(t.begin(batch, end_of(batch)).kind == Kind::begun, "begin");
      verdict.expect(t.publish(records(s.output, {"late"})).empty(), "publish");
      // Until it is a good member again, of a generation in which the partition may be another's.
      const auto rebalanced = [&] {
        const auto group = s.client.group(s.group);
        return !source.owns(batch) && group.state == "Stable" && group.members == 2;
      };
      verdict.expect(eventually(20s, rebalanced), "the rebalance");
      verdict.expect(!t.send_offset().ok(), "the offset of an ended assignment is refused");
      t.abort();
      verdict.end();
    }
    source.give_back(batch, batch.records.front().delivered_offset, std::chrono::steady_clock::now() + 1h);
  });
  former.start();
  REQUIRE(eventually(20s, [&] { return !first.load(); }));
  Member other(s.options(), [&](runtime::Source& source, core::Batch& batch) {
    source.give_back(batch, batch.records.front().delivered_offset, std::chrono::steady_clock::now() + 1h);
  });
  other.start();
  CHECK(verdict.wait() == "");
  CHECK(s.seen().empty());
  CHECK(s.committed() == Offsets{{0, 0}});
}
