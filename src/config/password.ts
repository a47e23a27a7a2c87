// Turns a password into what we keep of it (OWASP Password Storage Cheat Sheet: argon2id, 19 MiB, 2 passes).
// Passwords go no further into the program than this.

/** An encoded argon2id hash, `$argon2id$…`. */
export function hashPassword(password: string): Promise<string> {
  return Bun.password.hash(password, { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 });
}
