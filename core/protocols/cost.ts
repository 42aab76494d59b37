/**
 * What one gate costs and gives, without an interpreter: for cost tables, examples and tests.
 *
 * @module
 */

import { packedBytes } from "../ring/bits.ts";
import { type ClearReader, type KeyRecord, recordBits } from "./key.ts";
import type { OpeningSize } from "./opening.ts";
import type { Primitive } from "./primitive.ts";
import type { Inputs, Kind, Kinds, View } from "./tensor.ts";

/** Bytes that party `party` sends for one tensor: what the other one receives, packed. */
export function openingBytes(opening: OpeningSize, party: 0 | 1): number {
  return packedBytes(opening.bits[1 - party]!, opening.count);
}

/** Bytes that party 0 and party 1 send, every tensor rounded up to bytes. */
export function sentBytes(opens: readonly (readonly OpeningSize[])[]): [number, number] {
  const bytes = (party: 0 | 1): number => opens.flat().reduce((sum, opening) => sum + openingBytes(opening, party), 0);
  return [bytes(0), bytes(1)];
}

/** How many of the two key streams hold bits of a record of each kind. */
export const STREAMS: Readonly<Record<KeyRecord["kind"], 0 | 1 | 2>> = {
  given: 1,
  given0: 1,
  client: 1,
  common: 2,
  free: 0,
  own1: 0,
};

/** Bits of records in both key streams together. */
export function keyBits(records: readonly KeyRecord[]): number {
  let bits = 0;
  for (const { kind, fields, counts } of records) {
    bits += STREAMS[kind] * recordBits(fields) * counts.reduce((a, b) => a + b, 0);
  }
  return bits;
}

/** What one gate costs. */
export interface Cost {
  /** Exchanges. */
  readonly exchanges: number;
  /** Bytes that party 0 and party 1 send. */
  readonly sentBytes: readonly [number, number];
  /** Bits in both key streams together. */
  readonly keyBits: number;
}

/** The cost of a gate on inputs of any view: shapes alone count. */
export function costOf<P, I extends readonly Kind[], K extends Kind>(
  gate: Primitive<P, I, K>,
  params: NoInfer<P>,
  ...x: NoInfer<Inputs<View, I>>
): Cost {
  const { key, opens } = gate.plan(params, x as unknown as Inputs<"plan", I>);
  return { exchanges: opens.length, sentBytes: sentBytes(opens), keyBits: keyBits(key) };
}

/**
 * What a gate computes.
 *
 * @param reader The weights, constants, input or coins that it asks for.
 */
export function clearOf<P, I extends readonly Kind[], K extends Kind>(
  gate: Primitive<P, I, K>,
  params: NoInfer<P>,
  x: NoInfer<Inputs<"clear", I>>,
  reader: Partial<ClearReader> = {},
): Kinds<"clear">[K] {
  return gate.clear(params, x, reader as ClearReader);
}
