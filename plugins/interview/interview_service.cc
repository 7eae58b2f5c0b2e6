#include "interview_service.h"

namespace interview {
namespace {

enum Interview : std::size_t { user, title, status, score };
enum Candidate : std::size_t { candidate_name, candidate_status };

constexpr std::size_t title_limit = 1000;

// interview.completed -> completed
std::string_view status_of(const Event& event) {
  return std::string_view(event.type()).substr(std::string_view("interview.").size());
}

} // namespace

InterviewService::InterviewService(std::string_view config)
    : Service(config),
      interviews_("interviews", {"interview_id"}, {"user_id", "title", "status", "score"}),
      candidates_("candidates", {"user_id"}, {"name", "status"}) {}

std::span<const Rule<InterviewService>> InterviewService::rules() {
  static constexpr Rule<InterviewService> all[] = {
      {"interview.created", &InterviewService::created},
      {"interview.updated", &InterviewService::titled},
      {"interview.published", &InterviewService::moved},
      {"interview.started", &InterviewService::moved},
      {"interview.completed", &InterviewService::moved},
      {"interview.scored", &InterviewService::scored},
      {"interview.deleted", &InterviewService::moved},
      {"user.registered", &InterviewService::candidate_joined},
      {"user.created", &InterviewService::candidate_joined},
      {"user.updated", &InterviewService::candidate_updated},
      {"user.profile_updated", &InterviewService::candidate_updated},
      {"user.deleted", &InterviewService::candidate_left},
  };
  return all;
}

void InterviewService::created(const Event& event, hostler::Context& ctx) const {
  const std::string stamp = event.stamp();
  Interviews::Change change({event.required_text("interviewId", id_limit)}, stamp);
  if (const auto text = event.text("title", title_limit)) change.set(title, *text);
  interviews_.write(ctx, change.set(user, event.user_id()).set(status, status_of(event)));
}

void InterviewService::titled(const Event& event, hostler::Context& ctx) const {
  const std::string stamp = event.stamp();
  Interviews::Change change({event.required_text("interviewId", id_limit)}, stamp);
  if (const auto text = event.text("title", title_limit)) change.set(title, *text);
  interviews_.write(ctx, change.set(user, event.user_id()));
}

// published, started, completed, deleted: the status alone.
void InterviewService::moved(const Event& event, hostler::Context& ctx) const {
  const std::string stamp = event.stamp();
  Interviews::Change change({event.required_text("interviewId", id_limit)}, stamp);
  interviews_.write(ctx, change.set(user, event.user_id()).set(status, status_of(event)));
}

void InterviewService::scored(const Event& event, hostler::Context& ctx) const {
  const std::string stamp = event.stamp();
  Interviews::Change change({event.required_text("interviewId", id_limit)}, stamp);
  change.set(user, event.user_id()).set(status, status_of(event));
  interviews_.write(ctx, change.set(score, event.required_integer("score", 0, 100)));
}

void InterviewService::candidate_joined(const Event& event, hostler::Context& ctx) const {
  const std::string stamp = event.stamp();
  Candidates::Change change({event.user_id()}, stamp);
  if (const auto text = event.text("name", name_limit)) change.set(candidate_name, *text);
  candidates_.write(ctx, change.set(candidate_status, "active"));
}

void InterviewService::candidate_updated(const Event& event, hostler::Context& ctx) const {
  const auto text = event.text("name", name_limit);
  const std::string stamp = event.stamp();
  Candidates::Change change({event.user_id()}, stamp);
  if (text) candidates_.write(ctx, change.set(candidate_name, *text));
}

void InterviewService::candidate_left(const Event& event, hostler::Context& ctx) const {
  erase(event.user_id(), event.stamp(), ctx);
}

void InterviewService::erase(std::string_view user_id, std::string_view stamp, hostler::Context& ctx) const {
  Candidates::Change change({user_id}, stamp);
  candidates_.write(ctx, change.set(candidate_name, nullptr).set(candidate_status, "deleted"));
}

} // namespace interview
