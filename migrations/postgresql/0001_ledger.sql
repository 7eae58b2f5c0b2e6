-- The ledger: which events are settled, who owns which partition, which records are on their way through retries.
-- `service` is the handler's name. An origin is (topic, topic_id, partition, record_offset); topic_id is the ledger's own generation of a topic.
-- Everything that sessions lock in order is compared byte by byte (COLLATE "C"), whatever the database's locale: quicker, and the
-- same order as the host sorts in, which keeps overlapping batches from deadlocking.

-- One row per event id and handler, written in the transaction of its effects. This answers an operator:
--   SELECT * FROM processed_events WHERE event_id = 'evt-123';
CREATE TABLE processed_events (
  event_id      varchar(255) COLLATE "C" NOT NULL,
  service_name  varchar(100) COLLATE "C" NOT NULL,
  event_type    varchar(255),
  topic         varchar(249) NOT NULL,
  partition     integer NOT NULL,
  record_offset bigint NOT NULL,
  processed_at  timestamptz NOT NULL DEFAULT now(),
  -- done: settled. retry, dead: delegated, see hostler_delegated. parked: waits behind a failing record of its key.
  state         varchar(6) NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'retry', 'dead', 'parked')),
  CONSTRAINT unique_event_per_service UNIQUE (event_id, service_name)
);

-- The fence: one row per handler and source partition. A batch commits only if it moves next_offset from the value its owner knows,
-- under the owner's epoch. Updated by every batch, hence the room for updates within the page.
CREATE TABLE hostler_mark (
  service        varchar(100) COLLATE "C" NOT NULL,
  topic          varchar(249) COLLATE "C" NOT NULL,
  topic_id       integer NOT NULL,
  partition      integer NOT NULL,
  next_offset    bigint NOT NULL,
  epoch          bigint NOT NULL DEFAULT 0,  -- raised by every take-over
  acked_offset   bigint,                     -- the last commit that Kafka acknowledged
  cluster_id     text,
  last_offset    bigint,                     -- the last settled record: its offset, timestamp (ms since 1970) and hash
  last_timestamp bigint,
  last_hash      bigint,
  PRIMARY KEY (service, topic, topic_id, partition)
) WITH (fillfactor = 20);

-- One row per failing or parked record; deleted when it is done or dropped. A copy from a retry topic runs only if its row names its step.
CREATE TABLE hostler_delegated (
  service       varchar(100) COLLATE "C" NOT NULL,
  topic         varchar(249) COLLATE "C" NOT NULL,
  topic_id      integer NOT NULL,
  partition     integer NOT NULL,
  record_offset bigint NOT NULL,
  state         varchar(6) NOT NULL CHECK (state IN ('retry', 'dead', 'parked')),
  step          integer NOT NULL,            -- how often the record was delegated; only grows
  attempt       integer NOT NULL,            -- the delivery that comes next, 1 being the first
  due           timestamptz NOT NULL,
  first_seen    timestamptz NOT NULL,
  key_hash      bytea CHECK (octet_length(key_hash) = 16),  -- start of the key's SHA-256; null for a null key
  event_id      varchar(255),
  record        bytea,                       -- parked, or dead without a letter: the record itself
  PRIMARY KEY (service, topic, topic_id, partition, record_offset)
);

-- One row per parked key (ordering = "key"): the origin its followers wait for; null when it is settled and they may be drained.
CREATE TABLE hostler_key (
  service     varchar(100) COLLATE "C" NOT NULL,
  topic       varchar(249) COLLATE "C" NOT NULL,
  topic_id    integer NOT NULL,
  partition   integer NOT NULL,
  key_hash    bytea NOT NULL CHECK (octet_length(key_hash) = 16),
  head_offset bigint,
  PRIMARY KEY (service, topic, topic_id, partition, key_hash)
);

-- Records in whose handling a host died, on any host.
CREATE TABLE hostler_suspect (
  service       varchar(100) COLLATE "C" NOT NULL,
  topic         varchar(249) COLLATE "C" NOT NULL,
  topic_id      integer NOT NULL,
  partition     integer NOT NULL,
  record_offset bigint NOT NULL,
  crashes       integer NOT NULL DEFAULT 1,
  last_seen     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (service, topic, topic_id, partition, record_offset)
);
