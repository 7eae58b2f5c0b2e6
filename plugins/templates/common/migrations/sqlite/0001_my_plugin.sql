CREATE TABLE my_plugin (
  key        text PRIMARY KEY,
  value      text NOT NULL,
  updated_at text NOT NULL
);
