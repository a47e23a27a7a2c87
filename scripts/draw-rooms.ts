// Draws the rooms of src as the picture in docs/design.md, from what the files import: `bun scripts/draw-rooms.ts`.
// With `--check` it changes nothing and fails when the picture is not that of the imports.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findImports, readSources } from "./imports.ts";

/** The purpose of each room, in about five words. A room inside a room has its whole path. */
const ROOMS: Record<string, string> = {
  "main.ts": "the process and its exit",
  "cli/": "what people type and read",
  "app/": "starts, connects and stops it all",
  "config/": "options and their sources",
  "http/": "listener and guards",
  "tunnel/": "gets a public URL",
  "tunnel/ngrok/": "by ngrok's library",
  "tunnel/program/": "by cloudflared and others",
  "oauth/": "who may enter",
  "oauth/endpoints/": "one file a URL",
  "oauth/sign-in/": "passwords, tokens",
  "oauth/pages/": "what the person sees",
  "oauth/clients/": "known assistants",
  "oauth/tokens/": "access, while it lasts",
  "oauth/access/": "what it allows",
  "oauth/limits/": "how often one may try",
  "oauth/wire/": "forms in, JSON and pages out",
  "store/": "what is remembered",
  "store/sqlite/": "in a SQLite file",
  "observe/": "the log of requests",
  "watch/": "which files have changed",
  "eras/": "how clients speak HTTP",
  "eras/2024-11-05-http-sse/": "a stream per client",
  "eras/2025-streamable-http/": "sessions",
  "eras/2026-07-28-stateless/": "single requests",
  "eras/notes/": "sessions that outlive the program",
  "eras/streams/": "event streams",
  "eras/observers/": "calls as observers see them",
  "eras/freshness/": "lists that clients have, and others",
  "bridge/": "which process gets a call",
  "bridge/lasting/": "sessions outlive processes",
  "bridge/pool/": "shared by whom, ended when",
  "bridge/launch/": "finds out what a server speaks",
  "bridge/process/": "a process that restarts",
  "bridge/shared/": "a process that many share",
  "bridge/legacy-client-legacy-server/": "sessions throughout",
  "bridge/legacy-client-modern-server/": "translates",
  "bridge/modern-client-legacy-server/": "translates",
  "bridge/modern-client-modern-server/": "no sessions",
  "child/": "one stdio server process",
  "frame/": "a JSON-RPC message as bytes",
  "mcp/": "the protocol's own words",
};

/** Lines are not broken. */
const WIDE = '%%{init: {"flowchart": {"wrappingWidth": 500, "nodeSpacing": 20, "rankSpacing": 35}}}%%';

const FILE = join(import.meta.dir, "../docs/design.md");
const BEGIN = "<!-- The picture below is made by scripts/draw-rooms.ts. -->\n";
const END = "<!-- The end of the picture. -->\n";

/** The files that every room may import. */
const LEAVES = "leaf files";

/** Rooms by name, each with the rooms whose code it runs. An inner room counts as its outer one. */
export type RoomGraph = ReadonlyMap<string, ReadonlySet<string>>;

export function readRoomGraph(): RoomGraph {
  const graph = new Map<string, Set<string>>();
  for (const [file, text] of readSources()) {
    const room = findRoom(file);
    const used = graph.get(room) ?? new Set();
    graph.set(room, used);
    for (const { target, isTypeOnly } of findImports(file, text)) {
      if (target === null || isTypeOnly || target.startsWith("../")) continue;
      if (findRoom(target) !== room) used.add(findRoom(target));
    }
  }
  return graph;
}

function findRoom(file: string): string {
  if (file.includes("/")) return file.slice(0, file.indexOf("/") + 1);
  return file === "main.ts" ? file : LEAVES;
}

/** How many rooms stand on top of each other, `room` included. */
export function countFloors(graph: RoomGraph, room = "main.ts"): number {
  const below = [...(graph.get(room) ?? [])].map((other) => countFloors(graph, other));
  return 1 + Math.max(0, ...below);
}

/** The arrows that no longer way implies. */
export function listArrows(graph: RoomGraph): [from: string, to: string][] {
  const reaches = (from: string, to: string): boolean =>
    [...(graph.get(from) ?? [])].some((next) => next === to || reaches(next, to));
  return [...graph].flatMap(([from, used]) =>
    [...used]
      .filter((to) => ![...used].some((other) => other !== to && reaches(other, to)))
      .map((to): [string, string] => [from, to]),
  );
}

export function drawRooms(graph: RoomGraph): string {
  const known = Object.keys(ROOMS);
  const found = listRooms();
  const strange = [
    ...found.filter((room) => !known.includes(room)),
    ...known.filter((room) => !found.includes(room)),
  ];
  if (strange.length > 0)
    throw new Error(`scripts/draw-rooms.ts must describe each folder of src: ${strange.join(", ")}`);
  // An arrow from almost every room to the leaves would say nothing.
  const lines = [...graph.keys()]
    .filter((room) => room !== LEAVES)
    .sort(byList)
    .map(drawRoom);
  const arrows = listArrows(graph)
    .filter(([, to]) => to !== LEAVES)
    .sort(([a, b], [c, d]) => byList(a, c) || byList(b, d))
    .map(([from, to]) => `  ${toId(from)} --> ${toId(to)}`);
  return ["```mermaid", WIDE, "flowchart TB", ...lines, ...arrows, "```", ""].join("\n");
}

function listRooms(): string[] {
  const folders = [...readSources().keys()].flatMap((file) => {
    const parts = file.split("/").slice(0, -1);
    return parts.map((_, depth) => `${parts.slice(0, depth + 1).join("/")}/`);
  });
  return [...new Set(["main.ts", ...folders])];
}

function byList(one: string, other: string): number {
  const order = Object.keys(ROOMS);
  return order.indexOf(one) - order.indexOf(other);
}

/** A box. Its inner rooms are lines in it: boxes in boxes would make the picture too tall to read. */
function drawRoom(room: string): string {
  const inner = Object.keys(ROOMS).filter((other) => other !== room && other.startsWith(room));
  const lines = [
    `<b>${room}</b>`,
    ROOMS[room],
    ...inner.map((each) => `<i>${each.slice(room.length)}</i> ${ROOMS[each]}`),
  ];
  return `  ${toId(room)}["${lines.join("<br/>")}"]`;
}

/** Mermaid's ids are words; some words are its own. */
function toId(room: string): string {
  return `room-${room.replace(/\W+/g, "-").replace(/-$/, "")}`;
}

/** The document with the present picture in it. */
export function redraw(document: string): string {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error("docs/design.md has lost the place of its picture");
  return `${document.slice(0, begin)}${BEGIN}\n${drawRooms(readRoomGraph())}\n${document.slice(end)}`;
}

if (import.meta.main) {
  const document = readFileSync(FILE, "utf8");
  const redrawn = redraw(document);
  if (!process.argv.includes("--check")) writeFileSync(FILE, redrawn);
  else if (redrawn !== document) {
    console.error("The picture in docs/design.md is out of date. Run: bun scripts/draw-rooms.ts");
    process.exit(1);
  }
}
