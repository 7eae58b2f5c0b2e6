// What `check` says of topics, on a cluster made of a map.
#include "cli/check.h"
#include "cli/commands.h"

#include "support/catch.h"

using namespace hostler;
using namespace hostler::cli;
using hostler::testing::contains;
using Level = Finding::Level;
using Settings = std::map<std::string, std::string>;

namespace {

class MapAdmin final : public runtime::Admin {
 public:
  void add(const std::string& name, int partitions, Settings topic_settings = {}, int replication = 1) {
    infos_[name] = {name, partitions, replication};
    settings_[name] = std::move(topic_settings);
  }
  bool down = false;
  bool settings_refused = false;
  bool hidden = false; // what is not listed may not be looked at

  core::Result<std::vector<runtime::TopicInfo>> topics() override {
    if (down) return core::Error{"no broker answers"};
    std::vector<runtime::TopicInfo> all;
    for (const auto& [name, info] : infos_) all.push_back(info);
    return all;
  }
  core::Result<std::optional<runtime::TopicInfo>> topic(const std::string& name) override {
    if (hidden) return core::Error{"cannot look at topic " + name + ": TOPIC_AUTHORIZATION_FAILED"};
    const auto found = infos_.find(name);
    return found == infos_.end() ? std::optional<runtime::TopicInfo>() : std::optional(found->second);
  }
  core::Result<Settings> settings(const std::string& topic) override {
    if (settings_refused) return core::Error{"not authorized"};
    return settings_.at(topic);
  }
  core::Status<> create(std::span<const runtime::TopicSpec>) override {
    FAIL("check must not create anything");
    return core::Status<>::success();
  }
  core::Result<std::string> cluster_id() override { return std::string("map"); }

 private:
  std::map<std::string, runtime::TopicInfo> infos_;
  std::map<std::string, Settings> settings_;
};

core::HostConfig config_for(const std::vector<std::string>& topics) {
  core::HostConfig config;
  core::HandlerConfig handler;
  handler.name = "users";
  handler.group = "g";
  handler.where = "x.toml:5";
  handler.topics = topics;
  handler.retry.delays = {{"1m", std::chrono::minutes(1)}};
  config.handlers.push_back(handler);
  return config;
}

Findings check(const core::HostConfig& config, MapAdmin& admin, const KafkaQuestions& questions = {}) {
  Findings findings;
  check_topics(config, "", admin, questions, findings);
  return findings;
}

std::string texts(const Findings& findings, Level level) {
  std::string all;
  for (const Finding& finding : findings) {
    if (finding.level == level) all += finding.text + "\n";
  }
  return all;
}

const Settings fitting_retry = {
    {"retention.ms", "604800000"}, {"cleanup.policy", "delete"}, {"max.message.bytes", "1200000"}};
const Settings fitting_letters = {
    {"retention.ms", "2592000000"}, {"cleanup.policy", "delete"}, {"max.message.bytes", "1200000"}};

} // namespace

TEST_CASE("a source topic that is missing is wrong") {
  MapAdmin admin;
  const Findings findings = check(config_for({"t"}), admin);
  CHECK(texts(findings, Level::wrong) ==
        "t does not exist, handler 'users' reads it (x.toml:5); create it, or let this user see it\n");
  CHECK(exit_code_of(findings) == exit_not_fine);
}

TEST_CASE("missing retry and dead-letter topics are planned, or wrong if nobody may create them") {
  MapAdmin admin;
  admin.add("t", 3);
  core::HostConfig config = config_for({"t"});
  Findings findings = check(config, admin);
  CHECK(texts(findings, Level::plan) ==
        "retry topic t.g.retry.1m will be created with 3 partitions\ndead-letter topic t.g.dlq will be "
        "created with 1 partition\n'users' reads t as group g; settles in [ledger]; writes t.g.retry.1m, t.g.dlq\n");
  CHECK(exit_code_of(findings) == exit_fine);

  config.handlers[0].retry.create_topics = config.handlers[0].dead_letter.create_topics = false;
  findings = check(config, admin);
  CHECK_THAT(texts(findings, Level::wrong),
             contains("retry topic t.g.retry.1m does not exist and create_topics = false (x.toml:5); create "
                      "it with 3 partitions") &&
                 contains("dead-letter topic t.g.dlq does not exist and create_topics = false"));

  config.handlers[0].enabled = false;
  CHECK(exit_code_of(check(config, admin)) == exit_fine);
}

