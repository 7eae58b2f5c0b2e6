-- The ledger: which events are settled, who owns which partition, which records are on their way through retries.
-- `service` is the handler's name. An origin is (topic, topic_id, partition, record_offset); topic_id is the ledger's own generation of a topic.
-- The same tables as on PostgreSQL; times that programs read are milliseconds since 1970.

-- One row per event id and handler, written in the transaction of its effects. This answers an operator:
--   SELECT * FROM processed_events WHERE event_id = 'evt-123';
CREATE TABLE processed_events (
  event_id      text NOT NULL,
  service_name  text NOT NULL,
  event_type    text,
  topic         text NOT NULL,
  partition     integer NOT NULL,
  record_offset integer NOT NULL,
  processed_at  text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  -- done: settled. retry, dead: delegated, see hostler_delegated. parked: waits behind a failing record of its key.
  state         text NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'retry', 'dead', 'parked')),
  CONSTRAINT unique_event_per_service UNIQUE (event_id, service_name)
);

-- The fence: one row per handler and source partition. A batch commits only if it moves next_offset from the value its owner knows,
-- under the owner's epoch.
CREATE TABLE hostler_mark (
  service        text NOT NULL,
  topic          text NOT NULL,
  topic_id       integer NOT NULL,
  partition      integer NOT NULL,
  next_offset    integer NOT NULL,
  epoch          integer NOT NULL DEFAULT 0,  -- raised by every take-over
  acked_offset   integer,                     -- the last commit that Kafka acknowledged
  cluster_id     text,
  last_offset    integer,                     -- the last settled record: its offset, timestamp (ms since 1970) and hash
  last_timestamp integer,
  last_hash      integer,
  PRIMARY KEY (service, topic, topic_id, partition)
) WITHOUT ROWID;

-- One row per failing or parked record; deleted when it is done or dropped. A copy from a retry topic runs only if its row names its step.
CREATE TABLE hostler_delegated (
  service       text NOT NULL,
  topic         text NOT NULL,
  topic_id      integer NOT NULL,
  partition     integer NOT NULL,
  record_offset integer NOT NULL,
  state         text NOT NULL CHECK (state IN ('retry', 'dead', 'parked')),
  step          integer NOT NULL,             -- how often the record was delegated; only grows
  attempt       integer NOT NULL,             -- the delivery that comes next, 1 being the first
  due           integer NOT NULL,
  first_seen    integer NOT NULL,
  key_hash      blob CHECK (length(key_hash) = 16),  -- start of the key's SHA-256; null for a null key
  event_id      text,
  record        blob,                         -- parked, or dead without a letter: the record itself
  PRIMARY KEY (service, topic, topic_id, partition, record_offset)
);

-- One row per parked key (ordering = "key"): the origin its followers wait for; null when it is settled and they may be drained.
CREATE TABLE hostler_key (
  service     text NOT NULL,
  topic       text NOT NULL,
  topic_id    integer NOT NULL,
  partition   integer NOT NULL,
  key_hash    blob NOT NULL CHECK (length(key_hash) = 16),
  head_offset integer,
  PRIMARY KEY (service, topic, topic_id, partition, key_hash)
) WITHOUT ROWID;

-- Records in whose handling a host died.
CREATE TABLE hostler_suspect (
  service       text NOT NULL,
  topic         text NOT NULL,
  topic_id      integer NOT NULL,
  partition     integer NOT NULL,
  record_offset integer NOT NULL,
  crashes       integer NOT NULL DEFAULT 1,
  last_seen     integer NOT NULL DEFAULT (cast(strftime('%s', 'now') as integer) * 1000),
  PRIMARY KEY (service, topic, topic_id, partition, record_offset)
) WITHOUT ROWID;
