/**
 * Cases of gates as data, and the tests that they become: the law, limits, refusals, and the uniformity of what a party
 * receives. A gate's cases lie in its folder.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ClearReader } from "../core/protocols/key.ts";
import type { Primitive } from "../core/protocols/primitive.ts";
import { elementCount, type Extent, type Kind, type MaskWords, type Wire, wire } from "../core/protocols/tensor.ts";
import { ReferenceEngine } from "../core/reference/engine.ts";
import { assertLaw, type Composition, type LawCase, type LawInput, type LawResult, randomWords } from "./law.ts";
import {
  assertDealtHalves,
  assertTriangular,
  assertUniform,
  type TriangularOptions,
  type UniformOptions,
} from "./uniformity.ts";
import { SETTINGS, type UniformityCase } from "./uniformity_workbench.ts";

/** One element, two in a row, and ragged columns of a few blocks. */
export const ONE: Extent = { rows: 1, cols: [1] }, TWO: Extent = { rows: 1, cols: [2] };
export const RAGGED: Extent = { rows: 2, cols: [1, 5, 8, 3] };

/** Rings of two words that calibration chooses from, and the widest. */
export const WIDTHS = [33, 36, 40, 48, 64] as const;

/** Magnitude bits up to which the oracle's integers are exact. */
export const EXACT_BITS = 53;

/** The edges, and random signed integers of all sizes below 2^bits. */
export function values(count: number, bits: number, edges: readonly number[] = []): Float64Array {
  const random = randomWords(2 * count, 32), size = (i: number) => i % 3 === 0 ? 1 : random[2 * i + 1]! / 2 ** 32;
  return Float64Array.from(
    { length: count },
    (_, i) => edges[i] ?? Math.floor((random[2 * i]! / 2 ** 31 - 1) * 2 ** (bits * size(i))),
  );
}

/** A wire of given integers. */
export function tensor(ringBits: number, scale: number, extent: Extent, data: ArrayLike<number>): LawInput<"wire"> {
  return { kind: "wire", ringBits, scale, extent, data: Float64Array.from(data) };
}

/** A wire of some edges and random integers of all sizes below 2^bits. */
export function random(n: number, scale: number, extent: Extent, bits: number, ...edges: number[]): LawInput<"wire"> {
  return tensor(n, scale, extent, values(elementCount(extent), bits, edges));
}

/** The same as a share. */
export function shared(x: LawInput): LawInput<"share"> {
  return { ...x, kind: "share" };
}

/** A case of the law. */
export interface Case extends Omit<LawCase, "engines"> {
  /** What else a run must show. */
  check?(result: LawResult): void;
}

/** Masks at which values of a ring of n bits wrap: 0, all ones, the top bits, and one off. */
function extremes(n: number): bigint[] {
  const half = 1n << BigInt(n - 1), quarter = half / 2n;
  return [0n, 1n, quarter - 1n, quarter, half - 1n, half, half + quarter, 2n * half - 1n];
}

/**
 * A case on random masks and, as a range violation of d wraps with probability 2d/2^n, on those at which its first
 * input wraps in its own ring and in narrower ones.
 */
export function underMasks(make: () => Case, ...narrower: readonly number[]): Case[] {
  const { ringBits, data } = make().inputs[0]!;
  const masks = [ringBits, ...narrower].flatMap(extremes).map((mask): MaskWords =>
    ringBits > 32 ? new BigUint64Array(data.length).fill(mask) : new Uint32Array(data.length).fill(Number(mask))
  );
  return [make(), ...masks.map((mask) => ({ ...make(), masks: [mask] }))];
}

const ENGINES = [new ReferenceEngine(), new ReferenceEngine()] as const;

/** Tests that cases obey the law: one test for each name. */
export function testLaw(gate: string, cases: Readonly<Record<string, Case | readonly Case[]>>): void {
  for (const [name, list] of Object.entries(cases)) {
    Deno.test(`${gate} obeys the law (${name})`, async () => {
      for (const test of [list].flat()) {
        const result = await assertLaw({ ...test, engines: ENGINES });
        test.check?.(result);
      }
    });
  }
}

/** A wire without values, for gates that refuse it. */
export function planned(ringBits: number, knownTo: Wire<"plan">["knownTo"] = "both"): Wire<"plan"> {
  return wire("plan", { ringBits, scale: 10, extent: ONE }, null, knownTo);
}

