// The store on SQLite, in a file or in memory. One statement or one immediate transaction per operation.
import type { Database } from "bun:sqlite";
import { rememberReads } from "./read-cache.ts";
import { createClients } from "./clients.ts";
import { openDatabase } from "./database-file.ts";
import { createGrants, prepareRevocationSweep } from "./grants.ts";
import { prepareAccessInsert, prepareRefreshInsert } from "./inserts.ts";
import { flatten, type Row, transaction, unflatten } from "./rows.ts";
import { createRefreshTokens, prepareRefreshSweep } from "./refresh-tokens.ts";
import type { Store, StoredAccess, StoredCode } from "../store.ts";

/**
 * Opens the store that `where` names.
 *
 * @param where `memory`, or the path of a file
 * @throws {UserError} with exit code 1 when the file cannot be used
 */
export function openStore(where: string): Store {
  const db = openDatabase(where);
  return {
    ...createClients(db),
    ...createCodes(db),
    ...createAccessTokens(db),
    ...createRefreshTokens(db),
    ...createAssertions(db),
    ...createGrants(db),
    sweep: createSweep(db),
    close: () => db.close(),
  };
}

function createCodes(db: Database): Pick<Store, "addCode" | "wasAnswered" | "findCode" | "redeemCode"> {
  const insert = db.prepare<null, [Record<string, string | number>]>(
    `INSERT INTO codes (hash, server_id, client_id, subject, scopes, resources, redirect_uri, challenge, source,
        client_name, expires_at)
      VALUES ($hash, $serverId, $clientId, $subject, $scopes, $resources, $redirectUri, $challenge, $source,
        $clientName, $expiresAt)`,
  );
  const markApproved = db.prepare<null, [number, string]>(
    "UPDATE clients SET used_at = ?, network = NULL, asked_at = NULL WHERE id = ?",
  );
  const find = db.prepare<Row<StoredCode>, [string, number]>(
    `SELECT hash, server_id AS serverId, client_id AS clientId, subject, scopes, resources,
        redirect_uri AS redirectUri, challenge, source, client_name AS clientName, expires_at AS expiresAt, grant_id AS grantId
      FROM codes WHERE hash = ? AND (grant_id IS NOT NULL OR expires_at > ?)`,
  );
  const findAnswer = db.prepare<{ found: 1 }, [string, string, string, number]>(
    `SELECT 1 AS found FROM codes WHERE client_id = ? AND redirect_uri = ? AND server_id = ?
        AND (grant_id IS NOT NULL OR expires_at > ?) LIMIT 1`,
  );
  const claim = db.prepare<null, [string, string, number]>(
    "UPDATE codes SET grant_id = ? WHERE hash = ? AND grant_id IS NULL AND expires_at > ?",
  );
  const insertGrant = db.prepare<null, [Record<string, string | number>]>(
    `INSERT INTO grants (id, server_id, server_name, client_id, client_name, host, source, subject, scopes,
        resources, created_at, renewed_at, used_at, expires_at, ends_at)
      VALUES ($id, $serverId, $serverName, $clientId, $clientName, $host, $source, $subject, $scopes,
        $resources, $createdAt, $renewedAt, $usedAt, $expiresAt, $endsAt)`,
  );
  const insertAccess = prepareAccessInsert(db);
  const insertRefresh = prepareRefreshInsert(db);
  return {
    addCode: transaction(db, (code, now) => {
      insert.run(flatten(code));
      markApproved.run(now, code.clientId);
    }),
    wasAnswered: ({ serverId, clientId, redirectUri }, now) =>
      findAnswer.get(clientId, redirectUri, serverId, now) !== null,
    findCode: (hash, now) => unflatten(find.get(hash, now)),
    redeemCode: transaction(db, (hash, { grant, access, refresh }, now) => {
      if (claim.run(grant.id, hash, now).changes === 0) return false;
      insertGrant.run(flatten(grant));
      insertAccess(access);
      if (refresh) insertRefresh(refresh);
      return true;
    }),
  };
}

function createAccessTokens(db: Database): Pick<Store, "addAccess" | "findAccess" | "removeAccess"> {
  const find = db.prepare<Row<StoredAccess>, [string]>(
    `SELECT t.grant_id AS grantId, t.issued_at AS issuedAt, t.expires_at AS expiresAt, t.scopes, t.resources,
        g.server_id AS serverId, g.client_id AS clientId, g.client_name AS clientName, g.subject
      FROM access_tokens t JOIN grants g ON g.id = t.grant_id WHERE t.hash = ?`,
  );
  // Asked with every request of every client.
  const findRow = rememberReads(db, (hash) => unflatten(find.get(hash)));
  const remove = db.prepare<null, [string]>("DELETE FROM access_tokens WHERE hash = ?");
  return {
    addAccess: transaction(db, prepareAccessInsert(db)),
    findAccess: (hash, now) => {
      const access = findRow(hash);
      return access !== undefined && access.expiresAt > now ? access : undefined;
    },
    removeAccess: (hash) => void remove.run(hash),
  };
}

function createAssertions(db: Database): Pick<Store, "useAssertion"> {
  const forget = db.prepare<null, [number]>("DELETE FROM assertions WHERE expires_at <= ?");
  const insert = db.prepare<null, [string, number]>(
    "INSERT INTO assertions (hash, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  return {
    useAssertion: transaction(db, (hash, expiresAt, now) => {
      forget.run(now);
      return insert.run(hash, expiresAt).changes > 0;
    }),
  };
}

function createSweep(db: Database): Store["sweep"] {
  const sweepRevocations = prepareRevocationSweep(db);
  const sweepRefreshTokens = prepareRefreshSweep(db);
  return transaction(db, (now, { unusedBefore, graceBegan }) => {
    db.run("DELETE FROM codes WHERE grant_id IS NULL AND expires_at <= ?", [now]);
    db.run("DELETE FROM access_tokens WHERE expires_at <= ?", [now]);
    sweepRefreshTokens(now, graceBegan);
    db.run("DELETE FROM grants WHERE expires_at <= ?", [now]);
    db.run("DELETE FROM clients WHERE used_at IS NULL AND coalesce(asked_at, created_at) <= ?", [
      unusedBefore,
    ]);
    sweepRevocations(now);
  });
}