TEST_CASE("topics that fit are fine") {
  MapAdmin admin;
  admin.add("t", 3, {{"max.message.bytes", "1048588"}});
  admin.add("t.g.retry.1m", 3, fitting_retry);
  admin.add("t.g.dlq", 1, fitting_letters);
  const Findings findings = check(config_for({"t"}), admin);
  CHECK_THAT(texts(findings, Level::fine), contains("t: 3 partitions, read by 'users' as group g") &&
                                               contains("retry topic t.g.retry.1m: fits") &&
                                               contains("dead-letter topic t.g.dlq: fits"));
  CHECK(findings.size() == 5);
  CHECK(exit_code_of(findings) == exit_fine);
}

TEST_CASE("topics that would lose copies are wrong") {
  MapAdmin admin;
  admin.add("t", 3, {{"max.message.bytes", "2000000"}});
  Settings settings = fitting_retry;
  settings["cleanup.policy"] = "compact,delete";
  settings["retention.ms"] = "60000";
  admin.add("t.g.retry.1m", 3, settings);
  admin.add("t.g.dlq", 1, fitting_letters);
  const std::string wrong = texts(check(config_for({"t"}), admin), Level::wrong);
  CHECK_THAT(wrong, contains("retry topic t.g.retry.1m keeps records for retention.ms = 60000, which is less "
                             "than ten times its delay (600000); raise it"));
  CHECK_THAT(wrong, contains("retry topic t.g.retry.1m has cleanup.policy = compact,delete"));
  CHECK_THAT(wrong, contains("retry topic t.g.retry.1m has max.message.bytes = 1200000, its source t "
                             "2000000; raise it by at least 865536"));
  CHECK_THAT(wrong, contains("dead-letter topic t.g.dlq has max.message.bytes = 1200000"));
}

TEST_CASE("topics that are weaker than their source are warned of") {
  MapAdmin admin;
  admin.add("t", 4, {{"min.insync.replicas", "2"}}, 3);
  admin.add("t.g.retry.1m", 2, fitting_retry, 1);
  Settings short_letters = fitting_letters;
  short_letters["retention.ms"] = "1000";
  admin.add("t.g.dlq", 1, short_letters, 3);
  const Findings findings = check(config_for({"t"}), admin);
  const std::string warnings = texts(findings, Level::warning);
  CHECK_THAT(warnings, contains("retry topic t.g.retry.1m has 2 partitions, its source t has 4; copies are "
                                "then spread by key; add partitions"));
  CHECK_THAT(warnings, contains("retry topic t.g.retry.1m has 1 replica, its source t has 3"));
  CHECK_THAT(warnings,
             contains("retry topic t.g.retry.1m has min.insync.replicas = 1, less than its source t"));
  CHECK_THAT(warnings, contains("dead-letter topic t.g.dlq keeps records for retention.ms = 1000, which is "
                                "less than dead_letter.retention (2592000000)"));
  CHECK(exit_code_of(findings) == exit_fine);
}

TEST_CASE("unlimited retention is enough") {
  MapAdmin admin;
  admin.add("t", 1);
  Settings settings = fitting_retry;
  settings["retention.ms"] = "-1";
  admin.add("t.g.retry.1m", 1, settings);
  admin.add("t.g.dlq", 1, settings);
  CHECK(texts(check(config_for({"t"}), admin), Level::wrong).empty());
}

