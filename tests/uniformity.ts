/**
 * Joint uniformity of what a party receives, as checks that run on any gate or composition: exhaustive in small rings,
 * by triangularity at full size.
 *
 * Setting: party p is corrupt, q is the other one. p's key consists of its seed part S_p and its explicit part E_p. q's
 * seed part consists of pads F_q (its halves of `free` records, and masks of its own) and of halves H_q of `given`
 * records. The input is masked by r.
 *
 * *Lemma.* Suppose that (1) no bit of a seed part belongs to two records, (2) every explicit bit of a `given` record is
 * value - seed half (or value ⊕ seed half) with the seed half of the same bit, and (3) for fixed x̂, r, S_p, E_p there
 * is an order y_1, …, y_J of the values that p receives, and an injection j ↦ π_j into the pads F_q, such that π_j += δ
 * shifts y_j by δ and leaves y_1, …, y_{j-1} alone. Then the tuple (E_p, y_1, …, y_J) is uniform for every input, mask,
 * S_p and every value of the pads that are not some π_j; so the view of p is simulated by drawing it.
 *
 * *Proof.* By (1) and (2) E_p is value - H_q with H_q uniform and used nowhere else, so E_p is uniform and independent
 * of (r, F_q, S_p); given E_p, the halves H_q and q's explicit part are functions of (r, F_q, S_p, E_p). By (3) y_j =
 * π_j + g_j(π_1, …, π_{j-1}) for the rest fixed: a bijection of the π's.
 *
 * In (3) the dealer must deal *again* after π_j has moved, with p's key held fixed, because q's halves depend on the
 * pads: the dealer's monomials contain mask bits. Moving a pad under fixed keys proves nothing: a gate that adds a
 * share of a dealt value -π_j to its opening passes, and leaks.
 *
 * Two things stand outside the lemma. The correction words of tree DPFs (`common`) are in both keys and not part of
 * E_p: given p's root they are pseudorandom, whatever the point is, as long as q's root serves nothing else. And the
 * mask of a revealed output is in the client's key by design.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Seed } from "../core/prg/seed.ts";
import { LaneDealer } from "../pipeline/interpreters/deal.ts";
import { readBits, readWide } from "../core/ring/bits.ts";
import type { BlockLayout } from "../pipeline/interpreters/layout.ts";
import {
  Bench,
  dealOnMasks,
  type PadBit,
  type Setting,
  type UniformityCase,
  type Unit,
} from "./uniformity_workbench.ts";

function valueOf(unit: Unit, messages: readonly Uint8Array[]): bigint {
  return readWide(messages[unit.message]!, unit.offset, unit.bits);
}

function describe(unit: Unit): string {
  return `exchange ${unit.exchange}, message ${unit.message}, ${unit.bits} bits at ${unit.offset}`;
}

/** Options of {@linkcode assertTriangular}. */
export interface TriangularOptions {
  /** Random keys and inputs on which the assignment is checked. */
  readonly trials?: number;
  /** Values that are public constants by construction: always 0. */
  readonly unused?: (unit: Unit) => boolean;
}

/**
 * Throws unless the received values have pads of their own as the lemma of this module demands. Returns the number of
 * received values.
 *
 * The pads are found by flipping single bits, and then moved by random amounts under fresh keys.
 */
