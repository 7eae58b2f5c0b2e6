-- The projections of interview.so. NAME_stamp is the stamp of the event that wrote NAME: milliseconds since 1970, ':', event id.
-- The stamps compare byte by byte, whatever the database's locale: COLLATE "C".
-- IF NOT EXISTS: each of the three handlers brings this folder, whichever of them are configured.
CREATE TABLE IF NOT EXISTS users (
  user_id text PRIMARY KEY,
  email text, email_stamp text COLLATE "C" NOT NULL,
  name text, name_stamp text COLLATE "C" NOT NULL,
  avatar_url text, avatar_url_stamp text COLLATE "C" NOT NULL,
  status text, status_stamp text COLLATE "C" NOT NULL, -- active, deleted; NULL: not registered yet
  registered_at bigint, registered_at_stamp text COLLATE "C" NOT NULL, -- milliseconds since 1970 UTC
  last_seen bigint, last_seen_stamp text COLLATE "C" NOT NULL -- likewise
);

CREATE TABLE IF NOT EXISTS user_media (
  user_id text NOT NULL,
  media_id text NOT NULL,
  kind text, kind_stamp text COLLATE "C" NOT NULL,
  size_bytes bigint, size_bytes_stamp text COLLATE "C" NOT NULL,
  status text, status_stamp text COLLATE "C" NOT NULL, -- uploaded, processed, deleted
  PRIMARY KEY (user_id, media_id)
);

CREATE TABLE IF NOT EXISTS interviews (
  interview_id text PRIMARY KEY,
  user_id text, user_id_stamp text COLLATE "C" NOT NULL,
  title text, title_stamp text COLLATE "C" NOT NULL,
  status text, status_stamp text COLLATE "C" NOT NULL, -- created, published, started, completed, scored, deleted
  score bigint, score_stamp text COLLATE "C" NOT NULL -- 0 to 100
);

CREATE TABLE IF NOT EXISTS candidates (
  user_id text PRIMARY KEY,
  name text, name_stamp text COLLATE "C" NOT NULL,
  status text, status_stamp text COLLATE "C" NOT NULL -- active, deleted; NULL: not registered yet
);

CREATE TABLE IF NOT EXISTS user_activity (
  user_id text NOT NULL,
  day text NOT NULL, -- in UTC: 2026-01-31
  event_type text NOT NULL,
  events bigint NOT NULL,
  PRIMARY KEY (user_id, day, event_type)
);
