/**
 * The flat against the tree comparison: key generation, and evaluation of 1{u < α} at one public point, as `core/` defines them. A name tells the key bits in each
 * party's stream beside its seed. The flat kind ends at 16 bits.
 */

import { type Comparison, type ComparisonKey, flatComparison, treeComparison } from "../core/fss/comparison.ts";
import { MAX_FLAT_DOMAIN_BITS } from "../core/fss/flat_dpf.ts";

const salt = crypto.getRandomValues(new Uint8Array(16));

function bytes(bits: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(Math.ceil(bits / 8)));
}

for (const domainBits of [4, 8, 10, 12, 16, 31]) {
  const kinds: Comparison[] = [treeComparison(domainBits)];
  if (domainBits <= MAX_FLAT_DOMAIN_BITS) kinds.unshift(flatComparison(domainBits));
  const alpha = BigInt(Math.floor(0.6 * 2 ** domainBits)), u = BigInt(Math.floor(0.3 * 2 ** domainBits));
  for (const [i, comparison] of kinds.entries()) {
    const { kind, drawnBits, explicitBits, commonBits } = comparison,
      drawn = [bytes(drawnBits[0]), bytes(drawnBits[1])] as const,
      written = comparison.gen({ alpha, drawn, salt });
    const key: ComparisonKey = { half: 1, drawn: drawn[1], drawnOffset: 0, written, writtenOffset: 0, salt },
      keyBytes = [commonBits, explicitBits + commonBits].map((bits) => Math.ceil(bits / 8)),
      name = `${kind} ${domainBits} bits (key ${keyBytes.join(" and ")} B)`;
    Deno.bench(`${name}: gen`, { group: `${domainBits} bits: gen`, baseline: i === 0 }, () => {
      comparison.gen({ alpha, drawn, salt });
    });
    Deno.bench(`${name}: eval`, { group: `${domainBits} bits: eval`, baseline: i === 0 }, () => {
      comparison.evalLess(key, u);
    });
  }
}
