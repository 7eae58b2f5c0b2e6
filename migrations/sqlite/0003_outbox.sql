-- Messages that handlers with publish = "outbox" left in their records' transactions, until a relay has published them. `seq` is the order of
-- the commits: there is one writer.
CREATE TABLE hostler_outbox (
  seq           integer PRIMARY KEY AUTOINCREMENT,
  service       text NOT NULL,
  topic         text NOT NULL,                      -- the record's origin
  topic_id      integer NOT NULL,
  partition     integer NOT NULL,
  record_offset integer NOT NULL,
  message       integer NOT NULL,                   -- of the record's messages, from 0
  to_topic      text NOT NULL,
  to_partition  integer,
  key           blob,
  value         blob,
  headers       blob NOT NULL,
  stamp         integer NOT NULL,                 -- its timestamp, in milliseconds since 1970; 0: when it is published
  written_at    integer NOT NULL DEFAULT (cast(strftime('%s', 'now') as integer) * 1000),
  failure       text                                -- why it can never be published; the relay goes on without it
);
CREATE INDEX hostler_outbox_of_partition ON hostler_outbox (service, topic, topic_id, partition, seq);