export function assertTriangular(test: UniformityCase, setting: Setting, options: TriangularOptions = {}): number {
  const bench = new Bench(test, setting), { corrupt } = setting, units = bench.units;
  const isUnused = options.unused ?? (() => false);
  bench.randomise();
  // Find: the first value that a pad's bit moves is the value that it masks.
  const base = bench.evaluate(),
    key = bench.key(corrupt).slice(),
    fixed = bench.fixedKey(),
    padsOf = units.map((): PadBit[] => []);
  for (const pad of bench.pads) {
    const bit = bench.padBit(pad);
    bench.setPadBit(pad, bit ^ 1);
    const moved = bench.evaluate(), first = units.findIndex((unit) => valueOf(unit, moved) !== valueOf(unit, base));
    if (first >= 0 && sameBytes(fixed, bench.fixedKey())) {
      const unit = units[first]!, shift = valueOf(unit, moved) - valueOf(unit, base);
      const weight = BigInt.asUintN(unit.bits, bit === 0 ? shift : -shift), index = weight.toString(2).length - 1;
      // A carry may do it too: the highest bit that does it comes last, and never fails.
      if (weight === 1n << BigInt(index)) padsOf[first]![index] = pad;
    }
    key.forEach((byte, i) => bench.key(corrupt)[i] = byte);
    bench.setPadBit(pad, bit);
  }
  units.forEach((unit, j) => {
    if (isUnused(unit)) return;
    for (let i = 0; i < unit.bits; i++) {
      if (padsOf[j]![i] === undefined) {
        throw new Error(`Party ${corrupt} receives a value without a pad of its own: ${describe(unit)}, bit ${i}`);
      }
    }
  });
  // Verify on other keys and masks.
  for (let trial = 0; trial < (options.trials ?? 3); trial++) {
    bench.randomise();
    const before = bench.evaluate(), fixed = bench.fixedKey();
    units.forEach((unit, j) => {
      if (isUnused(unit)) {
        if (valueOf(unit, before) !== 0n) throw new Error(`A constant is not zero: ${describe(unit)}`);
        return;
      }
      const pads = padsOf[j]!, old = readPads(bench, pads), limit = 1n << BigInt(unit.bits);
      const delta = unit.kind === "xor" ? 1n : randomBelow(limit - 1n) + 1n;
      writePads(bench, pads, (old + delta) % limit);
      const after = bench.evaluate();
      if (valueOf(unit, after) !== (valueOf(unit, before) + delta) % limit) {
        throw new Error(`A pad does not shift the value that it masks: ${describe(unit)}`);
      }
      for (let i = 0; i < j; i++) {
        if (valueOf(units[i]!, after) !== valueOf(units[i]!, before)) {
          throw new Error(`The pad of ${describe(unit)} also moves ${describe(units[i]!)}`);
        }
      }
      if (!sameBytes(fixed, bench.fixedKey())) throw new Error(`The pad of ${describe(unit)} moves the other key`);
      writePads(bench, pads, old);
    });
  }
  return units.length;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}

function readPads(bench: Bench, pads: readonly PadBit[]): bigint {
  return pads.reduce((sum, pad, i) => sum | (BigInt(bench.padBit(pad)) << BigInt(i)), 0n);
}

function writePads(bench: Bench, pads: readonly PadBit[], value: bigint): void {
  pads.forEach((pad, i) => bench.setPadBit(pad, Number((value >> BigInt(i)) & 1n)));
}

function randomBelow(limit: bigint): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0]! % limit;
}

/** Options of {@linkcode assertUniform}. */
export interface UniformOptions {
  /** Random keys of the corrupt party. */
  readonly keys?: number;
  /** The pads that are enumerated (all of them unless said otherwise; the others are drawn once per key). */
  readonly pads?: (pad: PadBit) => boolean;
  /** The received values that are looked at: all of them unless said otherwise. */
  readonly units?: (unit: Unit) => boolean;
}

/**
 * Throws unless the tuple of received values is exactly uniform, for fixed keys of the corrupt party and fixed masked
 * inputs, over everything that the other party's pads can be: for every one of `tests`, which differ in their secrets
 * only. Returns the number of runs.
 */
