// The end of the table of options: switches of a command, which no variable and no config file sets.
import { COMMANDS } from "./command-names.ts";
import { toggle } from "./kinds.ts";
import type { Option } from "./option.ts";

export const OUTPUT = "Configuration and output";

export const COMMAND_SWITCHES = {
  all: {
    kind: toggle,
    group: OUTPUT,
    help: "With revoke: ends every grant",
    commands: ["grants"],
    sources: ["flag"],
    custom: true,
  },
  help: {
    kind: toggle,
    short: "h",
    group: OUTPUT,
    help: "Prints this help",
    commands: COMMANDS,
    sources: ["flag"],
    custom: true,
  },
  version: {
    kind: toggle,
    short: "v",
    group: OUTPUT,
    help: "Prints the version",
    commands: COMMANDS,
    sources: ["flag"],
    custom: true,
  },
  // Accepted so that scripts written for a version with an inspector run on this one.
  noInspect: { kind: toggle, help: "", sources: ["flag"], custom: true },
} as const satisfies Record<string, Option>;
