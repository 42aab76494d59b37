/**
 * The digest that both parties compare before they start: everything public that the plan of a session follows from.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { activationOf } from "../../core/protocols/activations.ts";
import { attentionParams, type ModelSpec } from "../forward/model_spec.ts";
import { rotaryAngles } from "../../core/protocols/local/gate.ts";
import { roundings } from "../../core/protocols/layers/rounding.ts";
import { bumpTable } from "../../core/protocols/splice/tables.ts";
import type { SessionShape } from "./session_plan.ts";

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined).sort(([a], [b]) => a < b ? -1 : 1);
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
}

/**
 * SHA-256 over the model's public numbers, the session's lengths, and every table and angle that comes from a
 * transcendental function, hexadecimal.
 *
 * If two machines round one entry differently, their digests differ and they do not start. Row functions use division
 * and square root alone, which IEEE 754 rounds correctly everywhere.
 */
export function planDigest(model: ModelSpec, shape: SessionShape): string {
  const { scales, config, maxPositions } = model, hash = createHash("sha256").update(canonical({ model, shape }));
  const add = (table: Uint32Array | Int32Array): unknown =>
    hash.update(new Uint8Array(table.buffer, table.byteOffset, table.byteLength));
  const { lowTable, highTable } = roundings[model.rounding].expTables(attentionParams(model, 0).softmax);
  for (const table of [lowTable, highTable]) add(table);
  add(bumpTable(config.activation, scales.hiddenDigits, scales.hidden));
  const { dense } = config.head;
  if (dense !== null) {
    const { digits, scale } = activationOf(dense);
    add(bumpTable(dense, dense === "tanh_plus_1" ? digits : scales.denseDigits, scale));
  }
  for (const frequencies of config.frequencies) {
    const positions = Array.from({ length: maxPositions }, (_, position) => position);
    add(rotaryAngles(positions, frequencies, scales.angle));
  }
  return hash.digest("hex");
}
