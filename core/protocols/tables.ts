/**
 * The public tables of the nonlinear gates. They are part of the plan's digest: both parties must build the same integers.
 *
 * @module
 */

/**
 * Functions that {@linkcode bumpTable} knows. `gelu_tanh` is GELU's tanh form; `tanh_plus_1` is tanh(x) + 1, whose constant the next linear layer takes back.
 */
export type SpliceFunction = "silu" | "gelu" | "gelu_tanh" | "tanh_plus_1";

/** What a function is far from 0: x·1{x ≥ 0} ("ramp"), or 2·1{x ≥ 0} ("step"). */
export function asymptote(name: SpliceFunction): "ramp" | "step" {
  return name === "tanh_plus_1" ? "step" : "ramp";
}

const cache = new Map<string, unknown>();

function memo<T>(key: string, make: () => T): T {
  let value = cache.get(key) as T | undefined;
  if (value === undefined) cache.set(key, value = make());
  return value;
}

/**
 * e^(-t) by digits: T_low[i] = round(e^(-i/2^s)·2^f), T_high[j] = round(e^(-j·2^kl/2^s)·2^f), whose last entry is 0.
 *
 * @param digits Digit sizes in bits, lowest first.
 * @param scale Fractional bits s of t.
 * @param tableScale Fractional bits f of both tables.
 */
export function expTables(
  digits: readonly [number, number, number],
  scale: number,
  tableScale: number,
): { lowTable: Uint32Array; highTable: Uint32Array } {
  return memo(`exp/${digits}/${scale}/${tableScale}`, () => {
    const [low, high] = digits, one = 2 ** tableScale;
    const lowTable = Uint32Array.from({ length: 2 ** low }, (_, i) => Math.round(Math.exp(-i / 2 ** scale) * one));
    const highTable = Uint32Array.from(
      { length: 2 ** high },
      (_, j) => Math.round(Math.exp(-j * 2 ** (low - scale)) * one),
    );
    highTable[2 ** high - 1] = 0;
    return { lowTable, highTable };
  });
}

/**
 * Tables of the exponential without a carry: T_low[d mod 2^(low+1)] = round(e^(-d/2^s)·2^(f-1)) for -2^low < d < 2^low, but one unit less at d = 0,
 * and T_high[D] = round(e^(-D·2^low/2^s)·2^(f+1)).
 *
 * @param digits Digit sizes in bits, lowest first.
 * @param scale Fractional bits s of the rounded t.
 * @param tableScale f: the product has 2·f fractional bits.
 */
export function expDitheredTables(
  digits: readonly [number, number],
  scale: number,
  tableScale: number,
): { lowTable: Uint32Array; highTable: Uint32Array } {
  return memo(`exp_dithered/${digits}/${scale}/${tableScale}`, () => {
    const [low, high] = digits, points = 2 ** (low + 1);
    const lowTable = Uint32Array.from({ length: points }, (_, i) => {
      const d = i < points / 2 ? i : i - points;
      // One unit less than 1 at 0: so every value is below 1, and the sum of n of them below n.
      if (d === 0) return 2 ** (tableScale - 1) - 1;
      return d === -points / 2 ? 0 : Math.round(Math.exp(-d / 2 ** scale) * 2 ** (tableScale - 1));
    });
    const highTable = Uint32Array.from(
      { length: 2 ** high },
      (_, top) => Math.round(Math.exp(-top * 2 ** (low - scale)) * 2 ** (tableScale + 1)),
    );
    return { lowTable, highTable };
  });
}

function silu(x: number): number {
  return x / (1 + Math.exp(-x));
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

function gelu(x: number): number {
  return x / 2 * (1 + erf(x / Math.SQRT2));
}

function geluTanh(x: number): number {
  return x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

const FUNCTIONS: Readonly<Record<SpliceFunction, (x: number) => number>> = {
  silu,
  gelu,
  gelu_tanh: geluTanh,
  tanh_plus_1: (x) => Math.tanh(x) + 1,
};

/**
 * δ(x) = asymptote(x) - f(x) on the window [-W, W), one entry per step of 2^low units: the mean of δ at both ends of the step, rounded. Both end entries are 0.
 *
 * @param name The function f.
 * @param digits Digit sizes in bits, lowest first: low, index, top.
 * @param scale Fractional bits of x and of the entries.
 */
export function bumpTable(name: SpliceFunction, digits: readonly [number, number, number], scale: number): Uint32Array {
  return memo(`${name}/${digits}/${scale}`, () => {
    const [low, index] = digits, size = 2 ** index, f = FUNCTIONS[name], step = asymptote(name) === "step";
    const at = (i: number): number => (i - size / 2) * 2 ** (low - scale);
    return Uint32Array.from({ length: size }, (_, i) => {
      if (i === 0 || i === size - 1) return 0;
      // A step of the table lies on one side of 0, and its ends take that side's asymptote.
      const positive = i >= size / 2, bump = (x: number): number => (positive ? (step ? 2 : x) : 0) - f(x);
      return Math.round((bump(at(i)) + bump(at(i + 1))) / 2 * 2 ** scale);
    });
  });
}

/** What {@linkcode rowTable} needs to know of a row function. */
export interface RowTableParams {
  /** 1/√ or 1/. */
  readonly function: "rsqrt" | "reciprocal";
  /** Fractional bits of the entries. */
  readonly scale: number;
  /** Index bits below the leading one at the group's low end. */
  readonly mantissaBits: number;
  /** Octaves of one group. */
  readonly octaves: number;
  /** Divides v before the root. */
  readonly divisor: number;
  /** Added before the root. */
  readonly offset: number;
}

/**
 * One octave group of a row function: entry i holds f of the middle of [i·2^shift, (i+1)·2^shift) where i has its leading one within the group, else 0.
 *
 * @param inScale Fractional bits of v.
 */
export function rowTable(p: RowTableParams, inScale: number, group: { readonly shift: number }): Uint32Array {
  return memo(`row/${JSON.stringify(p)}/${inScale}/${group.shift}`, () => {
    const first = 2 ** p.mantissaBits;
    return Uint32Array.from({ length: 2 ** (p.mantissaBits + p.octaves) }, (_, i) => {
      if (i < first) return 0;
      const v = (i + 0.5) * 2 ** (group.shift - inScale);
      return Math.round(2 ** p.scale * (p.function === "rsqrt" ? 1 / Math.sqrt(v / p.divisor + p.offset) : 1 / v));
    });
  });
}
