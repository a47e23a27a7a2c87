// The kinds of value an option can have: how each is read from text, and what a person is told when it cannot be.
// A reader decides about one value alone; what goes together is for resolve.ts.
import { isIP } from "node:net";
import { resolve } from "node:path";
import { resolveStoreLocation, STORE_HINT } from "../store/location.ts";

export interface Kind<T> {
  /** Stands for the value in the help text; a kind without one is a switch and takes no value. */
  placeholder?: string;
  /** What it is, after "is not": `a port number`. */
  noun: string;
  /** What to write instead. */
  hint: string;
  /** Config files may give it as this, too; every kind but a switch may be a string there. */
  native?: "number" | "boolean";
  /**
   * Reads a value. Undefined means that the text is not of this kind.
   *
   * @param folder what relative paths start from, absolute
   * @throws {BadValue} when there is more to say than "not of this kind"
   */
  read(text: string, folder: string): T | undefined;
}

/** Why a value is refused; whoever knows where the value came from makes a `UserError` of it. */
export class BadValue extends Error {
  override readonly name = "BadValue";

  constructor(
    /** Follows the quoted value: `has no "="`. */
    readonly problem: string,
    readonly hint: string,
  ) {
    super(problem);
  }
}

const YES = new Set(["1", "true", "yes", "on"]);
const NO = new Set(["0", "false", "no", "off"]);

export const toggle: Kind<boolean> = {
  noun: "a yes or a no",
  hint: "Use 1 or 0, true or false.",
  native: "boolean",
  read: (text) => {
    const word = text.toLowerCase();
    return YES.has(word) ? true : NO.has(word) ? false : undefined;
  },
};

/** Any text that is not empty and holds no control characters. */
export function text(placeholder: string, noun: string): Kind<string> {
  return {
    placeholder,
    noun,
    hint: `Give ${noun}.`,
    read: (value) => (value.trim() === "" || hasControlCharacter(value) ? undefined : value),
  };
}

/** A path, made absolute. */
export function path(placeholder: string, noun: string): Kind<string> {
  return {
    placeholder,
    noun,
    hint: `Give the path of ${noun}.`,
    read: (value, folder) => (value === "" || value.includes("\0") ? undefined : resolve(folder, value)),
  };
}

export function choice<const T extends string>(placeholder: string, values: readonly T[]): Kind<T> {
  return {
    placeholder,
    noun: `one of ${values.join(", ")}`,
    hint: `Use ${values.join(" or ")}.`,
    read: (value) => values.find((known) => known === value),
  };
}

/** One or more of `values`, with commas between. */
export function choices<const T extends string>(values: readonly T[]): Kind<readonly T[]> {
  return {
    placeholder: values.join(","),
    noun: `a list of ${values.join(", ")}`,
    hint: `Use ${values.join(" or ")}, or several with commas between.`,
    read(text) {
      const words = new Set(text.split(",").map((word) => word.trim().toLowerCase()));
      const chosen = values.filter((known) => words.has(known));
      return chosen.length === words.size ? chosen : undefined;
    },
  };
}

export const port: Kind<number> = {
  placeholder: "N",
  noun: "a port number",
  hint: "Use a whole number up to 65535, such as 8787; 0 lets the system choose.",
  native: "number",
  read: (value) => (/^\d{1,5}$/.test(value) && Number(value) <= 65535 ? Number(value) : undefined),
};

/** An address to bind to: an IP address or a name of this machine; IPv6 with or without brackets. */
export const bindAddress: Kind<string> = {
  placeholder: "ADDR",
  noun: "an address of this machine",
  hint: "Use 127.0.0.1, ::1, 0.0.0.0 or a host name; the port goes into --port.",
  read: (value) => {
    const bare = /^\[(.*)\]$/.exec(value)?.[1] ?? value;
    const isName = /^[a-z\d]([a-z\d.-]*[a-z\d])?$/i.test(bare) && !/^[\d.]+$/.test(bare);
    return isIP(bare) !== 0 || isName ? bare : undefined;
  },
};

/** In full: a file is made absolute. */
export const store: Kind<string> = {
  placeholder: "WHERE",
  noun: "a place to store grants",
  hint: STORE_HINT,
  read: resolveStoreLocation,
};

/** A variable of the server's environment, as [name, value]. */
export const variable: Kind<readonly [name: string, value: string]> = {
  placeholder: "K=V",
  noun: "a variable",
  hint: "Write NAME=value, such as API_KEY=abc; NAME= makes it empty.",
  read: (value) => {
    const at = value.indexOf("=");
    if (at === -1) throw new BadValue('has no "="', variable.hint);
    const name = value.slice(0, at);
    return name === "" || /[\s\0]/.test(name) || value.includes("\0")
      ? undefined
      : [name, value.slice(at + 1)];
  },
};

/** Somebody who may log in; without a password it is asked for. */
export const login: Kind<{ name: string; password?: string }> = {
  placeholder: "NAME[:PASSWORD]",
  noun: "a login",
  hint: "Write alice, or alice:password; a name has no spaces and no colon.",
  read: (value) => {
    const at = value.indexOf(":");
    const name = at === -1 ? value : value.slice(0, at);
    if (name === "" || /\s/.test(name) || hasControlCharacter(name)) return undefined;
    if (at === -1) return { name };
    const password = value.slice(at + 1);
    if (password === "")
      throw new BadValue("has an empty password", "Leave the colon out to be asked for the password.");
    return { name, password };
  },
};

function hasControlCharacter(value: string): boolean {
  return /\p{Cc}/u.test(value);
}
