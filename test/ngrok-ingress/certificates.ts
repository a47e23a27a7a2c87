// The certificates of the stand-in: a root and a leaf for loopback, made afresh for every ingress.
// X.509 v3 in DER (RFC 5280 §4.1, X.690) with ECDSA P-256, so that no openssl has to be on the machine.
import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";

export interface Certificates {
  /** The root, which the agent is told to trust. PEM, as all of these. */
  ca: string;
  cert: string;
  key: string;
}

const OID = {
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
};
const SEQUENCE = 0x30;

/** A root and a leaf for `127.0.0.1` and `localhost`: the agent checks the name in `server`, an address included. */
export function createCertificates(): Certificates {
  const root = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const leaf = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const names = der(SEQUENCE, der(0x87, Buffer.from([127, 0, 0, 1])), der(0x82, Buffer.from("localhost")));
  return {
    ca: issue("stand-in root", root.privateKey, root.privateKey, extension(OID.basicConstraints, IS_CA)),
    cert: issue("stand-in ingress", leaf.privateKey, root.privateKey, extension(OID.subjectAltName, names)),
    key: leaf.privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

function issue(subject: string, subjectKey: KeyObject, issuerKey: KeyObject, extensions: Buffer): string {
  const algorithm = der(SEQUENCE, oid(OID.ecdsaWithSha256));
  const body = der(
    SEQUENCE,
    der(0xa0, integer(2)),
    integer(subject.length),
    algorithm,
    commonName("stand-in root"),
    der(SEQUENCE, utcTime("250101000000Z"), utcTime("491231235959Z")),
    commonName(subject),
    createPublicKey(subjectKey).export({ type: "spki", format: "der" }),
    der(0xa3, der(SEQUENCE, extensions)),
  );
  const signature = sign("sha256", body, issuerKey);
  const certificate = der(SEQUENCE, body, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const size = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const oid = (bytes: number[]) => der(0x06, Buffer.from(bytes));
const integer = (value: number) => der(0x02, Buffer.from([value]));
const utcTime = (text: string) => der(0x17, Buffer.from(text));
const commonName = (name: string) =>
  der(SEQUENCE, der(0x31, der(SEQUENCE, oid(OID.commonName), der(0x0c, Buffer.from(name)))));
const extension = (id: number[], value: Buffer) => der(SEQUENCE, oid(id), der(0x04, value));
const IS_CA = der(SEQUENCE, der(0x01, Buffer.from([0xff])));
