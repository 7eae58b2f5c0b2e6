-- What is known of a suspect's crashes. A record is dead-lettered only if a host died of it while it was in a handler's hands alone.
-- (topic, partition, record_offset) is where the record is delivered: its origin on a source topic, its copy's place on a retry topic.
ALTER TABLE hostler_suspect ADD COLUMN alone integer NOT NULL DEFAULT 0;
ALTER TABLE hostler_suspect ADD COLUMN reason text NOT NULL DEFAULT 'crashed' CHECK (reason IN ('crashed', 'hung'));
ALTER TABLE hostler_suspect ADD COLUMN how text NOT NULL DEFAULT '';

-- The runs of hosts that died and whose suspects were told, so that none is counted twice should a host die again before it could forget them.
CREATE TABLE hostler_crash (
  run     text PRIMARY KEY,
  told_at integer NOT NULL DEFAULT (cast(strftime('%s', 'now') as integer) * 1000)
) WITHOUT ROWID;
