/**
 * The two steps of {@linkcode lookup}, each defined for one element.
 *
 * @module
 */

import { flatLookup } from "../../../core/fss/flat_dpf.ts";
import { kernel } from "../../../core/kernel.ts";
import { lowMask } from "../../../core/ring/words.ts";

/** Exchange 1: the table's value under its secret sign and its mask. */
export const VALUES = kernel({
  name: "lookup_values",
  reads: { x: { holds: "masked value" } },
  writes: { values: { holds: "share, secret" } },
  records: { given: { fields: ["digit"] }, free: { fields: ["value"] } },
  params: { digit_bits: "bits of x", ring_bits: "n, ring of the result" },
  tables: { table: { holds: "one entry for each x", kind: "plain" } },
  costNs: ({ digit_bits }) => 2 ** digit_bits,
  element({ i, x, given, free, p, table }) {
    const found = flatLookup(given.oneHot("digit", p.digit_bits), x.x[i]!, (j) => table.table[j]!);
    x.values[i] = ((1 - 2 * p.party) * found + free.word("value", p.ring_bits)) & lowMask(p.ring_bits);
  },
});

/** Exchange 2: s·v̂ - s·μ under the pad. */
export const FINISH = kernel({
  name: "lookup_finish",
  reads: { opened: { holds: "opened values" } },
  writes: { result: { holds: "share, secret" } },
  records: { given: { fields: ["words"] }, free: { fields: ["pad"] } },
  params: { ring_bits: "n" },
  costNs: () => 4,
  element({ i, x, given, free, p }) {
    const n = p.ring_bits, product = Math.imul(x.opened[i]!, given.word("words", n)) - given.word("words", n, 1);
    x.result[i] = (product + free.word("pad", n)) & lowMask(n);
  },
});
