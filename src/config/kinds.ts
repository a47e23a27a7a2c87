// The kinds of value an option can have: how each is read from text, and the message when it cannot be.
// A reader decides about one value alone; resolve.ts decides what goes together.
import { isIP } from "node:net";
import { resolve } from "node:path";
import { hasControlCharacter, printable } from "../printable.ts";
import type { WatchedGlob } from "../watch/glob-selection.ts";
import { resolveStoreLocation, STORE_HINT } from "../store/location.ts";

/** What a config file may give, by the name that `Kind.inFile` has for it. */
export interface FileTypes<T> {
  string: string;
  number: number;
  "number | string": number | string;
  boolean: boolean;
  "boolean | string": boolean | string;
  /** One of `Kind.values`. */
  choice: T;
  variables: Readonly<Record<string, string | number | boolean>>;
}
export type FileType = keyof FileTypes<unknown>;

export interface Kind<T, F extends FileType = FileType> {
  /** Stands for the value in the help text; a kind without one is a switch and takes no value. */
  placeholder?: string;
  /** What an option without a value says. The word behind it is then never its value, which needs "=". */
  bare?: string;
  /** Follows "is not" in a message: `a port number`. */
  noun: string;
  /** What to write instead. */
  hint: string;
  /** What a config file gives; the command line and variables give text. */
  inFile: F;
  /** All there are, of a kind that offers a choice. */
  values?: readonly string[];
  /**
   * Reads a value. Undefined means that the text is not of this kind.
   *
   * @param folder what relative paths start from, absolute
   * @throws {BadValue} when there is more to say than "not of this kind"
   */
  read(text: string, folder: string): T | undefined;
  /** Writes a default as people would give it; `String` where this is missing. */
  format?(value: T): string;
}

/** Why a value is refused. The caller knows where the value came from and makes a `UserError` of it. */
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

const LONGEST_NAME = 64;

export const toggle: Kind<boolean, "boolean"> = {
  noun: "true or false",
  hint: "Use 1 or 0, true or false.",
  inFile: "boolean",
  read: (text) => {
    const word = text.toLowerCase();
    return YES.has(word) ? true : NO.has(word) ? false : undefined;
  },
};

/** Any text that is not empty and holds no control characters. */
export function text(placeholder: string, noun: string): Kind<string, "string"> {
  return {
    placeholder,
    inFile: "string",
    noun,
    hint: `Give ${noun}.`,
    read: (value) => (value.trim() === "" || hasControlCharacter(value) ? undefined : value),
  };
}

/** What people call something: one line in which every character shows. */
export const name: Kind<string, "string"> = {
  placeholder: "NAME",
  inFile: "string",
  noun: "a name",
  hint: `Give a name of at most ${LONGEST_NAME} characters, without line breaks or hidden characters.`,
  read: (value) => {
    const shown = value.normalize("NFC").trim().replace(/ +/g, " ");
    return shown !== "" && printable(shown, LONGEST_NAME) === shown ? shown : undefined;
  },
};

/** A path, made absolute. */
export function path(placeholder: string, noun: string): Kind<string, "string"> {
  return {
    placeholder,
    inFile: "string",
    noun,
    hint: `Give the path of ${noun}.`,
    read: (value, folder) => (value === "" || value.includes("\0") ? undefined : resolve(folder, value)),
  };
}

export function choice<const T extends string>(placeholder: string, values: readonly T[]): Kind<T, "choice"> {
  return {
    placeholder,
    inFile: "choice",
    values,
    noun: "a known value",
    hint: `Use ${[values.slice(0, -1).join(", "), values.at(-1)].join(" or ")}.`,
    read: (value) => values.find((known) => known === value),
  };
}

/** One or more of `values`, with commas between. */
export function choices<const T extends string>(
  placeholder: string,
  values: readonly T[],
): Kind<readonly T[], "string"> {
  return {
    placeholder,
    inFile: "string",
    values,
    noun: "a list of known values",
    hint: `Use ${values.join(" or ")}; put commas between several.`,
    read(text) {
      const words = new Set(text.split(",").map((word) => word.trim().toLowerCase()));
      const chosen = values.filter((known) => words.has(known));
      return chosen.length === words.size ? chosen : undefined;
    },
  };
}

export const port: Kind<number, "number"> = {
  placeholder: "PORT",
  noun: "a port number",
  hint: "Use a whole number up to 65535, such as 8787; 0 lets the system choose.",
  inFile: "number",
  read: (value) => (/^\d{1,5}$/.test(value) && Number(value) <= 65535 ? Number(value) : undefined),
};

/** An address to bind to: an IP address or a name of this machine; IPv6 with or without brackets. */
export const bindAddress: Kind<string, "string"> = {
  inFile: "string",
  placeholder: "ADDRESS",
  noun: "an address of this machine",
  hint: "Use 127.0.0.1, ::1, 0.0.0.0 or a host name; the port goes into --port.",
  read: (value) => {
    const bare = /^\[(.*)\]$/.exec(value)?.[1] ?? value;
    const isName = /^[a-z\d]([a-z\d.-]*[a-z\d])?$/i.test(bare) && !/^[\d.]+$/.test(bare);
    return isIP(bare) !== 0 || isName ? bare : undefined;
  },
};

/** In full: a file is made absolute. */
export const store: Kind<string, "string"> = {
  inFile: "string",
  placeholder: "WHERE",
  noun: "a place to store grants",
  hint: STORE_HINT,
  read: resolveStoreLocation,
};

/** A variable of the server's environment, as [name, value]. */
export const variable: Kind<readonly [name: string, value: string], "variables"> = {
  inFile: "variables",
  placeholder: "NAME=VALUE",
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

/** Files to watch: a glob, or whether to watch at all. */
export const watched: Kind<boolean | WatchedGlob, "boolean | string"> = {
  inFile: "boolean | string",
  placeholder: "GLOB",
  bare: "true",
  noun: "a glob",
  hint: "Write a glob in quotes, such as 'src/**/*.ts', or true for the server's own folder.",
  read: (text, folder) => {
    const decision = toggle.read(text, folder);
    if (decision !== undefined) return decision;
    if (text.trim() === "" || hasControlCharacter(text)) return undefined;
    if (text.startsWith("!"))
      throw new BadValue(
        'begins with "!"',
        "Name what is watched; what .gitignore names is left out of --watch alone.",
      );
    return { pattern: text, folder };
  },
};

/** A user who may sign in; the program asks for a missing password. */
export const login: Kind<{ name: string; password?: string }, "string"> = {
  inFile: "string",
  placeholder: "NAME[:PASSWORD]",
  noun: "a user",
  hint: "Write alice, or alice:password; a name has no spaces and no colon.",
  read: (value) => {
    const at = value.indexOf(":");
    const name = at === -1 ? value : value.slice(0, at);
    if (!isUserName(name)) return undefined;
    if (at === -1) return { name };
    const password = value.slice(at + 1);
    if (password === "")
      throw new BadValue("has an empty password", "Leave the colon out to be asked for the password.");
    return { name, password };
  },
};

export function isUserName(name: string): boolean {
  return name !== "" && !/[\s:]/.test(name) && !hasControlCharacter(name);
}
