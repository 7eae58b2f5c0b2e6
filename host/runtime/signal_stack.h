// A stack for signal handlers, so that a thread whose own stack is exhausted can still say what it died of. One thread.
#pragma once

#include <signal.h>

#include <cstddef>
#include <memory>

namespace hostler::runtime {

class SignalStack {
 public:
  SignalStack() : memory_(new char[size]) {
    const stack_t stack = {memory_.get(), 0, size};
    sigaltstack(&stack, nullptr);
  }
  ~SignalStack() {
    const stack_t none = {nullptr, SS_DISABLE, 0};
    sigaltstack(&none, nullptr);
  }
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  static constexpr std::size_t size = 64 * 1024;  // what AVX-512's registers and a sanitizer's handler need
  const std::unique_ptr<char[]> memory_;
};

}  // namespace hostler::runtime
