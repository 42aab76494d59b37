/**
 * The activation functions, one record each: what checkpoints call them, their formula, and how the secure gate sees them.
 *
 * @module
 */

/** One activation function. */
export interface Activation {
  /** Its names in Hugging Face's configurations. */
  readonly names: readonly string[];
  /** The function, as the gate's table holds it. */
  readonly f: (x: number) => number;
  /** What it is far from 0: x·1{x ≥ 0} ("ramp"), or 2·1{x ≥ 0} ("step"). */
  readonly asymptote: "ramp" | "step";
  /** Fractional bits of what it reads and gives in a feed-forward layer. */
  readonly scale: number;
  /** Digits of its window there, lowest first: 2^index steps of 2^low units. */
  readonly digits: readonly [low: number, index: number, top: number];
  /** Low bits that the digits leave out where rounding is dithered: the smaller the low digit, the smaller the key. */
  readonly skip: number;
  /** Whether the layer squares what the function gives. */
  readonly squared?: true;
}

/** 256 steps of 1/32 over ±4 at 12 fractional bits: one more of either would not show. */
const NARROW = { asymptote: "ramp", scale: 12, digits: [7, 8, 5], skip: 3 } as const;

/** 512 steps of 1/32 over ±8, for long tails; a product with the other half needs the room of 10 bits. */
const WIDE = { asymptote: "ramp", scale: 10, digits: [5, 9, 6], skip: 2 } as const;

/** Functions whose bump is 0 everywhere: the digits only find the sign. */
const RAMP = { f: relu, asymptote: "ramp", scale: 12, digits: [7, 6, 7], skip: 3 } as const;

/** All activation functions by name. `tanh_plus_1` carries a 1 that the next linear layer, or the client, takes back. */
export const ACTIVATIONS = {
  silu: { ...WIDE, names: ["silu", "swish"], f: (x) => x / (1 + Math.exp(-x)) },
  gelu: { ...NARROW, names: ["gelu", "gelu_python"], f: (x) => x / 2 * (1 + erf(x / Math.SQRT2)) },
  gelu_tanh: {
    ...NARROW,
    names: ["gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_accurate", "gelu_python_tanh"],
    f: (x) => x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  },
  quick_gelu: { ...WIDE, names: ["quick_gelu"], f: (x) => x / (1 + Math.exp(-1.702 * x)) },
  relu: { ...RAMP, names: ["relu"] },
  relu_squared: { ...RAMP, scale: 10, digits: [7, 6, 7], names: ["relu2"], squared: true },
  tanh_plus_1: {
    names: ["tanh"],
    f: (x) => Math.tanh(x) + 1,
    asymptote: "step",
    scale: 10,
    digits: [2, 11, 7],
    skip: 0,
  },
} as const satisfies Record<string, Activation>;

/** Name of an activation function. */
export type ActivationName = keyof typeof ACTIVATIONS;

/** The record of an activation function. */
export function activationOf(name: ActivationName): Activation {
  return ACTIVATIONS[name];
}

/** The function that a configuration calls by that name, or undefined. */
export function activationNamed(name: unknown): ActivationName | undefined {
  return (Object.keys(ACTIVATIONS) as ActivationName[]).find((key) => activationOf(key).names.includes(name as string));
}

function relu(x: number): number {
  return Math.max(0, x);
}

/** Abramowitz and Stegun 7.1.26 is too coarse here; this is the series (small x) and the continued fraction (large x) of erf. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a < 3) {
    let term = a, sum = a;
    for (let n = 1; Math.abs(term) > 1e-17; n++) {
      term *= -a * a / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * 2 / Math.sqrt(Math.PI) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}
