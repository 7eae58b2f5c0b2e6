// What a dying host still says: the crash journal learns which lane caught the fatal signal or called exit(). Used by `run`.
// Thread-safety: note_fatal_ends() once, before the first lane runs; note_exits() from any thread.
#pragma once

namespace hostler::service {

// From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT are noted in the crash journal and then do what they did before (a core dump).
// exit() called by a handler's code ends the process at once with `exit_code`, after a line that says who it was; elsewhere it works as ever.
void note_fatal_ends(int exit_code);
// What is called at exit is called in reverse: this puts the host's word before the end of what has come into being since (a plugin's statics, under
// the feet of other lanes). Each lane says it once its plugin is loaded.
void note_exits();

} // namespace hostler::service
