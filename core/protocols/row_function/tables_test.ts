import { assert, assertEquals } from "@std/assert";
import { rowTable } from "./tables.ts";

for (
  const [name, p, inScale, lo, hi, limit, sigma] of [
    ["reciprocal", { scale: 14, mantissaBits: 8, divisor: 1, offset: 0 }, 22, 20, 29, 0.0046, 1 / 64],
    ["rsqrt", { scale: 12, mantissaBits: 7, divisor: 128, offset: 1e-5 }, 24, 21, 40, 0.0030, 1 / 256],
    // A norm's 11 bits: where the mean square reaches 2^10, 1/√ has 6 of them left.
    ["rsqrt", { scale: 11, mantissaBits: 7, divisor: 128, offset: 1e-5 }, 24, 21, 37, 0.0024, 1 / 256],
    ["rsqrt", { scale: 11, mantissaBits: 7, divisor: 128, offset: 1e-5 }, 24, 37, 41, 0.0079, 1 / 64],
    // The sum of 512 equal exponentials.
    ["reciprocal", { scale: 14, mantissaBits: 8, divisor: 1, offset: 0 }, 22, 20, 31, 1 / 64, 1 / 64],
  ] as const
) {
  Deno.test(`rowTable() gives ${name} of [2^${lo}, 2^${hi}) at ${p.scale} bits within a relative ${limit}`, () => {
    let worst = 0;
    for (let fromBit = lo; fromBit < hi; fromBit += 4) {
      const shift = fromBit - p.mantissaBits,
        table = rowTable({ ...p, function: name, octaves: 4 }, inScale, { shift });
      for (let i = 2 ** p.mantissaBits; i < table.length && i * 2 ** shift < 2 ** hi; i++) {
        for (const v of [i * 2 ** shift, (i + 1) * 2 ** shift - 1]) {
          const x = v / 2 ** inScale, exact = name === "rsqrt" ? 1 / Math.sqrt(x / p.divisor + p.offset) : 1 / x;
          worst = Math.max(worst, Math.abs(table[i]! / 2 ** p.scale / exact - 1));
        }
      }
      assertEquals(table[0], 0);
    }
    assert(worst <= limit, `worst ${worst}`);
    assert(limit <= sigma, "SIGMA's worst");
  });
}
