#include "flow/host_fixture.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace hostler::flow {
namespace {

std::string unhex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return out;
}

// Enough to recognise an effect in a message.
std::string shown(const Effect& e) {
  return e.event_id + " (" + e.topic + "/" + std::to_string(e.part) + "@" + std::to_string(e.off) + ", " +
         (e.body ? e.body->substr(0, 30) : "null") + ")\n";
}

} // namespace

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string toml_list(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "[" : ", ") + toml_text(text);
  return out.empty() ? "[]" : out + "]";
}

std::string HandlerToml::toml() const {
  std::string out = "[[handler]]\n";
  for (const auto& [key, value] : keys_) out += key + " = " + value + "\n";
  return out;
}

Host::Host(const std::filesystem::path& config, std::map<std::string, std::string> env,
           const std::string& program)
    : process_({program, "run", "--config", config.string()}, {std::move(env), {}, {}}) {}

Host::~Host() {
  if (std::uncaught_exceptions() == 0 || process_.pid() <= 0) return;
  std::fprintf(stderr, "--- host %d ---\n%s\n", process_.pid(), process_.output().c_str());
}

Host& Host::ready(std::chrono::milliseconds patience) {
  if (!process_.wait_for_output("ready: records of every handler can be settled", patience))
    throw std::runtime_error("the host did not become ready; its output:\n" + process_.output());
  return *this;
}

std::uint16_t Host::port() {
  const std::string words = "health and metrics: http://127.0.0.1:";
  if (!process_.wait_for_output(words, std::chrono::seconds(20)))
    throw std::runtime_error("no HTTP port; the host's output:\n" + process_.output());
  const std::string text = process_.output();
  return static_cast<std::uint16_t>(std::stoi(text.substr(text.find(words) + words.size())));
}

int Host::lines_with(std::string_view text) const {
  std::istringstream lines(output());
  int count = 0;
  for (std::string line; std::getline(lines, line);) count += line.find(text) != std::string::npos;
  return count;
}

World::World(std::string server_url, std::string bootstrap)
    : bootstrap_(std::move(bootstrap)), schema_(std::move(server_url)), kafka_(bootstrap_) {}

Postgres& World::db() {
  if (!db_) db_ = std::make_unique<Postgres>(schema_.url());
  return *db_;
}

std::string World::topic(std::string_view text, int partitions,
                         const std::map<std::string, std::string>& config) {
  kafka_.create_topic(name(text), partitions, config);
  return name(text);
}

HandlerToml World::handler(const std::vector<std::string>& topics) const {
  return HandlerToml()
      .text("name", "effects")
      .text("plugin", "sql_effects.so")
      .text("handler", "sql.effects")
      .set("topics", toml_list(topics))
      .text("group", group())
      .text("start", "earliest")
      .text("event_id", "header:event-id")
      .set("retry.delays", R"(["1s", "2s", "4s"])")
      .set("breaker.min_records", "1000000"); // these records fail on purpose, all of them in some tests
}

HandlerToml World::probe(const std::string& which, const std::vector<std::string>& topics,
                         const std::string& output) const {
  HandlerToml toml = handler(topics);
  toml.text("plugin", "flow_probe.so")
      .text("handler", which)
      .text("config.journal", (folder_ / "journal").string());
  if (!output.empty()) toml.text("config.output", output);
  if (which == "probe.bare") toml.text("idempotency", "off");
  return toml;
}

std::filesystem::path World::config(const std::vector<HandlerToml>& handlers, const std::string& host_name,
                                    const std::map<std::string, std::string>& properties) {
  std::map<std::string, std::string> kafka = {{"session.timeout.ms", "6000"},
                                              {"heartbeat.interval.ms", "500"}};
  for (const auto& [key, value] : properties) kafka[key] = value;
  std::string text = "[host]\nname = " + toml_text(host_name) +
                     "\nstate_dir = " + toml_text((folder_ / ("state-" + host_name)).string()) +
                     "\nplugin_dirs = " + toml_list({HOSTLER_PLUGIN_DIR, HOSTLER_FLOW_PLUGIN_DIR}) +
                     "\n[http]\nlisten = \"127.0.0.1:0\"\n[ledger]\nurl = " + toml_text(ledger_url_) +
                     "\n[kafka]\nbrokers = " + toml_list({hosts_bootstrap_}) + "\n" + login_ +
                     "[kafka.properties]\n";
  for (const auto& [key, value] : kafka) text += toml_text(key) + " = " + toml_text(value) + "\n";
  for (const auto& handler : handlers) text += handler.toml();
  return folder_.write(host_name + ".toml", text);
}

