-- The projections of interview.so. NAME_stamp is the stamp of the event that wrote NAME: milliseconds since 1970, ':', event id.
-- The stamps compare byte by byte, as SQLite does by itself.
-- IF NOT EXISTS: each of the three handlers brings this folder, whichever of them are configured.
CREATE TABLE IF NOT EXISTS users (
  user_id TEXT PRIMARY KEY,
  email TEXT, email_stamp TEXT NOT NULL,
  name TEXT, name_stamp TEXT NOT NULL,
  avatar_url TEXT, avatar_url_stamp TEXT NOT NULL,
  status TEXT, status_stamp TEXT NOT NULL, -- active, deleted; NULL: not registered yet
  registered_at INTEGER, registered_at_stamp TEXT NOT NULL, -- milliseconds since 1970 UTC
  last_seen INTEGER, last_seen_stamp TEXT NOT NULL -- likewise
);

CREATE TABLE IF NOT EXISTS user_media (
  user_id TEXT NOT NULL,
  media_id TEXT NOT NULL,
  kind TEXT, kind_stamp TEXT NOT NULL,
  size_bytes INTEGER, size_bytes_stamp TEXT NOT NULL,
  status TEXT, status_stamp TEXT NOT NULL, -- uploaded, processed, deleted
  PRIMARY KEY (user_id, media_id)
);

CREATE TABLE IF NOT EXISTS interviews (
  interview_id TEXT PRIMARY KEY,
  user_id TEXT, user_id_stamp TEXT NOT NULL,
  title TEXT, title_stamp TEXT NOT NULL,
  status TEXT, status_stamp TEXT NOT NULL, -- created, published, started, completed, scored, deleted
  score INTEGER, score_stamp TEXT NOT NULL -- 0 to 100
);

CREATE TABLE IF NOT EXISTS candidates (
  user_id TEXT PRIMARY KEY,
  name TEXT, name_stamp TEXT NOT NULL,
  status TEXT, status_stamp TEXT NOT NULL -- active, deleted; NULL: not registered yet
);

CREATE TABLE IF NOT EXISTS user_activity (
  user_id TEXT NOT NULL,
  day TEXT NOT NULL, -- in UTC: 2026-01-31
  event_type TEXT NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (user_id, day, event_type)
);
