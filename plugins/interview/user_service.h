// user_service.h - handler interview.user-service: the tables users and user_media, from user, auth and media events.
#pragma once

#include "projection.h"
#include "service.h"

namespace interview {

class UserService : public Service<UserService> {
 public:
  explicit UserService(std::string_view config);

 private:
  friend Service<UserService>;
  using Users = Projection<1, 6>;
  using MediaTable = Projection<2, 3>;

  static std::span<const Rule<UserService>> rules();
  void registered(const Event& event, hostler::Context& ctx) const;
  void updated(const Event& event, hostler::Context& ctx) const;
  void avatar_uploaded(const Event& event, hostler::Context& ctx) const;
  void deleted(const Event& event, hostler::Context& ctx) const;
  void seen(const Event& event, hostler::Context& ctx) const;
  void media_uploaded(const Event& event, hostler::Context& ctx) const;
  void media_processed(const Event& event, hostler::Context& ctx) const;
  void media_deleted(const Event& event, hostler::Context& ctx) const;
  void erase(std::string_view user_id, std::string_view stamp, hostler::Context& ctx) const;

  Users users_;
  MediaTable media_;
};

} // namespace interview
