#include "cli/demo_traffic.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace hostler::cli {

using Json = nlohmann::ordered_json;

// An event before it is written.
struct Traffic::Draft {
  std::string topic, type, user;
  Json body = Json::object();
  std::string leave_out =
      {}; // name of a top-level field that is missing: eventId, eventType, userId, payload
  bool text_timestamp = false;
};

namespace {

constexpr std::size_t remembered = 64;
constexpr std::array first_names = {"Ada",    "Boris", "Chen",  "Dana", "Emeka", "Farah",
                                    "Galina", "Hugo",  "Irina", "Jun",  "Katya", "Luís"};
constexpr std::array last_names = {"Almeida", "Berg",      "Chukwu", "Dimitrov", "Eriksen",
                                   "Fischer", "Гончарова", "Haddad", "Ivanova",  "Jensen"};
constexpr std::array titles = {"Backend engineer",          "Data analyst", "Product designer",
                               "Site reliability engineer", "Support lead", "QA engineer"};
constexpr std::array stages = {"interview.created", "interview.published", "interview.started",
                               "interview.completed", "interview.scored"};

std::string numbered(const char* prefix, std::uint64_t number) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%s%06llu", prefix, static_cast<unsigned long long>(number));
  return text.data();
}

} // namespace

Traffic::Traffic(const TrafficOptions& options) : options_(options), state_(options.seed) {
  users_.reserve(std::max<std::uint32_t>(options.users, 1));
  while (users_.size() < std::max<std::uint32_t>(options.users, 1)) users_.push_back(new_user());
}

std::uint64_t Traffic::random() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::uint64_t Traffic::below(std::uint64_t n) { return random() % n; }
bool Traffic::chance(double share) { return static_cast<double>(random() >> 11) * 0x1p-53 < share; }

std::string Traffic::name() {
  return std::string(first_names[below(first_names.size())]) + " " + last_names[below(last_names.size())];
}

Traffic::User Traffic::new_user() {
  User user;
  user.id = numbered("user-", ++people_);
  return user;
}

TrafficRecord Traffic::next(core::Timestamp now) {
  if (!recent_.empty() && chance(options_.duplicates)) {
    TrafficRecord again = recent_[below(recent_.size())];
    again.timestamp = now;
    return again;
  }
  if (chance(options_.garbage)) return garbage(now);
  if (chance(options_.tombstones)) {
    User& user = users_[below(users_.size())];
    TrafficRecord record{"user-events", user.id, std::nullopt, now};
    user = new_user();
    return record;
  }
  Fault fault = Fault::none;
  if (chance(options_.incomplete))
    fault = Fault::incomplete;
  else if (chance(options_.transient))
    fault = Fault::transient;
  else if (chance(options_.permanent))
    fault = Fault::permanent;
  TrafficRecord record = event(now, fault);
  recent_.push_back(record);
  if (recent_.size() > remembered) recent_.pop_front();
  return record;
}

TrafficRecord Traffic::garbage(core::Timestamp now) {
  TrafficRecord record{std::string(topics[below(topics.size())]), users_[below(users_.size())].id,
                       std::nullopt, now};
  switch (below(6)) {
    case 0: record.value = "not JSON at all, however often it is tried"; break;
    case 1: record.value = R"({"eventId":"evt-cut-off","eventType":"user.upd)"; break;
    case 2: record.value = ""; break;
    case 3: record.value = R"([{"eventType":"user.updated"}])"; break;
    case 4: record.value = "{\"eventId\":\"evt-\xff\xfe\",\"eventType\":\"user.updated\"}"; break;
    default:
      record.value =
          R"({"eventType":"user.updated","payload":{"userId":")" + record.key + R"(","name":"No event id"}})";
      break;
  }
  return record;
}

TrafficRecord Traffic::event(core::Timestamp now, Fault fault) {
  User& user = users_[below(users_.size())];
  Draft d = draft(user);
  if (chance(options_.unknown)) d.type = "user.teleported";
  if (fault == Fault::incomplete) spoil(d);
  if (fault == Fault::transient) d.body["simulateFailures"] = 1 + below(3);
  if (fault == Fault::permanent) d.body["simulateFailures"] = 1000;
  return {d.topic, d.user, write(d, now), now};
}

Traffic::Draft Traffic::draft(User& user) {
  if (!user.registered) {
    user.registered = true;
    Draft d{"user-events", chance(0.5) ? "user.registered" : "user.created", user.id};
    d.body["email"] = user.id + "@example.com";
    if (chance(0.5))
      d.body["profile"] = Json{{"name", name()}};
    else
      d.body["name"] = name();
    return d;
  }
  const auto kind = below(100);
  if (kind < 35) return about_interviews(user);
  if (kind < 50) return about_media(user);
  return about_account(user);
}

