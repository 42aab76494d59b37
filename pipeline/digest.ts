/**
 * The digest that both parties compare before they start: everything public that the plan of a session follows from.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { ModelSpec } from "./forward.ts";
import { bumpTable, expTables } from "../core/protocols/tables.ts";
import type { SessionShape } from "./session_plan.ts";

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined).sort(([a], [b]) => a < b ? -1 : 1);
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
}

/** SHA-256 over the model's public numbers, the session's lengths, and the tables that both parties must build alike; hexadecimal. */
export function planDigest(model: ModelSpec, shape: SessionShape): string {
  const { scales } = model, hash = createHash("sha256").update(canonical({ model, shape }));
  const { lowTable, highTable } = expTables(scales.expDigits, scales.score, scales.expTable);
  for (const table of [lowTable, highTable, bumpTable("silu", scales.activationDigits, scales.activation)]) {
    hash.update(new Uint8Array(table.buffer, table.byteOffset, table.byteLength));
  }
  return hash.digest("hex");
}
