/**
 * The three steps of a ramp or step minus a bump, each defined for one element (SPEC.md §5.12).
 *
 * @module
 */

import { flatEqual, flatLess, flatLookup, flatPredicate } from "../../fss/flat_dpf.ts";
import { kernel } from "../../kernel.ts";
import { lowMask } from "../../ring/words.ts";

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
    const { bytes, parity } = given,
      lowAt = given.place("low"),
      indexAt = given.place("index"),
      topAt = given.place("top");
    const { low_bits, index_bits, top_bits } = p, indexMask = lowMask(index_bits), topMask = lowMask(top_bits);
    const value = x.x[i]! >>> p.skip, raised = (value + 2 ** (low_bits + index_bits - 1)) >>> 0;
    const signIndex = (value >>> low_bits) & indexMask, signTop = (value >>> (low_bits + index_bits)) & topMask;
    const windowIndex = (raised >>> low_bits) & indexMask, windowTop = (raised >>> (low_bits + index_bits)) & topMask;
    const isNegative = (from: number): 0 | 1 =>
      flatPredicate(bytes, topAt, top_bits, parity, (r) => ((from - r) & topMask) > topMask >> 1);
    const bits = [
      flatLess(bytes, lowAt, low_bits, parity, value & lowMask(low_bits)),
      flatLess(bytes, indexAt, index_bits, parity, windowIndex),
      flatEqual(bytes, topAt, top_bits, parity, windowTop),
      flatEqual(bytes, topAt, top_bits, parity, (windowTop - 1) & topMask),
      flatLess(bytes, indexAt, index_bits, parity, signIndex),
      flatEqual(bytes, indexAt, index_bits, parity, signIndex),
      isNegative(signTop),
      isNegative(signTop - 1),
    ];
    x.symbols[i] = bits.reduce((word: number, bit, at) => word | (bit << at), 0) ^ free.word("symbols", 8);
    for (const carry of [0, 1]) {
      const at = (windowIndex - carry) & indexMask, sign = 1 - 2 * p.party;
      const sum = sign * flatLookup(bytes, indexAt, index_bits, parity, at, (j) => table.table[j]!);
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
    const s = x.opened[i]!, mine = free.word("symbols", 8), pair = given.word("pairs", 6);
    const bit = (word: number, at: number): number => (word >>> at) & 1;
    // Public masked symbols, this party's shares of their mask bits, and its shares of products of two of them.
    const c = bit(s, 0),
      w = bit(s, 1),
      e0 = bit(s, 2),
      de = e0 ^ bit(s, 3),
      l = bit(s, 4),
      q = bit(s, 5),
      s0 = bit(s, 6);
    const ds = s0 ^ bit(s, 7), rc = bit(mine, 0), rw = bit(mine, 1), re0 = bit(mine, 2), rde = re0 ^ bit(mine, 3);
    const rl = bit(mine, 4), rq = bit(mine, 5), rds = bit(mine, 6) ^ bit(mine, 7), constant = 1 - p.party;
    const qc = bit(pair, 0),
      qs = bit(pair, 1),
      cs = bit(pair, 2),
      we = bit(pair, 3),
      wc = bit(pair, 4),
      ec = bit(pair, 5);
    // pos = ¬S_0 ⊕ l·DS ⊕ q·c·DS, in = E_0 ⊕ w·DE and w_1 = in·c, without the monomials of mask bits alone.
    const pos = (constant & (s0 ^ (l & ds) ^ (q & c & ds))) ^ (ds & rl) ^ (l & rds) ^ (c & ds & rq) ^ (q & ds & rc) ^
      (q & c & rds) ^ (ds & qc) ^ (c & qs) ^ (q & cs);
    const inside = (constant & (e0 ^ (w & de))) ^ (de & rw) ^ (w & rde);
    const upper = (constant & ((e0 & c) ^ (w & de & c))) ^ (c & re0) ^ (e0 & rc) ^ (de & c & rw) ^ (w & c & rde) ^
      (w & de & rc) ^ (c & we) ^ (de & wc) ^ (w & ec);
    x.result[i] = free.word("bits", 3) ^ pos ^ ((inside ^ upper) << 1) ^ (upper << 2);
  },
});

/** A masked value of a narrow ring read in a wider one: its integer with the spare bit, and whether its mask may have wrapped. */
function spare(x: number, from: number, to: number): { readonly value: number; readonly wraps: 0 | 1 } {
  if (from === to) return { value: x | 0, wraps: 0 };
  const raised = (x + 2 ** (from - 2)) % 2 ** from;
  return { value: raised - 2 ** (from - 2), wraps: raised < 2 ** (from - 1) ? 1 : 0 };
}

/** Exchange 3: the share of pos·x - Σ_b w_b·s·(v_b - ρ_b); x is the masked input of a ramp, a step's public constant. */
export const FINISH = kernel({
  name: "splice_finish",
  reads: {
    x: { holds: "masked value" },
    values: { holds: "opened values", per: 2 },
    opened: { holds: "opened bits" },
  },
  writes: { result: { holds: "share, secret" } },
  records: { given: { fields: ["words", "input_tops", "value_tops"] }, free: { fields: ["pad"] } },
  params: { in_bits: "ring of x", value_bits: "ring of the values", ring_bits: "n, ring of the result" },
  costNs: () => 12,
  element({ i, x, given, free, p }) {
    const n = p.ring_bits,
      opened = x.opened[i]!,
      pos = opened & 1,
      word = (at: number): number => given.word("words", n, at);
    const { value, wraps } = spare(x.x[i]!, p.in_bits, n), missing = n - p.in_bits, above = n - p.value_bits;
    let sum = free.word("pad", n) + (1 - 2 * pos) * Math.imul(value, word(0)) - pos * word(1);
    sum += (1 - p.party) * pos * value + wraps * given.word("input_tops", missing, pos) * 2 ** p.in_bits;
    for (const carry of [0, 1]) {
      const w = (opened >>> (1 + carry)) & 1, v = spare(x.values[2 * i + carry]!, p.value_bits, n);
      sum -= w * Math.imul(v.value, word(2)) + (1 - 2 * w) * Math.imul(v.value, word(3 + 2 * carry)) -
        w * word(4 + 2 * carry);
      sum -= v.wraps * given.word("value_tops", above, 2 * carry + w) * 2 ** p.value_bits;
    }
    x.result[i] = sum & lowMask(n);
  },
});
