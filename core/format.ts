/** Versions of files: one of an earlier or a later version is refused by name, with what makes it anew. */

import { hinted } from "./errors.ts";

/** What a file must be. */
export interface Format {
  /** What begins the file: a name, and one digit, the version. */
  readonly magic: string;
  /** Path of the file, for the error. */
  readonly name: string;
  /** What its reader can do. */
  readonly remedy: string;
  /** Class of the error. */
  readonly error: new (message: string) => Error;
}

/** Throws unless a version is the one that this program writes. */
export function assertVersion(
  received: unknown,
  expected: number,
  { name, remedy, error }: Omit<Format, "magic">,
): void {
  if (received === expected) return;
  const version = Number.isSafeInteger(received) ? `format ${received}` : "another format";
  const which = Number(received) > expected ? "; it was made by a later sluice" : "";
  throw hinted(
    new error(`Cannot read ${name} as it must have format ${expected}: received ${version}${which}`),
    remedy,
  );
}

/** Throws unless bytes begin with a magic of the version that this program writes. */
export function assertFormat(bytes: Uint8Array, format: Format): void {
  const found = new TextDecoder("latin1").decode(bytes.subarray(0, format.magic.length)), digit = found.at(-1) ?? "";
  const named = found.slice(0, -1) === format.magic.slice(0, -1) && /\d/.test(digit);
  assertVersion(named ? Number(digit) : undefined, Number(format.magic.at(-1)), format);
}
