/** Writes the tree DPF vectors from the BigInt twin. See `tree_dpf/README.md`. */

import { encode, evalLeaf, evalLess, gen, leafBits, toBytes } from "../reference/tree_dpf.ts";
import type { Node } from "../reference/tree_dpf.ts";

const CASES: readonly [domainBits: number, alpha: bigint][] = [
  [5, 19n],
  [8, 0n],
  [10, 0x2a5n],
  [20, 0xfffffn],
  [64, 0x0123456789abcdefn],
];

function hex(value: bigint, bits: number): string {
  return toBytes(value, Math.ceil(bits / 8)).toHex();
}

function describeNode(node: Node): { seed: string; control: number } {
  return { seed: hex(node.seed, 128), control: Number(node.control) };
}

for (const [domainBits, alpha] of CASES) {
  const seeds = [
    Uint8Array.from({ length: 16 }, (_, i) => i),
    Uint8Array.from({ length: 16 }, (_, i) => 0x10 + i),
  ] as const;
  const salt = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
  const key = gen(domainBits, alpha, seeds, salt);
  const last = (1n << BigInt(domainBits)) - 1n;
  const points = [...new Set([0n, 1n, alpha - 1n, alpha, alpha + 1n, alpha ^ 128n, last >> 1n, last])]
    .filter((x) => x >= 0n && x <= last);
  const size = leafBits(domainBits);
  const vector = {
    source: "BigInt twin tests/reference/tree_dpf.ts; byte strings are hexadecimal, little-endian",
    domainBits,
    alpha: alpha.toString(),
    salt: salt.toHex(),
    seeds: seeds.map((seed) => seed.toHex()),
    levels: key.levels.map((level) => ({
      seedCorrection: hex(level.seed, 128),
      controlLeft: Number(level.controlLeft),
      controlRight: Number(level.controlRight),
    })),
    leafCorrection: hex(key.leaf, size),
    pathToAlpha: key.path.map(([node0, node1]) => ({ party0: describeNode(node0), party1: describeNode(node1) })),
    corrections: encode(key).toHex(),
    evaluations: points.map((x) => ({
      x: x.toString(),
      leaves: ([0, 1] as const).map((party) => hex(evalLeaf(key, party, seeds[party], salt, x), size)),
      less: ([0, 1] as const).map((party) => Number(evalLess(key, party, seeds[party], salt, x))),
      isEqual: x === alpha,
      isLess: x < alpha,
    })),
  };
  const url = new URL(`tree_dpf/v1/domain_${domainBits}.json`, import.meta.url);
  Deno.writeTextFileSync(url, JSON.stringify(vector, null, 2) + "\n");
}
