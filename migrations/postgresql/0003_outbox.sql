-- Messages that handlers with publish = "outbox" left in their records' transactions, until a relay has published them. `seq` is taken while
-- the mark of the record's partition is locked, so that its order is the order of the commits.
CREATE TABLE hostler_outbox (
  service       varchar(100) COLLATE "C" NOT NULL,
  topic         varchar(249) COLLATE "C" NOT NULL,  -- the record's origin
  topic_id      integer NOT NULL,
  partition     integer NOT NULL,
  seq           bigint GENERATED ALWAYS AS IDENTITY,
  record_offset bigint NOT NULL,
  message       integer NOT NULL,                   -- of the record's messages, from 0
  to_topic      varchar(249) NOT NULL,
  to_partition  integer,
  key           bytea,
  value         bytea,
  headers       bytea NOT NULL,
  stamp         bigint NOT NULL,                   -- its timestamp, in milliseconds since 1970; 0: when it is published
  written_at    timestamptz NOT NULL DEFAULT now(),
  failure       text,                               -- why it can never be published; the relay goes on without it
  PRIMARY KEY (service, topic, topic_id, partition, seq)
);
