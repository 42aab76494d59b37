/**
 * The three steps of a ramp or step minus a bump, each defined for one element (SPEC.md §5.12).
 *
 * @module
 */

import { flatEqual, flatLess, flatLookup, flatPredicate } from "../../fss/flat_dpf.ts";
import { kernel } from "../../kernel.ts";
import { lowMask } from "../../ring/words.ts";
import { bitsFormula, spliceFormula, SYMBOLS as NAMES } from "./formula.ts";

/** Exchange 1: eight symbols, and the signed table values for both carries, under their masks. */
export const SYMBOLS = kernel({
  name: "splice_symbols",
  reads: { x: { holds: "masked value" } },
  writes: { symbols: { holds: "XOR share, secret" }, values: { holds: "shares, secret", per: 2 } },
  records: { given: { fields: ["low", "index", "top"] }, free: { fields: ["symbols", "values"] } },
  params: {
    skip: "low bits of x that no digit reads",
    low_bits: "bits of the low digit",
    index_bits: "bits of the index digit",
    top_bits: "bits of the top digit",
    value_bits: "ring of the opened values",
  },
  tables: { table: { holds: "the bump", kind: "plain", bits: "value_bits" } },
  costNs: ({ index_bits }) => 40 + 2 ** index_bits / 2,
  element({ i, x, given, free, p, table }) {
    const { low_bits, index_bits, top_bits } = p,
      low = given.oneHot("low", low_bits),
      index = given.oneHot("index", index_bits),
      top = given.oneHot("top", top_bits),
      indexMask = lowMask(index_bits),
      topMask = lowMask(top_bits);
    const value = x.x[i]! >>> p.skip, raised = (value + 2 ** (low_bits + index_bits - 1)) >>> 0;
    const signIndex = (value >>> low_bits) & indexMask, signTop = (value >>> (low_bits + index_bits)) & topMask;
    const windowIndex = (raised >>> low_bits) & indexMask, windowTop = (raised >>> (low_bits + index_bits)) & topMask;
    const isNegative = (from: number): 0 | 1 => flatPredicate(top, (r) => ((from - r) & topMask) > topMask >> 1);
    const bits = [
      flatLess(low, value & lowMask(low_bits)),
      flatLess(index, windowIndex),
      flatEqual(top, windowTop),
      flatEqual(top, (windowTop - 1) & topMask),
      flatLess(index, signIndex),
      flatEqual(index, signIndex),
      isNegative(signTop),
      isNegative(signTop - 1),
    ];
    x.symbols[i] = bits.reduce((word: number, bit, at) => word | (bit << at), 0) ^ free.word("symbols", 8);
    for (const carry of [0, 1]) {
      const at = (windowIndex - carry) & indexMask, sign = 1 - 2 * p.party;
      const sum = sign * flatLookup(index, at, (j) => table.table[j]!);
      x.values[2 * i + carry] = (sum + free.word("values", p.value_bits, carry)) & lowMask(p.value_bits);
    }
  },
});

/** Exchange 2: the bits pos, w_0 and w_1 under their masks. */
export const BITS = kernel({
  name: "splice_bits",
  reads: { opened: { holds: "opened symbols, public" } },
  writes: { result: { holds: "XOR share, secret" } },
  records: { given: { fields: ["pairs"] }, free: { fields: ["symbols", "bits"] } },
  params: {},
  costNs: () => 15,
  element({ i, x, given, free, p }) {
    const bitsOf = (word: number) => Object.fromEntries(NAMES.map((name, at) => [name, (word >>> at) & 1]));
    const opened = {
      party: p.party as 0 | 1,
      values: bitsOf(x.opened[i]!),
      halves: bitsOf(free.word("symbols", 8)),
      word: (at: number, bits: number) => given.part("pairs", at, bits),
    };
    x.result[i] = [0, 1, 2].reduce((out, k) => out ^ (bitsFormula.share(opened, k) << k), free.word("bits", 3));
  },
});

/** Exchange 3: the share of pos·x - Σ_b w_b·s·(v_b - μ_b); x is the masked input of a ramp, a step's public constant. */
export const FINISH = kernel({
  name: "splice_finish",
  reads: {
    x: { holds: "masked value" },
    values: { holds: "opened values", per: 2 },
    opened: { holds: "opened bits" },
  },
  writes: { result: { holds: "share, secret" } },
  records: { given: { fields: ["words"] }, free: { fields: ["pad"] } },
  params: { in_bits: "ring of x", value_bits: "ring of the values", ring_bits: "n, ring of the result" },
  costNs: () => 12,
  element({ i, x, given, free, p }) {
    const n = p.ring_bits, bits = x.opened[i]!;
    const share = spliceFormula(n, p.in_bits, p.value_bits).share({
      party: p.party as 0 | 1,
      values: {
        x: x.x[i]!,
        v0: x.values[2 * i]!,
        v1: x.values[2 * i + 1]!,
        pos: bits & 1,
        w0: (bits >>> 1) & 1,
        w1: (bits >>> 2) & 1,
      },
      word: (at, bits) => given.part("words", at, bits),
    });
    x.result[i] = (free.word("pad", n) + share) & lowMask(n);
  },
});
