/**
 * The two steps of a dithered exponential, each defined for one element (SPEC.md §5.16).
 *
 * @module
 */

import { flatLookup, flatLookupSigned } from "../../fss/flat_dpf.ts";
import { kernel } from "../../kernel.ts";
import { lowMask } from "../../ring/words.ts";
import { expDitheredFormula } from "./formula.ts";

/** Exchange 1: the signed values of both digits' tables under their pads. */
export const VALUES = kernel({
  name: "exp_dithered_values",
  reads: { t: { holds: "masked value" } },
  writes: { values: { holds: "shares, secret", per: 2 } },
  records: { given: { fields: ["low", "high"] }, free: { fields: ["values"] } },
  params: {
    skip: "low bits of t that no digit reads",
    low_bits: "bits of the low digit",
    high_bits: "bits of the high digit",
    ring_bits: "n",
  },
  tables: {
    low: { holds: "of the low digit's difference", kind: "signed" },
    high: { holds: "of the high digit's difference", kind: "plain" },
  },
  costNs: ({ low_bits, high_bits }) => 10 + (2 ** low_bits + 2 ** high_bits) / 3,
  element({ i, x, given, free, p, table }) {
    const n = p.ring_bits, t = x.t[i]! >>> p.skip, sign = 1 - 2 * p.party;
    const low = flatLookupSigned(given.oneHot("low", p.low_bits), t & lowMask(p.low_bits), (d) => table.low[d]!);
    const digit = (t >>> p.low_bits) & lowMask(p.high_bits);
    const high = flatLookup(given.oneHot("high", p.high_bits), digit, (d) => table.high[d]!);
    x.values[2 * i] = (sign * low + free.word("values", n)) & lowMask(n);
    x.values[2 * i + 1] = (sign * high + free.word("values", n, 1)) & lowMask(n);
  },
});

/** Exchange 2: the value under its pad. */
export const FINISH = kernel({
  name: "exp_dithered_finish",
  reads: { values: { holds: "opened values", per: 2 } },
  writes: { result: { holds: "share, secret" } },
  records: { given: { fields: ["words"] }, free: { fields: ["pad"] } },
  params: { ring_bits: "n" },
  costNs: () => 5,
  element({ i, x, given, free, p }) {
    const share = expDitheredFormula(p.ring_bits).share({
      party: p.party as 0 | 1,
      values: { v0: x.values[2 * i]!, v1: x.values[2 * i + 1]! },
      word: (at, bits) => given.part("words", at, bits),
    });
    x.result[i] = (free.word("pad", p.ring_bits) + share) & lowMask(p.ring_bits);
  },
});