void World::migrate(const std::filesystem::path& config) {
  const Finished done = program({"ledger", "migrate", "--config", config.string()});
  if (done.status.code != 0) throw std::runtime_error("hostler ledger migrate failed:\n" + done.output);
  make_effects_table();
}

void World::make_effects_table(const std::string& table) {
  db().exec("CREATE TABLE " + table +
            " (event_id text NOT NULL, topic text, part integer, off bigint, body bytea, "
            "handled_at timestamptz DEFAULT clock_timestamp(), handled_by text DEFAULT "
            "current_setting('application_name'))");
}

void World::make_accounts() {
  db().exec("CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL DEFAULT 0)");
  db().exec("INSERT INTO accounts SELECT generate_series(0, 1999)");
}

std::vector<Effect> World::effects(const std::string& table) {
  std::vector<Effect> found;
  for (const auto& row :
       db().query("SELECT event_id, topic, part, off, body IS NULL, encode(body, 'hex') FROM " + table)) {
    Effect effect{row[0], row[1], std::stoll(row[2]), std::stoll(row[3]), std::nullopt};
    if (row[4] == "f") effect.body = unhex(row[5]);
    found.push_back(std::move(effect));
  }
  std::sort(found.begin(), found.end());
  return found;
}

long long World::effect_count(const std::string& table) {
  return db().number("SELECT count(*) FROM " + table);
}

std::vector<Delivery> World::deliveries() const {
  std::ifstream file(folder_ / "journal");
  std::vector<Delivery> found;
  for (Delivery d; file >> d.event_id >> d.attempt >> d.at_ms >> d.pid;) found.push_back(d);
  return found;
}

std::vector<KafkaRecord> World::read(const std::string& topic) {
  if (!kafka_.has_topic(topic)) return {};
  return kafka_.read(topic);
}

bool World::settled(const std::vector<std::string>& topics) {
  const auto caught_up = [&](const std::string& topic) { return kafka_.lag(group(), topic) == 0; };
  return std::all_of(topics.begin(), topics.end(), caught_up) &&
         db().number("SELECT count(*) FROM hostler_delegated WHERE state = 'retry'") == 0;
}

bool World::settles(const std::vector<std::string>& topics, std::chrono::milliseconds patience) {
  return eventually(patience, [&] { return settled(topics); });
}

KafkaRecord event(const std::string& id, const std::string& value) {
  return {.key = id, .value = value, .headers = {{"event-id", id}}};
}

Reference reference(const std::string& topic, const std::vector<KafkaRecord>& records, int max_retries) {
  Reference out;
  std::set<std::string> seen;
  for (const auto& record : records) {
    const std::string id = record.header("event-id").value();
    if (!seen.insert(id).second) continue;
    const std::string& value = record.value.value();
    bool done = true;
    if (value.starts_with("fail:")) {
      int good = 0;
      std::from_chars(value.data() + 5, value.data() + value.size(), good);
      done = good <= max_retries + 1;
    }
    for (const auto* deadly : {"reject:", "retry:", "throw:", "kill:", "abort:", "segv:"})
      if (value.starts_with(deadly)) done = false;
    if (value.starts_with("drop:")) continue;
    if (done)
      out.effects.push_back({id, topic, record.partition, record.offset, record.value});
    else
      out.dead.insert(id);
  }
  std::sort(out.effects.begin(), out.effects.end());
  return out;
}

std::string difference(const std::vector<Effect>& found, const std::vector<Effect>& expected) {
  std::vector<Effect> more, less;
  std::set_difference(found.begin(), found.end(), expected.begin(), expected.end(), std::back_inserter(more));
  std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(), std::back_inserter(less));
  std::string out;
  constexpr std::size_t most = 10;
  if (!more.empty()) out += std::to_string(more.size()) + " too many, such as\n";
  for (std::size_t i = 0; i < std::min(more.size(), most); ++i) out += "  " + shown(more[i]);
  if (!less.empty()) out += std::to_string(less.size()) + " missing, such as\n";
  for (std::size_t i = 0; i < std::min(less.size(), most); ++i) out += "  " + shown(less[i]);
  return out;
}

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

} // namespace hostler::flow