export function assertUniform(
  tests: readonly UniformityCase[],
  setting: Setting,
  options: UniformOptions = {},
): number {
  const bench = new Bench(tests[0]!, setting), pads = bench.pads.filter(options.pads ?? (() => true));
  const units = bench.units.filter(options.units ?? (() => true)),
    bits = units.reduce((sum, { bits }) => sum + bits, 0);
  if (bits > pads.length) throw new Error(`Party ${setting.corrupt} receives ${bits} bits under ${pads.length} pads`);
  if (pads.length > 20) {
    throw new Error(`Cannot enumerate as there must be at most 20 pad bits: received ${pads.length}`);
  }
  const expected = 2 ** (pads.length - bits), hits = new Uint32Array(2 ** bits);
  let runs = 0;
  for (let key = 0; key < (options.keys ?? 2); key++) {
    bench.randomise();
    for (const test of tests) {
      bench.use(test);
      hits.fill(0);
      for (let value = 0; value < 2 ** pads.length; value++, runs++) {
        pads.forEach((pad, i) => bench.setPadBit(pad, (value >>> i) & 1));
        const messages = bench.evaluate();
        let tuple = 0;
        for (const { message, offset, bits } of units) {
          tuple = tuple * 2 ** bits + readBits(messages[message]!, offset, bits);
        }
        hits[tuple]!++;
      }
      if (!hits.every((count) => count === expected)) {
        throw new Error(`What party ${setting.corrupt} receives is not uniform`);
      }
    }
  }
  return runs;
}

/**
 * Throws unless the records of every part of every block are disjoint and within the part, and every given record has
 * one half of each kind.
 */
export function assertDisjoint(layouts: readonly BlockLayout[]): void {
  for (const { records, explicitBytes, seedBytes } of layouts) {
    for (const party of [0, 1] as const) {
      for (const part of ["explicit", "seed"] as const) {
        const spans: [number, number][] = [];
        for (const { places, bytes, bits, count } of records.values()) {
          const place = places[party];
          if (place?.part !== part) continue;
          if (8 * bytes < bits * count) throw new Error("A record is longer than its place");
          spans.push([place.offset, place.offset + bytes]);
        }
        spans.sort((a, b) => a[0] - b[0]);
        const total = (part === "explicit" ? explicitBytes : seedBytes)[party];
        spans.forEach(([from, to], i) => {
          if (from < (spans[i - 1]?.[1] ?? 0) || to > total) throw new Error("Two records share bytes of a key");
        });
      }
    }
    for (const { kind, places } of records.values()) {
      const parts = places.map((place) => place?.part ?? "none").sort().join("+");
      if ((kind === "given" || kind === "given0") && parts !== "explicit+seed") {
        throw new Error("A given record lacks a half");
      }
      if (kind === "free" && parts !== "seed+seed") throw new Error("A free record lacks a half");
    }
  }
}

/**
 * Throws unless the dealer writes value minus seed half into explicit halves, and nothing else, and no two records
 * share bytes: from either party's whole key and the other one's pads, the other one's key must follow.
 */
export function assertDealtHalves(name: string, test: UniformityCase): void {
  for (const explicit of [0, 1] as const) {
    const layout = new Bench(test, { corrupt: 0, explicit });
    assertDisjoint(layout.layouts);
    const masks = test.inputs.map((x) =>
      Array.from(crypto.getRandomValues(new BigUint64Array(x.data.length)), (r) => BigInt.asUintN(x.ringBits, r))
    );
    const lane = new LaneDealer(
      { seeds: [Seed.random(), Seed.random()], salt: layout.salt, maskProduct: layout.maskProduct },
      layout.layouts,
      layout.layouts.map((_, position) => ({ request: 1, position, stage: 2 })),
    );
    const dealt = dealOnMasks(test, lane, masks);
    // From either party's whole key and the other one's pads, the other one's key follows.
    for (const corrupt of [0, 1] as const) {
      const bench = new Bench(test, { corrupt, explicit });
      bench.adopt(layout);
      for (const party of [0, 1] as const) bench.load(party, lane.blocks);
      const whole = bench.key((1 - corrupt) as 0 | 1).slice();
      bench.mask(masks);
      assertEquals(bench.deal().data, dealt.data, name);
      assertEquals(bench.key((1 - corrupt) as 0 | 1), whole, name);
    }
  }
}
