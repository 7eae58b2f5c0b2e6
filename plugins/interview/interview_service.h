// interview_service.h - handler interview.interview-service: the table interviews from interview events, and candidates, who they are
// of, from user events.
#pragma once

#include "projection.h"
#include "service.h"

namespace interview {

class InterviewService : public Service<InterviewService> {
 public:
  explicit InterviewService(std::string_view config);

 private:
  friend Service<InterviewService>;
  using Interviews = Projection<1, 4>;
  using Candidates = Projection<1, 2>;

  static std::span<const Rule<InterviewService>> rules();
  void titled(const Event& event, hostler::Context& ctx) const;
  void created(const Event& event, hostler::Context& ctx) const;
  void moved(const Event& event, hostler::Context& ctx) const;
  void scored(const Event& event, hostler::Context& ctx) const;
  void candidate_joined(const Event& event, hostler::Context& ctx) const;
  void candidate_updated(const Event& event, hostler::Context& ctx) const;
  void candidate_left(const Event& event, hostler::Context& ctx) const;
  void erase(std::string_view user_id, std::string_view stamp, hostler::Context& ctx) const;

  Interviews interviews_;
  Candidates candidates_;
};

} // namespace interview
