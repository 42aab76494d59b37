/**
 * What this program calls itself.
 *
 * @module
 */

import settings from "../deno.json" with { type: "json" };

/** What a user types to run a command. */
export const PROGRAM: string = Deno.build.standalone ? "sluice" : "deno task";

/** The version of this program. */
export const VERSION: string = settings.version;

/** A text that says `sluice COMMAND`, in the words that a user types. */
export function typed(text: string): string {
  const commands = /\bsluice (?=(demo|identity|oracle|synthetic|prepare|keygen|party0|party1|plan|e2e|torture)\b)/g;
  return text.replace(commands, `${PROGRAM} `);
}
