import { assertEquals } from "@std/assert";
import { evalTreeLess, genTreeDpf, treeDpf } from "../core/fss/tree_dpf.ts";
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

  Deno.test(`evalTreeLess() opens the vector's points (${vector.domainBits} bits)`, () => {
    for (const { x, less, isLess } of vector.points) {
      const point = BigInt(x);
      assertEquals(keys.map((key) => evalTreeLess(params, key, point)), less as (0 | 1)[], `x=${x}`);
      assertEquals(less[0]! ^ less[1]!, Number(isLess), `x=${x}`);
    }
  });
}
