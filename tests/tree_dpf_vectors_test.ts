import { assertEquals } from "@std/assert";
import { evalTreeAll, evalTreeEqual, evalTreeLess, genTreeDpf, treeDpf } from "../core/fss/tree_dpf.ts";
import type { TreeDpfKey } from "../core/fss/tree_dpf.ts";
import { readBits } from "../core/ring/bits.ts";
import vectors from "./vectors/tree_dpf.json" with { type: "json" };

for (const vector of vectors.cases) {
  const params = treeDpf(vector.domainBits);
  const [seed0, seed1, salt] = [...vector.seeds, vector.salt].map((hex) => Uint8Array.fromHex(hex)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const corrections = Uint8Array.fromHex(vector.corrections);
  const keys: [TreeDpfKey, TreeDpfKey] = [
    { party: 0, seed: seed0, salt, corrections, bitOffset: 0 },
    { party: 1, seed: seed1, salt, corrections, bitOffset: 0 },
  ];

  Deno.test(`genTreeDpf() makes the corrections of the vector (${vector.domainBits} bits)`, () => {
    const made = genTreeDpf(params, { alpha: BigInt(vector.alpha), seeds: [seed0, seed1], salt });
    assertEquals(made.toHex(), vector.corrections);
    const leafOffset = 128 * params.levels;
    const leafBits = 8 * vector.leafCorrection.length / 2;
    assertEquals(made.toHex().slice(leafOffset / 4, (leafOffset + leafBits) / 4), vector.leafCorrection);
    vector.levels.forEach((level, i) => {
      assertEquals(made.toHex().slice(32 * i, 32 * i + 32), level.seedCorrection, `level ${i}`);
      assertEquals(readBits(made, leafOffset + leafBits + 2 * i, 1), level.controlLeft, `level ${i}`);
      assertEquals(readBits(made, leafOffset + leafBits + 2 * i + 1, 1), level.controlRight, `level ${i}`);
    });
  });

  Deno.test(`evalTreeEqual() and evalTreeLess() open the vector's points (${vector.domainBits} bits)`, () => {
    for (const { x, leaves, less, isEqual, isLess } of vector.points) {
      const point = BigInt(x);
      const bits = keys.map((key) => evalTreeEqual(params, key, point)) as [number, number];
      leaves.forEach((leaf, party) => {
        const bytes = Uint8Array.fromHex(leaf);
        assertEquals(bits[party], readBits(bytes, Number(point % BigInt(8 * bytes.length)), 1), `x=${x}`);
      });
      assertEquals(bits[0] ^ bits[1], Number(isEqual), `x=${x}`);
      assertEquals(keys.map((key) => evalTreeLess(params, key, point)), less as (0 | 1)[], `x=${x}`);
      assertEquals(less[0]! ^ less[1]!, Number(isLess), `x=${x}`);
    }
  });

  // The whole domain is expanded where it has at most 2^16 points.
  if (vector.domainBits > 16) continue;
  Deno.test(`evalTreeAll() contains the vector's leaves (${vector.domainBits} bits)`, () => {
    for (const key of keys) {
      const all = evalTreeAll(params, key).toHex();
      for (const { x, leaves } of vector.points) {
        const leaf = leaves[key.party]!;
        const index = Math.floor(Number(x) / (4 * leaf.length));
        assertEquals(all.slice(index * leaf.length, (index + 1) * leaf.length), leaf, `x=${x}`);
      }
    }
  });
}
