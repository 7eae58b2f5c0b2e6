#include "config/environment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "config/kafka_properties.h"

namespace hostler::config {
namespace {

// How a variable's text becomes a value.
enum class Form : std::uint8_t {
  text,
  lower,   // a word, however it is written
  list,    // separated by commas
  number,
  millis,  // a number of milliseconds becomes a duration
  delay,   // … a list of one
  days,
  boolean,
  from_beginning, // true: earliest, false: latest
  only_true,      // stands for what the host always does: nothing to set, and nothing else to want
  only_false,
  only_all,
};

struct Variable {
  const char* name;
  std::string_view table; // "" for the variables that set nothing
  std::string_view key;
  Form form;
  const char* hint = "";     // why nothing else is accepted
  const char* property = ""; // the librdkafka property that means the same
};

constexpr std::array variables = {
    Variable{"LOG_LEVEL", "host", "log_level", Form::lower},
    Variable{"KAFKA_BROKERS", "kafka", "brokers", Form::list},
    Variable{"KAFKA_CLIENT_ID", "kafka", "client_id", Form::text},
    Variable{"KAFKA_SASL_MECHANISM", "kafka", "sasl_mechanism", Form::text, "", "sasl.mechanisms"},
    Variable{"KAFKA_SASL_USERNAME", "kafka", "sasl_username", Form::text, "", "sasl.username"},
    Variable{"KAFKA_SSL_ENABLED", "kafka", "tls", Form::boolean, "", "security.protocol"},
    Variable{"SCHEMA_REGISTRY_URL", "kafka", "schema_registry", Form::text},
    Variable{"PRODUCER_COMPRESSION", "kafka", "compression", Form::lower, "", "compression.codec"},
    Variable{"KAFKA_ENABLED", "defaults", "enabled", Form::boolean},
    Variable{"KAFKA_GROUP_ID", "defaults", "group", Form::text},
    Variable{"CONSUMER_GROUP_ID", "defaults", "group", Form::text},
    Variable{"KAFKA_FROM_BEGINNING", "defaults", "start", Form::from_beginning},
    Variable{"KAFKA_SESSION_TIMEOUT", "defaults", "session_timeout", Form::millis, "", "session.timeout.ms"},
    Variable{"KAFKA_HEARTBEAT_INTERVAL", "defaults", "heartbeat", Form::millis, "", "heartbeat.interval.ms"},
    Variable{"KAFKA_MAX_RETRIES", "defaults.retry", "max_retries", Form::number},
    Variable{"KAFKA_RETRY_DELAY_MS", "defaults.retry", "delays", Form::delay},
    Variable{"DEFAULT_PARTITIONS", "defaults.topics", "partitions", Form::number},
    Variable{"DEFAULT_REPLICATION_FACTOR", "defaults.topics", "replication", Form::number},
    Variable{"MESSAGE_RETENTION_DAYS", "defaults.topics", "retention", Form::days},
    Variable{"KAFKA_AUTO_COMMIT", "", "", Form::only_false, "the host commits an offset after its record is settled"},
    Variable{"KAFKA_DLQ_ENABLED", "", "", Form::only_true,
             "a record that fails for good goes to the dead letters, or it would be lost"},
    Variable{"PRODUCER_ACKS", "", "", Form::only_all, "copies and dead letters need acks from all replicas"},
};

class Reader {
 public:
  Reader(Node& document, const Environment& environment, Problems& problems)
      : document_(document), environment_(environment), problems_(problems) {}

  void read(const Variable& variable) {
    const std::string* const text = get(variable.name);
    if (text == nullptr) return;
    const std::optional<Node> value = convert(variable, *text);
    if (!value || variable.table.empty()) return;
    if (const char* const same = variable.property; *same != '\0' && property(same)) return;
    set(variable.name, variable.table, variable.key, *value);
  }

  // KAFKA_SASL_ENABLED, _USERNAME and _PASSWORD belong together, and the password is a secret.
  void read_sasl() {
    const std::string* const enabled = get("KAFKA_SASL_ENABLED");
    const std::string* const password = get("KAFKA_SASL_PASSWORD");
    if (enabled != nullptr && *enabled != "true" && *enabled != "false")
      return wrong("KAFKA_SASL_ENABLED", "is " + in_quotes(*enabled) + "; it can be true or false");
    const bool off = enabled != nullptr && *enabled == "false";
    const Node* const kafka = document_.find("kafka");
    const auto stated = [&](const char* key) { return kafka != nullptr && kafka->find(key) != nullptr; };
    if (off) {
      for (const char* const name : {"KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"}) {
        if (get(name) != nullptr)
          return wrong("KAFKA_SASL_ENABLED", std::string("is false, but ") + name + " is set; unset one of them");
      }
      return;
    }
    if (password != nullptr && !stated("sasl_password_file") && !property("sasl.password")) {
      Node value = node(Node::Kind::string, "KAFKA_SASL_PASSWORD");
      value.text = *password;
      value.masked = "***";
      value.taken_from = "secret";
      problems_.hide(*password, *password);
      set("KAFKA_SASL_PASSWORD", "kafka.properties", "sasl.password", std::move(value));
    }
    if (enabled != nullptr && !stated("sasl_mechanism") && !property("sasl.mechanisms") && !property("sasl.mechanism"))
      wrong("KAFKA_SASL_ENABLED", "is true, but not which mechanism; set KAFKA_SASL_MECHANISM or state "
                                  "sasl_mechanism in [kafka]: \"PLAIN\", \"SCRAM-SHA-256\", \"SCRAM-SHA-512\"");
  }

