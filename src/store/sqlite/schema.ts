// The tables of the SQLite store, and how a file written by an older version becomes a current one.
// An entry that was released is never changed: a change of the schema is a new entry.
import type { Database } from "bun:sqlite";

/** Lists of scopes and resources are space-separated, as on the wire (RFC 6749 §3.3). */
const MIGRATIONS: readonly string[] = [
  `
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
  `,
  `
  CREATE TABLE assertions (
    hash TEXT PRIMARY KEY,
    expires_at REAL NOT NULL
  ) STRICT, WITHOUT ROWID;

  ALTER TABLE access_tokens ADD COLUMN issued_at REAL NOT NULL DEFAULT 0;
  ALTER TABLE refresh_tokens ADD COLUMN issued_at REAL NOT NULL DEFAULT 0;

  ALTER TABLE revocations ADD COLUMN client_id TEXT NOT NULL DEFAULT '';
  ALTER TABLE revocations ADD COLUMN client_name TEXT NOT NULL DEFAULT '';
  ALTER TABLE revocations ADD COLUMN subject TEXT NOT NULL DEFAULT '';
  ALTER TABLE revocations ADD COLUMN reason TEXT NOT NULL DEFAULT 'owner';
  `,
  `
  CREATE INDEX assertions_by_end ON assertions (expires_at);

  ALTER TABLE clients ADD COLUMN network TEXT;
  ALTER TABLE clients ADD COLUMN asked_at REAL;
  `,
  `
  ALTER TABLE codes ADD COLUMN source TEXT NOT NULL DEFAULT '';
  ALTER TABLE codes ADD COLUMN client_name TEXT NOT NULL DEFAULT '';
  ALTER TABLE grants ADD COLUMN host TEXT NOT NULL DEFAULT '';
  ALTER TABLE grants ADD COLUMN source TEXT NOT NULL DEFAULT '';
  ALTER TABLE grants ADD COLUMN used_at REAL;

  CREATE INDEX codes_by_client ON codes (client_id);
  CREATE INDEX grants_by_client ON grants (client_id);

  ALTER TABLE refresh_tokens ADD COLUMN family TEXT;
  CREATE INDEX refresh_by_family ON refresh_tokens (family) WHERE replaced_at IS NULL;
  `,
  `
  CREATE TABLE servers (
    place TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    command TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE keys (
    name TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    server_id TEXT NOT NULL,
    caller_key TEXT NOT NULL,
    grant_id TEXT,
    setup TEXT NOT NULL,
    used_at REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_by_caller ON sessions (caller_key, used_at);
  CREATE INDEX sessions_by_use ON sessions (used_at);
  CREATE INDEX sessions_by_grant ON sessions (grant_id);

  CREATE TABLE tool_lists (
    server_id TEXT NOT NULL,
    caller_key TEXT NOT NULL,
    fetched_at REAL NOT NULL,
    tools TEXT NOT NULL,
    PRIMARY KEY (server_id, caller_key)
  ) STRICT, WITHOUT ROWID;
  `,
];

/** @returns false when the file was written by a newer version, and nothing was touched */
export function migrate(db: Database): boolean {
  const readVersion = () =>
    db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
  const run = db.transaction(() => {
    const version = readVersion();
    if (version > MIGRATIONS.length) return false;
    for (const migration of MIGRATIONS.slice(version)) db.run(migration);
    db.run(`PRAGMA user_version = ${MIGRATIONS.length}`);
    return true;
  });
  return readVersion() === MIGRATIONS.length || run.immediate();
}
