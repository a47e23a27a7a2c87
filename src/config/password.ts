// Makes the hash that is kept of a password (OWASP Password Storage Cheat Sheet: argon2id, 19 MiB, 2 passes).
// A password never goes further into the program.

/** An encoded argon2id hash, `$argon2id$…`. */
export function hashPassword(password: string): Promise<string> {
  return Bun.password.hash(password, { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 });
}
