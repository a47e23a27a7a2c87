// Authorization codes in the SQLite store: kept at an approval, used up once for a grant and its first tokens.
import type { Database } from "bun:sqlite";
import { prepareAccessInsert } from "./access-tokens.ts";
import { prepareGrantInsert } from "./grants.ts";
import { prepareRefreshInsert } from "./refresh-tokens.ts";
import { flatten, type RowOf, transaction, unflatten } from "./rows.ts";
import type { ClientRecord, StoredCode, SyncStore } from "../store.ts";

type CodeOperations = "addCode" | "wasAnswered" | "findCode" | "redeemCode";

export function createCodes(db: Database): Pick<SyncStore, CodeOperations> {
  const insert = db.prepare<null, [Record<string, string | number>]>(
    `INSERT INTO codes (hash, server_id, client_id, subject, scopes, resources, redirect_uri, challenge, source,
        client_name, expires_at)
      VALUES ($hash, $serverId, $clientId, $subject, $scopes, $resources, $redirectUri, $challenge, $source,
        $clientName, $expiresAt)`,
  );
  const keepDocument = prepareDocumentKeeping(db);
  const markApproved = db.prepare<null, [number, string]>(
    "UPDATE clients SET used_at = ?, network = NULL, asked_at = NULL WHERE id = ?",
  );
  const find = db.prepare<RowOf<StoredCode>, [string, number]>(
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
  const insertGrant = prepareGrantInsert(db);
  const insertAccess = prepareAccessInsert(db);
  const insertRefresh = prepareRefreshInsert(db);
  return {
    addCode: transaction(db, (code, now, document) => {
      if (document) keepDocument(document);
      insert.run(flatten(code));
      markApproved.run(now, code.clientId);
    }),
    wasAnswered: ({ serverId, clientId, redirectUri }, now) =>
      findAnswer.get(clientId, redirectUri, serverId, now) !== null,
    findCode: (hash, now) => {
      const row = find.get(hash, now);
      return row ? unflatten(row) : undefined;
    },
    redeemCode: transaction(db, (hash, { grant, access, refresh }, now) => {
      if (claim.run(grant.id, hash, now).changes === 0) return false;
      insertGrant(grant);
      insertAccess(access);
      if (refresh) insertRefresh(refresh);
      return true;
    }),
  };
}

function prepareDocumentKeeping(db: Database): (document: ClientRecord) => void {
  const keep = db.prepare<null, [string, string, number]>(
    `INSERT INTO clients (id, metadata, created_at) VALUES (?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET metadata = excluded.metadata`,
  );
  return ({ id, metadata, createdAt }) => void keep.run(id, JSON.stringify(metadata), createdAt);
}