Traffic::Draft Traffic::about_account(User& user) {
  Draft d{"user-events", "", user.id};
  const auto kind = below(100);
  if (kind < 50) {
    d.topic = "auth-events";
    d.type = user.online ? "user.logged_out" : "user.authenticated";
    if (!user.online) d.body["authMethod"] = chance(0.7) ? "password" : "oauth";
    d.body["sessionId"] = numbered("session-", ++things_);
    user.online = !user.online;
  } else if (kind < 85) {
    d.type = chance(0.5) ? "user.updated" : "user.profile_updated";
    const auto what = below(3);
    if (what != 0) d.body["name"] = name();
    if (what != 1) d.body["email"] = user.id + "+" + std::to_string(below(1000)) + "@example.com";
  } else if (kind < 96) {
    d.type = "user.avatar_uploaded";
    d.body["avatarUrl"] =
        "https://media.example.com/" + user.id + "/" + numbered("avatar-", ++things_) + ".png";
  } else {
    d.type = "user.deleted";
    user = new_user();
  }
  return d;
}

Traffic::Draft Traffic::about_interviews(User& user) {
  Draft d{"interview-events", "", user.id};
  const auto open = std::find_if(user.interviews.begin(), user.interviews.end(),
                                 [](const Interview& i) { return i.stage < 5; });
  if (open == user.interviews.end()) {
    d.type = stages[0];
    user.interviews.push_back({numbered("interview-", ++things_), 1});
    d.body["interviewId"] = user.interviews.back().id;
    d.body["title"] = titles[below(titles.size())];
    return d;
  }
  d.body["interviewId"] = open->id;
  const auto kind = below(20);
  if (kind == 0) {
    d.type = "interview.deleted";
    user.interviews.erase(open);
  } else if (kind < 4) {
    d.type = "interview.updated";
    d.body["title"] = titles[below(titles.size())];
  } else {
    d.type = stages[static_cast<std::size_t>(open->stage++)];
    if (d.type == "interview.scored") d.body["score"] = 20 + below(81);
  }
  if (user.interviews.size() > 3) user.interviews.erase(user.interviews.begin());
  return d;
}

Traffic::Draft Traffic::about_media(User& user) {
  Draft d{"media-events", "", user.id};
  if (user.media.empty() || chance(0.4)) {
    user.media.push_back(numbered("media-", ++things_));
    d.type = "media.uploaded";
    d.body["mediaId"] = user.media.back();
    d.body["kind"] = chance(0.8) ? "video" : "audio";
    d.body["sizeBytes"] = 1'000'000 + below(200'000'000);
  } else {
    const auto which = below(user.media.size());
    d.body["mediaId"] = user.media[which];
    d.type = chance(0.8) ? "media.processed" : "media.deleted";
    if (d.type == "media.processed")
      d.body["sizeBytes"] = 500'000 + below(50'000'000);
    else
      user.media.erase(user.media.begin() + static_cast<std::ptrdiff_t>(which));
  }
  if (user.media.size() > 5) user.media.erase(user.media.begin());
  return d;
}

void Traffic::spoil(Draft& d) {
  const bool scored = d.body.contains("score"), has_email = d.body.contains("email");
  switch (below(8)) {
    case 0: d.leave_out = "userId"; break;
    case 1: d.leave_out = "eventType"; break;
    case 2: d.leave_out = "payload"; break;
    case 3: d.leave_out = "eventId"; break;
    case 4: d.text_timestamp = true; break;
    default:
      if (scored)
        d.body["score"] = 250;
      else if (has_email)
        d.body["email"] = "invalid";
      else if (d.body.contains("interviewId"))
        d.body.erase("interviewId");
      else if (d.body.contains("mediaId"))
        d.body["mediaId"] = 17;
      else
        d.leave_out = "userId";
      break;
  }
}

std::string Traffic::write(const Draft& d, core::Timestamp now) {
  // Ids grow, so that two events of one millisecond keep their order.
  const std::string id = numbered("evt-", ++events_) + "-" + std::to_string(below(10000));
  const bool data_envelope = chance(0.3) && !d.text_timestamp;
  Json out;
  if (d.leave_out != "eventId") out["eventId"] = id;
  if (d.leave_out != "eventType") out["eventType"] = d.type;
  Json body = d.body;
  if (data_envelope) {
    if (d.leave_out != "userId") out["userId"] = d.user;
    if (d.leave_out != "payload") out["data"] = std::move(body);
    return out.dump();
  }
  if (d.text_timestamp)
    out["timestamp"] = "yesterday";
  else
    out["timestamp"] = core::to_epoch_ms(now);
  out["source"] =
      d.topic == "auth-events" ? "api-gateway" : d.topic.substr(0, d.topic.find('-')) + "-service";
  out["version"] = "1.0";
  if (d.leave_out != "userId") body["userId"] = d.user;
  if (d.leave_out != "payload") out["payload"] = std::move(body);
  return out.dump();
}

} // namespace hostler::cli