  std::vector<std::string> took_effect;

 private:
  // nullptr if it is not set, or empty.
  [[nodiscard]] const std::string* get(const char* name) const {
    const auto found = environment_.find(name);
    return found == environment_.end() || found->second.empty() ? nullptr : &found->second;
  }

  void wrong(const char* name, const std::string& what) { problems_.add({"environment", 0, 0, std::string(name) + " " + what}); }

  [[nodiscard]] bool property(const char* name) const {
    const Node* const kafka = document_.find("kafka");
    return kafka != nullptr && find_property(kafka->find("properties"), name) != nullptr;
  }

  static Node node(Node::Kind kind, const char* name) {
    Node made;
    made.kind = kind;
    made.at.file = std::make_shared<const std::string>("environment variable " + std::string(name));
    return made;
  }

  std::optional<std::uint32_t> number(const Variable& variable, const std::string& text) {
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, value);
    if (failure == std::errc() && stop == end) return value;
    wrong(variable.name, "is " + in_quotes(text) + "; it must be a whole number" +
                             (variable.form == Form::millis || variable.form == Form::delay ? " of milliseconds" : ""));
    return std::nullopt;
  }

  std::optional<Node> convert(const Variable& variable, const std::string& text) {
    Node value = node(Node::Kind::string, variable.name);
    switch (variable.form) {
      case Form::text: value.text = text; return value;
      case Form::lower:
        value.text = text;
        std::transform(text.begin(), text.end(), value.text.begin(),
                       [](char c) { return (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c; });
        if (value.text == "warning") value.text = "warn";
        return value;
      case Form::list: return list(variable, text);
      case Form::number: {
        const auto parsed = number(variable, text);
        if (!parsed) return std::nullopt;
        value.kind = Node::Kind::integer;
        value.integer = *parsed;
        return value;
      }
      case Form::millis:
      case Form::delay:
      case Form::days: {
        const auto parsed = number(variable, text);
        if (!parsed) return std::nullopt;
        value.text = std::to_string(*parsed) + (variable.form == Form::days ? "d" : "ms");
        if (variable.form != Form::delay) return value;
        Node one = node(Node::Kind::array, variable.name);
        one.items.push_back(std::move(value));
        return one;
      }
      case Form::boolean:
      case Form::from_beginning:
        if (text != "true" && text != "false") {
          wrong(variable.name, "is " + in_quotes(text) + "; it can be true or false");
          return std::nullopt;
        }
        value.kind = variable.form == Form::boolean ? Node::Kind::boolean : Node::Kind::string;
        value.boolean = text == "true";
        value.text = value.boolean ? "earliest" : "latest";
        return value;
      case Form::only_true: return only(variable, text, "true");
      case Form::only_false: return only(variable, text, "false");
      case Form::only_all:
        if (text == "-1") return std::nullopt;
        return only(variable, text, "all");
    }
    return std::nullopt;
  }

  std::optional<Node> only(const Variable& variable, const std::string& text, const char* accepted) {
    if (text != accepted) wrong(variable.name, std::string("can only be ") + accepted + ": " + variable.hint);
    return std::nullopt;
  }

  Node list(const Variable& variable, const std::string& text) {
    Node all = node(Node::Kind::array, variable.name);
    for (std::size_t from = 0; from <= text.size();) {
      const std::size_t comma = std::min(text.find(',', from), text.size());
      Node one = node(Node::Kind::string, variable.name);
      one.text = text.substr(from, comma - from);
      std::erase(one.text, ' ');
      all.items.push_back(std::move(one));
      from = comma + 1;
    }
    return all;
  }

  // Nothing is put into what is no table: that is an error of the file, reported when it is read.
  void set(const char* name, std::string_view table, std::string_view key, Node value) {
    Node* place = &document_;
    for (std::size_t from = 0; from <= table.size();) {
      const std::size_t dot = std::min(table.find('.', from), table.size());
      const std::string part(table.substr(from, dot - from));
      Node* next = nullptr;
      for (Member& member : place->members) {
        if (member.key == part) next = &member.value;
      }
      if (next == nullptr) next = &insert(*place, part, value.at, node(Node::Kind::table, name));
      if (next->kind != Node::Kind::table) return;
      place = next;
      from = dot + 1;
    }
    if (const Node* const known = place->find(key); known != nullptr) {
      const bool other_variable = known->at.line == 0 && known->text != value.text;
      if (other_variable)
        wrong(name, "and the " + known->at.text() + " mean the same and differ; unset one of them");
      return;
    }
    const Position at = value.at;
    insert(*place, std::string(key), at, std::move(value));
    took_effect.emplace_back(name);
  }

  Node& document_;
  const Environment& environment_;
  Problems& problems_;
};

} // namespace

std::vector<std::string> apply_environment(Node& document, const Environment& environment, Problems& problems) {
  Reader reader(document, environment, problems);
  for (const Variable& variable : variables) reader.read(variable);
  reader.read_sasl();
  return std::move(reader.took_effect);
}

} // namespace hostler::config
