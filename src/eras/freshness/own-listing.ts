// Asks for a list in a client's name, so that it is what the client would be shown: translated, and less what it may not see.
import { within } from "../../deadline.ts";
import { listedBy, type ListMethod } from "./list-methods.ts";
import { createListReader, readListAnswer, readNextCursor, type ListSketch } from "./list-sketch.ts";
import type { Peer } from "./peer.ts";

const MOST_PAGES = 100;
/** For each page, in milliseconds. */
const ANSWERS_WITHIN = 30_000;

/** @returns `undefined` when not all of it can be had */
export async function askForList(
  peer: Pick<Peer, "ask">,
  method: ListMethod,
  patience = ANSWERS_WITHIN,
): Promise<ListSketch | undefined> {
  const reader = createListReader(listedBy(method).property);
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const request = peer.ask(method, cursor);
    const bytes = await within(patience, request.answer, request.cancel);
    const answer = bytes && readListAnswer(bytes);
    if (answer === undefined) return undefined;
    reader.add(cursor, answer.bytes);
    cursor = readNextCursor(answer);
    if (cursor === undefined) return reader.sketch();
  }
  return undefined;
}
