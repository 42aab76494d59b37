/**
 * The three steps of an exponential with a clip, each defined for one element (SPEC.md §5.11).
 *
 * @module
 */

import { flatEqual, flatLess, flatLookup } from "../../fss/flat_dpf.ts";
import { kernel } from "../../kernel.ts";
import { lowMask } from "../../ring/words.ts";
import { clipFormula, expFormula } from "./formula.ts";

/** Exchange 1: the carry of the low digit, three symbols of the clip, and the signed values of the low digit and, for both carries, of the high one. */
export const SYMBOLS = kernel({
  name: "exp_symbols",
  reads: { t: { holds: "masked value" } },
  writes: { symbols: { holds: "XOR share, secret" }, values: { holds: "shares, secret", per: 3 } },
  records: { given: { fields: ["low", "high", "top"] }, free: { fields: ["symbols", "values"] } },
  params: {
    low_bits: "bits of the low digit",
    high_bits: "bits of the high digit",
    top_bits: "bits of the top digit",
    ring_bits: "n, ring of the values",
  },
  tables: { low: { holds: "of the low digit", kind: "plain" }, high: { holds: "of the high digit", kind: "plain" } },
  costNs: ({ low_bits, high_bits }) => 20 + (2 ** low_bits + 2 ** high_bits) / 2,
  element({ i, x, given, free, p, table }) {
    const { low_bits, high_bits, top_bits, ring_bits: n } = p, t = x.t[i]!;
    const low = given.oneHot("low", low_bits),
      high = given.oneHot("high", high_bits),
      top = given.oneHot("top", top_bits);
    const t0 = t & lowMask(low_bits), t1 = (t >>> low_bits) & lowMask(high_bits), t2 = t >>> (low_bits + high_bits);
    const equal = (point: number): 0 | 1 => flatEqual(top, point & lowMask(top_bits));
    const symbols = flatLess(low, t0) | flatLess(high, t1) << 1 | equal(t2) << 2 | equal(t2 - 1) << 3;
    x.symbols[i] = symbols ^ free.word("symbols", 4);
    const upper = (carry: number): number => flatLookup(high, (t1 - carry) & lowMask(high_bits), (j) => table.high[j]!);
    const values = [flatLookup(low, t0, (j) => table.low[j]!), upper(0), upper(1)];
    values.forEach((value, j) => {
      x.values[3 * i + j] = ((1 - 2 * p.party) * value + free.word("values", n, j)) & lowMask(n);
    });
  },
});

/** Exchange 2: the clip bit under its mask. */
export const CLIP = kernel({
  name: "exp_clip",
  reads: { opened: { holds: "opened symbols, public" } },
  writes: { clip: { holds: "XOR share, secret" } },
  records: { free: { fields: ["symbols", "clip"] } },
  params: {},
  costNs: () => 3,
  element({ i, x, free, p }) {
    const bits = (word: number) => ({ less: word >>> 1, equal0: word >>> 2, equal1: word >>> 3 });
    const halves = bits(free.word("symbols", 4)), party = p.party as 0 | 1;
    x.clip[i] = free.word("clip", 1) ^ clipFormula.share({ party, values: bits(x.opened[i]!), halves, word: () => 0 });
  },
});

/** Exchange 3: the value under its pad. */
export const FINISH = kernel({
  name: "exp_finish",
  reads: {
    opened: { holds: "opened symbols, public" },
    values: { holds: "opened values", per: 3 },
    clip: { holds: "opened clip bits" },
  },
  writes: { result: { holds: "share, secret" } },
  records: { given: { fields: ["words"] }, free: { fields: ["pad"] } },
  params: { ring_bits: "n" },
  costNs: () => 15,
  element({ i, x, given, free, p }) {
    const [low, v0, v1] = x.values.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number];
    const share = expFormula(p.ring_bits).share({
      party: p.party as 0 | 1,
      values: { low, v0, v1, carry: x.opened[i]! & 1, clip: x.clip[i]! },
      word: (at, bits) => given.part("words", at, bits),
    });
    x.result[i] = (free.word("pad", p.ring_bits) + share) & lowMask(p.ring_bits);
  },
});
