// What a person is told of a store that cannot be used at the start.
import { messageOf, UserError } from "../errors.ts";

/** @param thrown why it cannot be opened, read or written */
export function refuseStore(where: string, thrown: unknown): UserError {
  return new UserError(
    `Cannot use the store "${where}": ${messageOf(thrown)}.`,
    "Check that the disk has room and that the file can be written, or choose another one with --store. A damaged file can be deleted; clients then connect again.",
    1,
  );
}
