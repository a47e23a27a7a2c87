// The one place that knows the program's name and version.
import manifest from "../package.json" with { type: "json" };

export const NAME = "mcp-expose";
export const VERSION: string = manifest.version;