TEST_CASE("a pattern is checked on what it matches, never on derived topics") {
  MapAdmin admin;
  admin.add("chat.a", 1);
  admin.add("chat.b", 2);
  admin.add("chat.a.g.retry.1m", 1, fitting_retry);
  admin.add("other", 1);
  const Findings findings = check(config_for({"chat.*"}), admin);
  const std::string fine = texts(findings, Level::fine);
  CHECK_THAT(fine, contains("chat.a: 1 partition,") && contains("chat.b: 2 partitions") &&
                       contains("retry topic chat.a.g.retry.1m: fits"));
  CHECK_THAT(fine, !contains("chat.a.g.retry.1m: 1 partition"));
  CHECK(texts(check(config_for({"none.*"}), admin), Level::warning) ==
        "no topic matches 'none.*' of handler 'users' yet; it is read as soon as there is one\n");
}

TEST_CASE("what cannot be found out is unreachable, unless something is wrong for sure") {
  MapAdmin admin;
  admin.add("t", 1);
  admin.settings_refused = true;
  Findings findings = check(config_for({"t"}), admin);
  CHECK(texts(findings, Level::unreachable) == "settings of t cannot be read: not authorized\n");
  CHECK(exit_code_of(findings) == exit_unreachable);
  findings.push_back({Level::wrong, "plugin", "missing"});
  CHECK(exit_code_of(findings) == exit_not_fine);

  admin.down = true;
  findings = check(config_for({"t"}), admin);
  CHECK(texts(findings, Level::unreachable) == "no broker answers\n");
}

TEST_CASE("what the brokers would refuse to create is wrong before it is needed") {
  MapAdmin admin;
  admin.add("t", 3);
  std::vector<std::string> asked;
  KafkaQuestions questions;
  questions.try_create = [&](std::span<const runtime::TopicSpec> topics) -> core::Status<> {
    for (const runtime::TopicSpec& topic : topics) asked.push_back(topic.name);
    if (topics[0].name.ends_with("dlq")) return core::Error{"CLUSTER_AUTHORIZATION_FAILED"};
    return core::Status<>::success();
  };
  const Findings findings = check(config_for({"t"}), admin, questions);
  CHECK(asked == std::vector<std::string>{"t.g.retry.1m", "t.g.dlq"});
  CHECK_THAT(texts(findings, Level::plan), contains("retry topic t.g.retry.1m will be created"));
  CHECK(texts(findings, Level::wrong) ==
        "dead-letter topic t.g.dlq could not be created: CLUSTER_AUTHORIZATION_FAILED\n");
}

TEST_CASE("a handler's plan says where it begins, what it writes and where it settles") {
  MapAdmin admin;
  admin.add("t", 3);
  admin.add("u", 1);
  core::HostConfig config = config_for({"t", "u"});
  config.handlers[0].start = core::Start::latest;
  config.handlers[0].dead_letter.topic = "letters";
  KafkaQuestions questions;
  std::size_t committed = 0;
  questions.committed_partitions = [&](const std::string& group) -> core::Result<std::size_t> {
    CHECK(group == "g");
    return committed;
  };
  CHECK_THAT(texts(check(config, admin, questions), Level::plan),
             contains("'users' reads t, u as group g, which is new and begins at the latest record; settles in "
                      "[ledger]; writes t.g.retry.1m, letters, u.g.retry.1m\n"));
  committed = 2;
  config.ledgers["audit"];
  config.handlers[0].ledger = "audit";
  CHECK_THAT(texts(check(config, admin, questions), Level::plan),
             contains("which goes on where it has committed (2 partitions); settles in [ledgers.audit]"));
  config.handlers[0].idempotency = core::Idempotency::off;
  CHECK_THAT(texts(check(config, admin, questions), Level::plan), contains("; settles in Kafka's offsets alone; writes"));
  config.handlers[0].effects = core::Effects::kafka;
  CHECK_THAT(texts(check(config, admin, questions), Level::plan),
             contains("; settles in transactions of the brokers, for which this user needs the rights Write and Describe on the transactional "
                      "ids that begin with hostler/g; writes"));
  questions.committed_partitions = [](const std::string&) -> core::Result<std::size_t> {
    return core::Error{"cannot look at group g: GROUP_AUTHORIZATION_FAILED"};
  };
  CHECK(texts(check(config, admin, questions), Level::wrong) ==
        "cannot look at group g: GROUP_AUTHORIZATION_FAILED; this user needs the right Read on the group\n");
}

