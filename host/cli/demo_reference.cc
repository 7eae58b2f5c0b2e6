#include "cli/demo_reference.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <numeric>
#include <utility>

namespace hostler::cli {

using Json = nlohmann::json;
using core::Outcome;

// An event that takes effect in a service.
struct Reference::Fact {
  std::string service, id, type, user;
  std::int64_t ms = 0;
  Json body;
};

struct Reference::Judgement {
  Outcome outcome = Outcome::done;
  std::vector<std::string> reasons = {};
  std::string message = {};
  std::string id = {}, type = {};
  bool retried = false;
};

namespace {

const std::string null = "NULL";

bool is_known(const std::string& type) {
  static const std::set<std::string> types = {
      "user.registered",      "user.created",      "user.updated",        "user.profile_updated",
      "user.avatar_uploaded", "user.deleted",      "user.authenticated",  "user.logged_out",
      "interview.created",    "interview.updated", "interview.published", "interview.started",
      "interview.completed",  "interview.scored",  "interview.deleted",   "media.uploaded",
      "media.processed",      "media.deleted"};
  return types.contains(type);
}

// Whether events of a known type do anything in a service.
bool is_wanted(const std::string& service, const std::string& type) {
  if (service == "analytics-service") return true;
  if (service == "user-service") return !type.starts_with("interview.");
  return type.starts_with("interview.") || (type.starts_with("user.") && type != "user.avatar_uploaded" &&
                                            type != "user.authenticated" && type != "user.logged_out");
}

// What is wrong with an event that `service` knows the type of; empty: nothing. Covers what the traffic gets wrong, no more.
std::string complaint(const std::string& service, const std::string& type, const std::string& where,
                      const Json& body, bool has_user) {
  const auto lacks = [&](const char* field) { return !body.contains(field); };
  if (service == "user-service") {
    if ((type == "user.registered" || type == "user.created") && lacks("email"))
      return where + ".email is missing";
    if (body.contains("email") && body["email"].get<std::string>().find('@') == std::string::npos &&
        type.starts_with("user.")) {
      return where + ".email is not an e-mail address";
    }
  }
  if (!has_user) return "userId is missing";
  if (service == "user-service" && type.starts_with("media.")) {
    if (lacks("mediaId")) return where + ".mediaId is missing";
    if (!body["mediaId"].is_string()) return where + ".mediaId must be text, not number";
  }
  if (service == "interview-service" && type.starts_with("interview.")) {
    if (lacks("interviewId")) return where + ".interviewId is missing";
    if (type == "interview.scored" && body["score"] > 100)
      return where + ".score must be a whole number from 0 to 100";
  }
  return "";
}

std::string text_or_null(const Json& body, const char* field) {
  return body.contains(field) ? body[field].get<std::string>() : null;
}

std::string utc_day(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
}

TableRows sorted(const std::map<std::vector<std::string>, std::vector<std::string>>& table) {
  TableRows rows;
  for (const auto& [key, columns] : table) {
    rows.push_back(key);
    rows.back().insert(rows.back().end(), columns.begin(), columns.end());
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

} // namespace

std::uint64_t ServiceOutcome::records() const {
  return std::accumulate(by_outcome.begin(), by_outcome.end(), std::uint64_t{0});
}

Reference::Reference(Subscriptions subscriptions, std::uint32_t max_retries)
    : subscriptions_(std::move(subscriptions)), max_retries_(max_retries) {}
Reference::~Reference() = default;

void Reference::add(const TrafficRecord& record) {
  for (const auto& [service, topics] : subscriptions_) {
    if (!topics.contains(record.topic)) continue;
    const Judgement j = judge(service, record);
    auto& outcome = outcomes_[service];
    ++outcome.by_outcome[static_cast<std::size_t>(j.outcome)];
    if (j.retried) ++outcome.retried;
    if (j.outcome == Outcome::dead)
      letters_.push_back({service, record.topic, record.key, record.value, j.reasons, j.message});
    if (j.outcome == Outcome::dead && j.id.empty()) ++outcome.dead_without_id;
    if (j.outcome != Outcome::duplicate && !j.id.empty())
      ids_.push_back({j.id, j.type, service, record.topic, j.outcome == Outcome::dead ? "dead" : "done"});
  }
}

Reference::Judgement Reference::judge(const std::string& service, const TrafficRecord& record) {
  if (!record.value) {
    if (service == "analytics-service") return {.outcome = Outcome::drop};
    facts_.push_back(
        {service, "~", "user.deleted", record.key, core::to_epoch_ms(record.timestamp), Json::object()});
    return {};
  }
  const Json event = Json::parse(*record.value, nullptr, false);
  if (!event.is_object()) return {.outcome = Outcome::dead, .reasons = {"invalid", "undecodable"}};
  if (!event.contains("eventId")) return {.outcome = Outcome::dead, .reasons = {"invalid"}};
  Judgement j{.id = event["eventId"], .type = event.value("eventType", "")};
  if (!seen_.emplace(service, j.id).second) {
    j.outcome = Outcome::duplicate;
    return j;
  }
  const auto dead = [&](const char* reason, const std::string& message) {
    j.outcome = Outcome::dead;
    j.reasons = {reason};
    j.message = message;
    return j;
  };
  if (j.type.empty()) return dead("rejected", "eventType is missing");
  if (event.contains("timestamp") && !event["timestamp"].is_number()) {
    return dead("rejected", "timestamp must be milliseconds since 1970, a whole number");
  }
  const std::string where = event.contains("payload") ? "payload" : "data";
  if (!event.contains(where)) return dead("rejected", "payload is missing (and so is data)");
  const Json& body = event[where];
  if (!is_known(j.type)) {
    j.outcome = Outcome::drop;
    return j;
  }
  if (!is_wanted(service, j.type)) return j;
  const auto failures = body.value("simulateFailures", 0U);
  j.retried = failures > 0;
  if (failures > max_retries_) {
    return dead(
        "retries-exhausted",
        body.value("simulateReason", "the " + j.type + " projection is temporarily unavailable (simulated)"));
  }
  const bool has_user = body.contains("userId") || event.contains("userId");
  if (const auto wrong = complaint(service, j.type, where, body, has_user); !wrong.empty())
    return dead("rejected", wrong);
  const std::string user = body.contains("userId") ? body["userId"] : event["userId"];
  facts_.push_back(
      {service, j.id, j.type, user, event.value("timestamp", core::to_epoch_ms(record.timestamp)), body});
  return j;
}

const std::vector<ReferenceTable>& Reference::tables() {
  static const std::vector<ReferenceTable> all = {
      {"users", "SELECT user_id, email, name, avatar_url, status, registered_at, last_seen FROM users"},
      {"user_media", "SELECT user_id, media_id, kind, size_bytes, status FROM user_media"},
      {"interviews", "SELECT interview_id, user_id, title, status, score FROM interviews"},
      {"candidates", "SELECT user_id, name, status FROM candidates"},
      {"user_activity", "SELECT user_id, day, event_type, events FROM user_activity"},
  };
  return all;
}

TableRows Reference::rows(const std::string& table) const {
  std::vector<const Fact*> facts;
  for (const auto& fact : facts_) facts.push_back(&fact);
  std::sort(facts.begin(), facts.end(),
            [](const Fact* a, const Fact* b) { return std::tie(a->ms, a->id) < std::tie(b->ms, b->id); });
  std::map<std::vector<std::string>, std::vector<std::string>> out;
  const auto row = [&](std::vector<std::string> key, std::size_t columns) -> std::vector<std::string>& {
    return out.try_emplace(std::move(key), columns, null).first->second;
  };
  for (const Fact* f : facts) {
    const Json& body = f->body;
    if (table == "user_activity" && f->service == "analytics-service") {
      auto& count = row({f->user, utc_day(f->ms), f->type}, 1)[0];
      count = std::to_string((count == null ? 0 : std::stoull(count)) + 1);
    } else if (table == "interviews" && f->service == "interview-service" &&
               f->type.starts_with("interview.")) {
      auto& r = row({body["interviewId"]}, 4);
      r[0] = f->user;
      if (body.contains("title")) r[1] = body["title"];
      if (f->type != "interview.updated") r[2] = f->type.substr(f->type.find('.') + 1);
      if (f->type == "interview.scored") r[3] = std::to_string(body["score"].get<int>());
    } else if (table == "candidates" && f->service == "interview-service" && f->type.starts_with("user.")) {
      const bool joined = f->type == "user.registered" || f->type == "user.created",
                 left = f->type == "user.deleted";
      const Json& named = body.contains("profile") ? body["profile"] : body;
      if (!joined && !left && !named.contains("name")) continue;
      auto& r = row({f->user}, 2);
      if (named.contains("name")) r[0] = named["name"];
      if (joined) r[1] = "active";
      if (left) r = {null, "deleted"};
    } else if (table == "user_media" && f->service == "user-service" && f->type.starts_with("media.")) {
      auto& r = row({f->user, body["mediaId"]}, 3);
      if (body.contains("kind")) r[0] = body["kind"];
      if (body.contains("sizeBytes")) r[1] = std::to_string(body["sizeBytes"].get<std::int64_t>());
      r[2] = f->type.substr(f->type.find('.') + 1);
    } else if (table == "users" && f->service == "user-service" && f->type.starts_with("user.")) {
      auto& r = row({f->user}, 6);
      if (f->type == "user.deleted")
        r = {null, null, null, "deleted", null, null};
      else if (f->type == "user.authenticated" || f->type == "user.logged_out")
        r[5] = std::to_string(f->ms);
      else if (f->type == "user.avatar_uploaded")
        r[2] = body["avatarUrl"];
      else {
        if (body.contains("email")) r[0] = body["email"];
        if (body.contains("name")) r[1] = body["name"];
        if (body.contains("profile")) r[1] = text_or_null(body["profile"], "name");
        if (f->type == "user.registered" || f->type == "user.created") {
          r[3] = "active";
          r[4] = std::to_string(f->ms);
        }
      }
    }
  }
  return sorted(out);
}

} // namespace hostler::cli
