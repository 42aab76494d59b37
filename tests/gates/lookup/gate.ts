/**
 * An example of a gate: y = T[x] for a public table T of 2^k entries and a secret x of k bits.
 *
 * The mask r of x is the secret point of a flat DPF. Its two halves looked up in T at x̂ differ by s·T[x], where the
 * sign s = ±1 says whose bit at r is set. Exchange 1 opens v̂ = s·T[x] + μ, exchange 2 y = s·(v̂ - μ) = s·v̂ - s·μ,
 * because s² = 1.
 *
 * - **Runs on:** both parties, in lockstep
 * - **Exchanges:** 2   **Sends:** n and n bits per element
 * - **Key:** 2^k - 1 + 2·n given bits
 * - **Source:** the lookups of SPEC §4.1
 *
 * @module
 */

import { oneHotBits } from "../../../core/fss/flat_dpf.ts";
import { step } from "../../../core/protocols/key.ts";
import { open, type OpeningSize } from "../../../core/protocols/opening.ts";
import { assertKnownToBoth, assertRange, assertWordRing, type Primitive } from "../../../core/protocols/primitive.ts";
import { blockCounts, elementCount, maskWords, wire } from "../../../core/protocols/tensor.ts";
import { FINISH, VALUES } from "./kernels.ts";

/** Parameters of {@linkcode lookup}. */
export interface LookupParams {
  /** T, one entry for each x in [0, 2^k), as words mod 2^n. */
  readonly table: Uint32Array;
  /** Ring of the result, in bits. */
  readonly ringBits: number;
}

/** T[x] of a wire whose ring has as many elements as T. */
export const lookup: Primitive<LookupParams, ["wire"], "wire"> = {
  name: "lookup",
  clear({ table, ringBits }, [x]) {
    const half = 2 ** (x.ringBits - 1);
    assertRange(x.data.map((v) => v - half), half, "look up a value");
    const sign = 2 ** (ringBits - 1), data = x.data.map((v) => (table[v]! + sign) % 2 ** ringBits - sign);
    return wire("clear", { ringBits, scale: 0, extent: x.extent }, data);
  },
  plan({ table, ringBits: n }, [x]) {
    if (table.length !== 2 ** x.ringBits) {
      throw new RangeError(
        `Cannot look up as the table must have ${2 ** x.ringBits} entries: received ${table.length}`,
      );
    }
    assertKnownToBoth(x, "look up a value");
    assertWordRing(n, "look up a value");
    const counts = blockCounts(x.extent), count = elementCount(x.extent);
    const opening: OpeningSize[] = [{ kind: "add", count, bits: [n, n] }];
    return {
      out: wire("plan", { ringBits: n, scale: 0, extent: x.extent }, null),
      key: [
        {
          name: "given",
          kind: "given",
          counts,
          fields: [{ name: "digit", bits: oneHotBits(x.ringBits) }, { name: "words", bits: 2 * n }],
        },
        { name: "free", kind: "free", counts, fields: [{ name: "value", bits: n }, { name: "pad", bits: n }] },
      ],
      opens: [opening, opening],
    };
  },
  deal({ ringBits: n }, [x], key) {
    const given = key.record("given"), free = key.record("free"), words = key.offset("given", "words");
    const value = key.offset("free", "value"), pad = key.offset("free", "pad");
    const data = maskWords(x).map((r, e) => {
      given.seek(e);
      free.seek(e);
      const s = 2 * given.oneHot(key.offset("given", "digit"), x.ringBits, r) - 1;
      given.word(words, n, s);
      given.word(words + n, n, s * (free.sum(value, n) | 0));
      return free.sum(pad, n);
    });
    return wire("mask", { ringBits: n, scale: 0, extent: x.extent }, data);
  },
  *run({ table, ringBits }, [x], key) {
    const opening: OpeningSize[] = [{ kind: "add", count: x.data.count, bits: [ringBits, ringBits] }];
    const { values } = step(key, VALUES, {
      reads: { x: x.data },
      params: { digit_bits: x.ringBits, ring_bits: ringBits },
      tables: { table },
    });
    const [opened] = yield* open(opening, values);
    const { result } = step(key, FINISH, { reads: { opened }, params: { ring_bits: ringBits } });
    const [data] = yield* open(opening, result);
    return wire("masked", { ringBits, scale: 0, extent: x.extent }, data);
  },
};