TEST_CASE("a topic that may not be seen is not called missing") {
  MapAdmin admin;
  admin.hidden = true;
  CHECK(texts(check(config_for({"t"}), admin), Level::wrong) ==
        "handler 'users' (x.toml:5) cannot look at topic t: TOPIC_AUTHORIZATION_FAILED; does this user have the "
        "rights Describe and Read on it?\n");
}

TEST_CASE("only handlers of the cluster that is looked at are checked there") {
  MapAdmin admin;
  core::HostConfig config = config_for({"t"});
  config.handlers[0].cluster = "other";
  CHECK(texts(check(config, admin), Level::wrong).empty());
}

TEST_CASE("what is remembered must outlast what can come back") {
  MapAdmin admin;
  admin.add("t", 1, {{"retention.ms", "864000000"}}); // ten days
  core::HostConfig config = config_for({"t"});
  CHECK(texts(check(config, admin), Level::warning).empty());
  config.ledger.retention = std::chrono::hours(24);
  const Findings findings = check(config, admin);
  CHECK(texts(findings, Level::warning) ==
        "the ledger of handler 'users' forgets after 1 day, its dead letters are kept for 30 days; one that was "
        "replayed and is then sent to its source again is handled once more\n"
        "t keeps records for 10 days, the ledger of handler 'users' forgets after 1 day; records older than that are "
        "handled again when offsets are set back\n");
  config.handlers[0].retry.delays = {{"6h", std::chrono::hours(6)}, {"12h", std::chrono::hours(12)}};
  config.handlers[0].retry.max_retries = 3; // 6 + 12 + 12 hours
  CHECK_THAT(texts(check(config, admin), Level::wrong),
             contains("the ledger of handler 'users' forgets after 1 day, but its retries wait for 1800 minutes "
                      "altogether; raise 'retention' in its ledger"));
  config.handlers[0].idempotency = core::Idempotency::off;
  CHECK(texts(check(config, admin), Level::wrong).empty());
}

TEST_CASE("a refused login is wrong, not unreachable") {
  Findings findings = {{Level::unreachable, "broker", "no broker answers"}, {Level::unreachable, "database", "no database answers"}};
  explain_login(findings, "");
  CHECK(exit_code_of(findings) == exit_unreachable);
  explain_login(findings, "SASL authentication error: nope; look at 'sasl_username'");
  CHECK(texts(findings, Level::wrong) == "the login is refused: SASL authentication error: nope; look at 'sasl_username'\n");
  CHECK(texts(findings, Level::unreachable) == "no database answers\n");
}

TEST_CASE("lanes that a handler does not use are warned of") {
  core::HostConfig config = config_for({"t"});
  config.handlers[0].plugin = "p.so";
  bool single = true;
  const PluginProbe probe = [&](const core::HostConfig&, const core::HandlerConfig&) -> core::Result<PluginFacts> {
    return PluginFacts{single};
  };
  const auto warnings = [&] {
    Findings findings;
    check_plugins(config, probe, findings);
    return texts(findings, Level::warning);
  };
  CHECK(warnings().empty());
  config.handlers[0].lanes = 4;
  CHECK(warnings() == "handler 'users' asks for one lane; lanes = 4 has no effect, leave it out\n");
  single = false;
  CHECK(warnings().empty());
}
