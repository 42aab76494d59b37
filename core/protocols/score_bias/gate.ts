/**
 * A term of the scores that depends on the head and on how far two tokens stand apart: T5's learned buckets, ALiBi's slopes.
 *
 * z' = z + b[head][key - query], with a table b of party 0, which adds it to its half; the mask stays. As with a bias there is no key and no message.
 *
 * @module
 */

import type { ConstantRef } from "../key.ts";
import type { Primitive } from "../primitive.ts";
import { elementCount, type Extent } from "../tensor.ts";
import { sum } from "../local/kernels.ts";

/** Public numbers of a score bias. */
export interface ScoreBiasParams {
  /** The table at the scores' scale, shape (heads, 2·reach - 1), by key - query + reach - 1. */
  readonly table: ConstantRef;
  /** Heads of a token. */
  readonly heads: number;
  /** Distances lie below this. */
  readonly reach: number;
}

/** Where the rows and columns of the scores stand. */
export interface ScorePlaces {
  /** Position of the first token. */
  readonly from: number;
  /** Tokens of a block. */
  readonly tokens: number;
  /** Position of each block's first column. */
  readonly starts: readonly number[];
}

/** z + b of a share of scores. No key, no message. */
export const addScoreBias: Primitive<ScoreBiasParams & ScorePlaces, ["share"], "share"> = {
  name: "score_bias",
  clear(p, [z], reader) {
    const table = reader.constants(p.table), data = z.data.slice();
    eachScore(p, z.extent, (e, at) => data[e]! += table[at]!);
    return { ...z, data };
  },
  plan(p, [z]) {
    if (p.table.count !== p.heads * (2 * p.reach - 1)) {
      throw new RangeError(
        `Cannot add to the scores as the table must have ${
          p.heads * (2 * p.reach - 1)
        } entries: received ${p.table.count}`,
      );
    }
    return { out: z, key: [], opens: [] };
  },
  deal: (_p, [z]) => z,
  // deno-lint-ignore require-yield -- a gate without an exchange
  *run(p, [z], key) {
    const table = key.constants(p.table);
    if (table === null) return z;
    const words = new Uint32Array(elementCount(z.extent));
    eachScore(p, z.extent, (e, at) => words[e] = table[at]!);
    return { ...z, data: sum(key.engine, z.data, key.engine.upload(words), z.ringBits) };
  },
};

/** Calls `visit(e, at)` for every score: its element, and the entry of the table. */
function eachScore(p: ScoreBiasParams & ScorePlaces, extent: Extent, visit: (e: number, at: number) => void): void {
  const width = 2 * p.reach - 1;
  let e = 0;
  for (const [block, cols] of extent.cols.entries()) {
    for (let token = 0; token < p.tokens; token++) {
      const first = p.starts[block]! - (p.from + block * p.tokens + token) + p.reach - 1;
      for (let head = 0; head < p.heads; head++) {
        for (let c = 0; c < cols; c++, e++) visit(e, head * width + first + c);
      }
    }
  }
}
