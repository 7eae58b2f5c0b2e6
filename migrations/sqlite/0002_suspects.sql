-- What is known of a suspect's crashes. A record is dead-lettered only if a host died of it while it was in a handler's hands alone;
-- `run` is the run of the host whose death was counted last, so that it is not counted twice.
-- (topic, partition, record_offset) is where the record is delivered: its origin on a source topic, its copy's place on a retry topic.
ALTER TABLE hostler_suspect ADD COLUMN alone integer NOT NULL DEFAULT 0;
ALTER TABLE hostler_suspect ADD COLUMN reason text NOT NULL DEFAULT 'crashed' CHECK (reason IN ('crashed', 'hung'));
ALTER TABLE hostler_suspect ADD COLUMN how text NOT NULL DEFAULT '';
ALTER TABLE hostler_suspect ADD COLUMN run text NOT NULL DEFAULT '';