/** Tests that a gate refuses rings, parameters and wires that it cannot serve, and serves those beside them. */
export function testRefusals(
  gate: string,
  refused: readonly (() => unknown)[],
  served: readonly (() => unknown)[] = [],
) {
  Deno.test(`${gate} refuses rings, parameters and wires that it cannot serve`, () => {
    for (const plan of refused) assertThrows(plan, RangeError, "Cannot ");
    for (const plan of served) plan();
  });
}

/** A reader whose coins never round up. */
const READER: Pick<ClearReader, "coins"> = { coins: (bits, count) => new Uint32Array(count).fill(2 ** bits - 1) };

/** Tests that a gate declares the limit for each ring, reads what lies within it, and refuses the rest. */
export function testLimits<P>(
  { name, limit, clear }: Pick<Primitive<P, ["wire"], Kind>, "name" | "limit" | "clear">,
  limits: readonly (readonly [params: P, ringBits: number, expected: number])[],
): void {
  for (const [params, ringBits, expected] of limits) {
    const input = (value: number) => wire("clear", { ringBits, scale: 10, extent: ONE }, Float64Array.of(value));
    const read = (value: number) => clear(params, [input(value)], READER as ClearReader);
    Deno.test(`${name} reads what lies within its limit of ${expected} in ${ringBits} bits, and nothing beyond`, () => {
      assertEquals(limit!(params, [input(0)]), expected);
      for (const value of [expected - 1, -expected]) read(value);
      for (const value of [expected, -expected - 1]) {
        assertThrows(() => read(value), RangeError, "as the value must lie");
      }
    });
  }
}

/** Cases of one composition that differ in secrets alone: for each of them the integers of every input. */
export function secrets<I extends readonly "wire"[]>(
  run: Composition<I>,
  shapes: { readonly [J in keyof I]: readonly [ringBits: number, extent: Extent] },
  ...choices: readonly { readonly [J in keyof I]: readonly number[] }[]
): UniformityCase[] {
  return choices.map((data) => ({
    inputs: shapes.map(([ringBits, extent], i) => tensor(ringBits, 0, extent, data[i]!)),
    run: run as UniformityCase["run"],
  }));
}

/** Cases in a small ring, counted over all pads. */
export interface SmallCase extends UniformOptions {
  /** The same with other secrets. */
  readonly tests: readonly UniformityCase[];
  /**
   * 12 pad bits and more: one choice of secrets per setting is enough, as exact uniformity leaves nothing to compare.
   */
  readonly slow?: true;
}

/** A case at the parameters of real models: every received value must have a pad of its own. */
export interface FullCase extends UniformityCase, TriangularOptions {
  /** A composition of many gates: one choice of the explicit halves for each corrupt party. */
  readonly long?: true;
}

/** Tests that what a party receives is jointly uniform whatever the secrets, and how the dealer writes. */
export function testUniformity(gate: string, { small = {}, full }: {
  readonly small?: Readonly<Record<string, SmallCase>>;
  readonly full: Readonly<Record<string, FullCase>>;
}): void {
  for (const [name, { tests, slow = false, ...options }] of Object.entries(small)) {
    Deno.test(`what a party receives is jointly uniform whatever the secrets (exhaustive: ${name})`, () => {
      for (const setting of SETTINGS) {
        const cases = slow ? tests.slice(setting.explicit, setting.explicit + 1) : tests;
        assertUniform(cases, setting, { keys: slow ? 1 : 2, ...options });
      }
    });
  }
  for (const [name, test] of Object.entries(full)) {
    Deno.test(`every value that a party receives has a pad of its own (${name})`, () => {
      for (const setting of SETTINGS) {
        if (test.long && setting.explicit !== setting.corrupt) continue;
        const received = assertTriangular(test, setting, test);
        if (setting.corrupt === 0) assert(received > 0);
      }
    });
  }
  Deno.test(`the dealer writes value minus seed half into explicit halves, and nothing else (${gate})`, () => {
    for (const [name, test] of Object.entries(full)) assertDealtHalves(name, test);
  });
}

/** Bits of a message that are public constants, as groups of symbols have one width and some use less of it. */
export function unusedSymbols(
  used: readonly number[],
  width: number,
  at = 1,
): NonNullable<TriangularOptions["unused"]> {
  return ({ kind, message, offset }) =>
    kind === "xor" && message === at && offset % width >= used[Math.floor(offset / width) % used.length]!;
}
