import { assert, assertEquals } from "@std/assert";
import { asymptote, bumpTable, expDitheredTables, expTables, rowTable, type SpliceFunction } from "./tables.ts";

type Digits = readonly [number, number, number];

/** erf by the midpoint rule: slow, and independent of the table's own series. */
function erf(x: number): number {
  const steps = 2000, h = x / steps;
  let sum = 0;
  for (let i = 0; i < steps; i++) sum += Math.exp(-(((i + 0.5) * h) ** 2));
  return 2 / Math.sqrt(Math.PI) * sum * h;
}

const functions: Readonly<Record<SpliceFunction, (x: number) => number>> = {
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: (x) => x / 2 * (1 + erf(x / Math.SQRT2)),
  gelu_tanh: (x) => x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  tanh_plus_1: (x) => Math.tanh(x) + 1,
};

/** Largest |splice(x) - f(x)| over twice the window, at every `stride`-th integer and both ends of every step. */
function worstSplice(name: SpliceFunction, digits: Digits, scale: number): number {
  const [low, index] = digits, table = bumpTable(name, digits, scale), window = 2 ** (low + index - 1);
  const far = asymptote(name) === "ramp" ? (x: number) => Math.max(x, 0) : (x: number) => x >= 0 ? 2 ** (scale + 1) : 0;
  let worst = 0;
  for (let step = -2 * window; step < 2 * window; step += 2 ** low / 2) {
    for (const x of [step, step + 2 ** low / 2 - 1]) {
      const i = Math.floor((x + window) / 2 ** low), inside = i >= 0 && i < 2 ** index;
      const y = far(x) - (inside ? table[i]! | 0 : 0);
      worst = Math.max(worst, Math.abs(y / 2 ** scale - functions[name](x / 2 ** scale)));
    }
  }
  return worst;
}

for (
  const [name, digits, scale, limit] of [
    // 8 units of 2^-10: half a step of 2^-5 times the slope 1/2 of the ramp's other side.
    ["silu", [5, 9, 6], 10, 0.007813],
    ["gelu", [5, 8, 7], 10, 0.007813],
    ["silu", [7, 9, 6], 12, 0.007813],
    ["gelu", [7, 8, 7], 12, 0.007668],
    // What models use: 256 steps of 1/32 over ±4 for GELU, 2048 steps of 1/256 over ±4 for tanh.
    ["gelu", [7, 8, 5], 12, 0.007668],
    ["gelu_tanh", [7, 8, 5], 12, 0.007668],
    ["tanh_plus_1", [2, 11, 7], 10, 0.002397],
    ["silu", [4, 10, 6], 10, 0.004151],
    ["gelu", [4, 9, 7], 10, 0.004007],
  ] as const
) {
  Deno.test(`bumpTable() gives ${name} within ${limit} (digits ${digits}, ${scale} fractional bits)`, () => {
    const worst = worstSplice(name, digits, scale);
    assert(worst <= limit, `worst ${worst}`);
    assert(worst >= limit - 2e-6, `the limit is too generous: worst ${worst}`);
  });
}

Deno.test("bumpTable() is zero in both end entries, never negative for a ramp, and memoised", () => {
  for (const name of ["silu", "gelu", "gelu_tanh"] as const) {
    const table = bumpTable(name, [5, 9, 6], 10);
    assertEquals([table[0], table[511]], [0, 0]);
    assert(table.every((entry) => entry < 2 ** 10));
    assert(bumpTable(name, [5, 9, 6], 10) === table);
  }
});

Deno.test("expTables() give e^-t within 1.25 units of 2^-12, and 0 from the last upper digit on", () => {
  const { lowTable, highTable } = expTables([8, 6, 6], 10, 11);
  let worst = 0;
  for (let t = 0; t < 2 ** 15; t++) {
    const e = t < 2 ** 14 ? lowTable[t % 256]! * highTable[Math.floor(t / 256)]! : 0;
    worst = Math.max(worst, Math.abs(e / 2 ** 22 - Math.exp(-t / 2 ** 10)));
  }
  assert(worst <= 0.00030385, `worst ${worst}`);
  assert(worst * 2 ** 12 < 2.7, "SIGMA's worst, in units of 2^-12");
  assertEquals(highTable[63], 0);
  assertEquals([lowTable[0], highTable[0]], [2048, 2048]);
});

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
  Deno.test(`rowTable() gives ${name} of [2^${lo}, 2^${hi}) at ${p.scale} bits within a relative error of ${limit}`, () => {
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

/** Both neighbours of x on the grid of 2^skip units: what a coin may make of it. */
function neighbours(x: number, skip: number): number[] {
  const unit = 2 ** skip;
  return [Math.floor(x / unit), Math.ceil(x / unit)].map((n) => n * unit);
}

for (
  const [name, digits, scale, skip, limit] of [
    ["gelu", [7, 8, 5], 12, 3, 0.008478],
    ["silu", [5, 9, 6], 10, 2, 0.00928],
  ] as const
) {
  Deno.test(`bumpTable() gives ${name} within ${limit} for either neighbour of its argument without ${skip} bits`, () => {
    const [low, index] = digits, table = bumpTable(name, digits, scale), window = 2 ** (low + index - 1);
    let worst = 0;
    for (let x = -window; x < window; x++) {
      for (const read of neighbours(x, skip)) {
        const i = Math.floor((read + window) / 2 ** low), bump = i < 2 ** index ? table[i]! | 0 : 0;
        const y = (read >= 0 ? x : 0) - bump;
        worst = Math.max(worst, Math.abs(y / 2 ** scale - functions[name](x / 2 ** scale)));
      }
    }
    assert(worst <= limit, `worst ${worst}`);
    assert(worst >= limit - 2e-6, `the limit is too generous: worst ${worst}`);
  });
}

Deno.test("expDitheredTables() give e^-t within 4.01 units of 2^-12 for either split, and within 30.2 for either neighbour of t", () => {
  const { lowTable, highTable } = expDitheredTables([8, 8], 7, 11);
  let table = 0, rounded = 0;
  for (let t = 0; t < 64 * 1024; t++) {
    for (const read of neighbours(t, 3)) {
      for (const borrow of [0, 1]) {
        const t7 = read / 8, digit = t7 % 256;
        if (borrow === 1 && digit === 0) continue; // no coin is below 0
        const d = digit - 256 * borrow, top = Math.floor(t7 / 256) + borrow;
        const y = lowTable[(d + 512) % 512]! * highTable[top % 256]! / 2 ** 22;
        table = Math.max(table, 4096 * Math.abs(y - Math.exp(-t7 / 128)));
        rounded = Math.max(rounded, 4096 * Math.abs(y - Math.exp(-t / 1024)));
      }
    }
  }
  assert(table <= 4.01 && table > 3.99, `table ${table}`);
  assert(rounded <= 30.2 && rounded > 30, `rounded ${rounded}`);
});
