import { assert, assertEquals } from "@std/assert";
import { type ActivationName, activationNamed, activationOf, ACTIVATIONS } from "../activations.ts";
import { bumpTable } from "./tables.ts";

type Digits = readonly [number, number, number];

/** erf by the midpoint rule: slow, and independent of the table's own series. */
function erf(x: number): number {
  const steps = 2000, h = x / steps;
  let sum = 0;
  for (let i = 0; i < steps; i++) sum += Math.exp(-(((i + 0.5) * h) ** 2));
  return 2 / Math.sqrt(Math.PI) * sum * h;
}

const functions: Readonly<Record<ActivationName, (x: number) => number>> = {
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: (x) => x / 2 * (1 + erf(x / Math.SQRT2)),
  gelu_tanh: (x) => x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  quick_gelu: (x) => x / (1 + Math.exp(-1.702 * x)),
  relu: (x) => Math.max(x, 0),
  relu_squared: (x) => Math.max(x, 0), // squared by the layer
  tanh_plus_1: (x) => Math.tanh(x) + 1,
};

/** Largest |splice(x) - f(x)| over twice the window, at every `stride`-th integer and both ends of every step. */
function worstSplice(name: ActivationName, digits: Digits, scale: number): number {
  const [low, index] = digits, table = bumpTable(name, digits, scale), window = 2 ** (low + index - 1);
  const far = activationOf(name).asymptote === "ramp"
    ? (x: number) => Math.max(x, 0)
    : (x: number) => x >= 0 ? 2 ** (scale + 1) : 0;
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
    ["quick_gelu", [5, 9, 6], 10, 0.007813],
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

Deno.test("every activation has names of its own, and no gate makes more of it than a step of its window", () => {
  const names = Object.values(ACTIVATIONS).flatMap((record): readonly string[] => record.names);
  assertEquals(new Set(names).size, names.length);
  for (const [key, record] of Object.entries(ACTIVATIONS)) {
    const name = key as ActivationName, { digits, scale } = record;
    for (const alias of record.names) assertEquals(activationNamed(alias), name);
    assert(worstSplice(name, digits, scale) <= 0.01, `${key}: ${worstSplice(name, digits, scale)}`);
  }
  assertEquals(activationNamed("mish"), undefined);
});

Deno.test("bumpTable() is zero in both end entries, never negative for a ramp, and memoised", () => {
  for (const name of ["silu", "gelu", "gelu_tanh"] as const) {
    const table = bumpTable(name, [5, 9, 6], 10);
    assertEquals([table[0], table[511]], [0, 0]);
    assert(table.every((entry) => entry < 2 ** 10));
    assert(bumpTable(name, [5, 9, 6], 10) === table);
  }
});

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
  Deno.test(`bumpTable() gives ${name} within ${limit} for either neighbour without ${skip} bits`, () => {
    const [low, index] = digits, table = bumpTable(name, digits, scale), window = 2 ** (low + index - 1);
    let worst = 0;
    for (let x = -window; x < window; x++) {
      const exact = functions[name](x / 2 ** scale);
      for (const read of neighbours(x, skip)) {
        const i = Math.floor((read + window) / 2 ** low), bump = i < 2 ** index ? table[i]! | 0 : 0;
        worst = Math.max(worst, Math.abs(((read >= 0 ? x : 0) - bump) / 2 ** scale - exact));
      }
    }
    assert(worst <= limit, `worst ${worst}`);
    assert(worst >= limit - 2e-6, `the limit is too generous: worst ${worst}`);
  });
}
