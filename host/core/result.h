// Result<T>: a value or an Error that says what happened, where, and what to do. Used by everything the
// pipeline decides on; exceptions only end start-up. Thread-safety: as safe as T; no shared state.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace hostler::core {

// A failure in words for a person: what happened, where (file:line or topic/partition/offset), what to do.
struct Error {
  std::string message;
};

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}   // NOLINT: implicit on purpose
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}   // NOLINT: implicit on purpose

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // Precondition: ok().
  [[nodiscard]] T& value() { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const { return std::get<0>(state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  // Precondition: !ok().
  [[nodiscard]] E& error() { return std::get<1>(state_); }
  [[nodiscard]] const E& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, E> state_;
};

// Result without a value. Status<E>::success() or an E.
template <class E = Error>
class [[nodiscard]] Status {
 public:
  Status(E error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose
  static Status success() { return Status(); }

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] E& error() { return std::get<1>(state_); }
  [[nodiscard]] const E& error() const { return std::get<1>(state_); }

 private:
  Status() = default;
  std::variant<std::monostate, E> state_;
};

}  // namespace hostler::core
