// Creates, hashes, compares and encrypts codes, tokens and client secrets.
// A secret is 256 random bits, so plain SHA-256 is enough at rest (RFC 6749 §10.10); passwords are not handled here.
import { createHmac, hash, timingSafeEqual } from "node:crypto";

export type RandomBytes = (bytes: number) => Uint8Array;

const SECRET_BYTES = 32;

export function createSecret(random: RandomBytes): string {
  return Buffer.from(random(SECRET_BYTES)).toString("base64url");
}

/** 128 random bits in hexadecimal digits, or in base64 or base64url. */
const HEX = /^(?:[0-9a-f]{32,}|[0-9A-F]{32,})$/;
const BASE64 = /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w+/=-]{22,}$/;

/**
 * Whether a secret that a person configured could be guessed. Only one that looks machine-made counts as unguessable. A few
 * in a hundred of those are mistaken for a person's, and then attempts at them are limited.
 */
export function isGuessable(secret: string): boolean {
  const distinct = new Set(secret).size;
  if (HEX.test(secret)) return distinct < 10 || /(.{6}).*\1/.test(secret);
  return !BASE64.test(secret) || distinct < 13 || /(.{4}).*\1/.test(secret) || !changesOften(secret);
}

/** Words keep to small letters and numbers to digits; random text changes its kind of character every second or third time. */
function changesOften(secret: string): boolean {
  const signs = secret.replace(/[^A-Za-z0-9]/g, "");
  const kinds = signs
    .replace(/[a-z]+/g, "a")
    .replace(/[A-Z]+/g, "A")
    .replace(/\d+/g, "0");
  return kinds.length > signs.length * 0.4;
}

/** An identifier that is safe to type behind a command: hexadecimal, never a dash in front. */
export function createId(random: RandomBytes, bytes: number): string {
  return Buffer.from(random(bytes)).toString("hex");
}

/** The hash that is stored instead of the secret. */
export function hashSecret(secret: string): string {
  return hash("sha256", secret, "base64url");
}

/** Compares digests, so that neither length nor content shows in the time it takes. */
export function isSameSecret(one: string, other: string): boolean {
  return timingSafeEqual(hash("sha256", one, "buffer"), hash("sha256", other, "buffer"));
}

/** A new token, of the family of `current` if there is one. */
export function createRefreshToken(random: RandomBytes, current?: string): string {
  const family = current === undefined ? createSecret(random) : readFamily(current);
  return `${family}.${createSecret(random)}`;
}

/** The hashes that are stored instead of a refresh token. */
export function nameRefreshToken(token: string): { hash: string; family: string } {
  return { hash: hashSecret(token), family: hashSecret(readFamily(token)) };
}

/** The part that all refresh tokens of a grant share. A token from an older version has none, and starts one. */
function readFamily(token: string): string {
  const end = token.indexOf(".");
  return end > 0 ? token.slice(0, end) : createHmac("sha256", token).update("family").digest("base64url");
}

/**
 * Encrypts the successor of a refresh token so that only a holder of `current`, of which the store keeps just the hash, can
 * read it. Each `current` encrypts one successor, which makes XOR with its HMAC a one-time pad.
 */
export function encryptSuccessor(successor: string, current: string): string {
  const [, secret = ""] = successor.split(".");
  return xor(Buffer.from(secret, "base64url"), padOf(current)).toString("base64url");
}

export function decryptSuccessor(encrypted: string, current: string): string {
  const secret = xor(Buffer.from(encrypted, "base64url"), padOf(current)).toString("base64url");
  return `${readFamily(current)}.${secret}`;
}

function padOf(current: string): Buffer {
  return createHmac("sha256", current).update("successor").digest();
}

function xor(bytes: Buffer, pad: Buffer): Buffer {
  return bytes.map((byte, index) => byte ^ (pad[index] ?? 0)) as Buffer;
}
