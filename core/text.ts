/** Text files, whatever program wrote them. */

import { ModelError } from "./errors.ts";

/** Characters that no text has: their presence says that the bytes are something else. */
// deno-lint-ignore no-control-regex
const NOT_TEXT = /[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]/;

/**
 * The text of a file: UTF-8 with or without a byte order mark, or UTF-16 with one; every line end becomes `\n`.
 *
 * @param name Of the file, for the error.
 * @throws {ModelError} If the bytes are no such text; the message does not repeat them.
 *
 * @example What an editor on Windows writes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeText } from "sluice/core/text.ts";
 *
 * const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0x0d, 0x0a, 0x62);
 *
 * assertEquals(decodeText(bytes, "prompts.txt"), "a\nb");
 * ```
 */
export function decodeText(bytes: Uint8Array, name: string): string {
  const mark = bytes[0]! << 8 | bytes[1]!;
  const encoding = mark === 0xfffe ? "utf-16le" : mark === 0xfeff ? "utf-16be" : "utf-8";
  let text: string | undefined;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    // Reported below: what the decoder says of the bytes is of no use.
  }
  if (text === undefined || NOT_TEXT.test(text)) {
    throw new ModelError(
      `Cannot read ${name} as it must be text in UTF-8, or UTF-16 with a mark: received other bytes`,
    );
  }
  return text.replace(/\r\n?/g, "\n");
}
