-- The schema as version 1 had it, with a grant in use. Never changed: files like this are out there.
CREATE TABLE clients (
  id TEXT PRIMARY KEY,
  secret_hash TEXT,
  metadata TEXT NOT NULL,
  created_at REAL NOT NULL,
  used_at REAL
) STRICT;
CREATE INDEX unused_clients ON clients (created_at) WHERE used_at IS NULL;

CREATE TABLE grants (
  id TEXT PRIMARY KEY,
  server_id TEXT NOT NULL,
  server_name TEXT NOT NULL,
  client_id TEXT NOT NULL,
  client_name TEXT NOT NULL,
  subject TEXT NOT NULL,
  scopes TEXT NOT NULL,
  resources TEXT NOT NULL,
  created_at REAL NOT NULL,
  renewed_at REAL NOT NULL,
  expires_at REAL NOT NULL,
  ends_at REAL NOT NULL
) STRICT;

CREATE TABLE codes (
  hash TEXT PRIMARY KEY,
  server_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  scopes TEXT NOT NULL,
  resources TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  challenge TEXT NOT NULL,
  expires_at REAL NOT NULL,
  grant_id TEXT REFERENCES grants (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX codes_by_grant ON codes (grant_id);

CREATE TABLE access_tokens (
  hash TEXT PRIMARY KEY,
  grant_id TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  scopes TEXT NOT NULL,
  resources TEXT NOT NULL,
  expires_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_by_grant ON access_tokens (grant_id);

CREATE TABLE refresh_tokens (
  hash TEXT PRIMARY KEY,
  grant_id TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  expires_at REAL NOT NULL,
  replaced_at REAL,
  sealed_successor TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_by_grant ON refresh_tokens (grant_id);

CREATE TABLE revocations (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  grant_id TEXT NOT NULL,
  server_id TEXT NOT NULL,
  at REAL NOT NULL
) STRICT;

INSERT INTO clients VALUES ('c', NULL, '{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"none","grant_types":["authorization_code"],"response_types":["code"]}', 1, 2);
INSERT INTO grants VALUES ('g', 's', 'server', 'c', 'client', 'ann', 'mcp', 'https://h/mcp', 1, 1, 1000, 5000);
INSERT INTO codes VALUES ('code', 's', 'c', 'ann', 'mcp', 'https://h/mcp', 'https://a.example/cb', 'x', 100, 'g');
INSERT INTO access_tokens VALUES ('g-a', 'g', 'mcp', 'https://h/mcp', 500);
INSERT INTO refresh_tokens VALUES ('g-r', 'g', 1000, NULL, NULL);
INSERT INTO revocations (grant_id, server_id, at) VALUES ('old', 's', 1);
PRAGMA user_version = 1;
