// Places on the record's way where tests make the host die, fail or wait. The product links an empty function; only the program of
// tests/failpoints links one that acts. Thread-safety: any thread.
#pragma once

namespace hostler::runtime {

// True: the caller is to fail here as if what it just did, or is about to do, had failed.
//
//   begun        a slice's transaction is open, its records are admitted
//   handle       about to call the handler;  handled: it has returned
//   publish      about to publish copies, letters, outputs;  produced: one of them is on its way;  published: all are acknowledged
//   commit       about to COMMIT;  committed: it is done (failing here: the reply is lost)
//   offsets      about to commit offsets (failing here: they are not)
//   revoke       partitions are being taken away;  assign: marks were taken over, nothing is read yet
//   release      a retried record is due and about to be delivered
//   relay        about to publish messages of the outbox;  relayed: they are acknowledged
//   migrate      a migration has run, and is not committed
[[nodiscard]] bool failpoint(const char* name);

}  // namespace hostler::runtime
