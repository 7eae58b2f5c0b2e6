// deaths.h - how a record of a test ends its host: by the beginning of its value, behind what steering.h knows.
//
//   at:N:…       retries until attempt N, then does the rest
//   abort:       abort()                 throw:  an exception that nobody catches, in a thread
//   segv:        writes through null     stack:  calls itself for ever
//   exit:N:      exit(N)                 _exit:  _exit(0)
//   kill:        SIGKILL                 hang:   never returns, whatever it is told
//   polite:      returns as soon as its time is over (hostler.cancel/1), as cancelled
#pragma once

#include <csignal>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <thread>

#include "steering.h"

namespace deaths {

// Not inlined and not a loop: each call needs its frame. No compiler knows that it never ends.
inline volatile bool deeper = true;
[[gnu::noinline]] inline int endless(const volatile char* above) {
  volatile char frame[4096];
  frame[0] = above == nullptr ? '\0' : above[0];
  return deeper ? endless(frame) + frame[0] : 0;
}

// What the record says about dying; empty: nothing, and steering.h decides.
inline std::optional<hostler::Verdict> die_as_told(const hostler::Record& record, std::string_view text, const hostler::Context& ctx) {
  using steering::take;
  if (take(text, "at:") && record.attempt() < steering::take_number(text)) return hostler::retry("dies later", 503);
  if (take(text, "abort:")) std::abort();
  if (take(text, "segv:")) {
    volatile int* volatile nowhere = nullptr;
    *nowhere = 1;
  }
  if (take(text, "stack:") && endless(nullptr) != 0) return hostler::drop("it has ended");
  if (take(text, "exit:")) std::exit(static_cast<int>(steering::take_number(text)));
  if (take(text, "_exit:")) _exit(0);
  if (take(text, "kill:")) kill(getpid(), SIGKILL);
  if (take(text, "throw:")) std::thread([] { throw 1; }).join();
  if (take(text, "hang:"))
    for (;;) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  if (take(text, "polite:")) {
    while (ctx.remaining().count() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    throw hostler::Error("its time was over");
  }
  return std::nullopt;
}

}  // namespace deaths
