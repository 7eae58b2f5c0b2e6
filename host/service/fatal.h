// What a dying host still says: the crash journal learns which lane caught the fatal signal or called exit(). Used by `run`.
// Thread-safety: once, before the first lane runs.
#pragma once

namespace hostler::service {

// From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT are noted in the crash journal and then do what they did before (a core dump).
// exit() called by a handler's code ends the process at once with `exit_code`, after a line that says who it was; elsewhere it works as ever.
void note_fatal_ends(int exit_code);

} // namespace hostler::service
