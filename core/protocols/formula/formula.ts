/**
 * A gate's result as a formula, written once: a sum of products of opened values, opened bits and secret signs.
 *
 * | atom    | the parties know | the dealer knows | stands for                                                                    |
 * | ------- | ---------------- | ---------------- | ----------------------------------------------------------------------------- |
 * | `value` | x̂                | its mask m       | x = x̂ - m; from a ring of a < n bits u - m + k·2^a·msb(m), by its spare bit (SPEC §2.2) |
 * | `bit`   | b̂                | its mask bit ρ   | b = b̂ ⊕ ρ = b̂ + ρ - 2·b̂·ρ                                                     |
 * | `sign`  | nothing          | s = ±1           | s, with s² = 1                                                                |
 *
 * Multiplied out, y = Σ_P P·C_P: each P is a product of what the parties know, each C_P a polynomial in what the dealer knows. The dealer deals *words*,
 * additive shares of as few polynomials as there can be, of which every C_P with P ≠ 1 is an integer combination. So a party's share of y is linear in its
 * halves of the words. C_1 is not dealt: the result's mask takes it, r_y = pad - C_1.
 *
 * A bit may stand under one of several mask bits, and the parties know which: its *path* (SPEC §4.2). Words that all paths need are dealt once. The mask
 * takes C_1 of path 0; what C_1 of another path differs by is dealt.
 *
 * In the ring of one bit sums are XORs. There the parties' own halves of mask bits may be their shares of them (`held`, SPEC §3.3): then only products of
 * mask bits are dealt.
 *
 * @module
 */

import { lowMask } from "../../ring/words.ts";
import type { RecordWriter } from "../key.ts";
import { expand, type Expansion, type FormulaOptions, openedName, wrapName } from "./expansion.ts";
import { type Masks, Program } from "./program.ts";
import type { Sum, Terms } from "./sum.ts";

/** One word of a formula. */
export interface Word {
  /** The polynomial: a value's name stands for its mask, a bit's for its mask bit. */
  readonly name: string;
  /** Ring: that of the results, or less by the power of two that the word is always multiplied by. */
  readonly bits: number;
  /** Bits of the words before it. */
  readonly at: number;
}

/** What a party knows of one element. */
export interface Opened<N extends string> {
  /** Whose share. */
  readonly party: 0 | 1;
  /** Opened values and bits; in the ring of one bit their lowest bits count. */
  readonly values: Readonly<Partial<Record<N, number>>>;
  /** The party's half of the field of `bits` bits that begins `at` bits behind the words' begin. */
  readonly word: (at: number, bits: number) => number;
  /** Which mask bit the bit with several of them stands under. */
  readonly path?: number;
  /** The party's halves of held mask bits; their lowest bits count. */
  readonly halves?: Readonly<Partial<Record<N, number>>>;
}

/**
 * A formula, expanded: the words, what is in them, and what a party computes from them.
 *
 * @example An opened bit times an opened value takes two words, whatever their masks
 * ```ts
 * import { Formula } from "sluice/core/protocols/formula/formula.ts";
 * import { bit, value } from "sluice/core/protocols/formula/sum.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const formula = new Formula([bit("b").times(value("x"))], { ringBits: 8 });
 * assertEquals(formula.words.map(({ name }) => name), ["b", "x-2·b·x"]);
 *
 * // b = 1 under mask bit 1 and x = 5 under mask 9; party 1 holds zeros of the words, and C_1 is -b·x of the masks.
 * const values = { b: 0, x: 14 }, words = [1, 9 - 2 * 9];
 * const word = (at: number) => words[at / 8]!;
 * assertEquals(formula.share({ party: 0, values, word }), 5 + 9);
 * ```
 */
export class Formula<N extends string> {
  /** The words in order. */
  readonly words: readonly Word[];
  /** Bits of all words. */
  readonly bits: number;
  readonly #options: FormulaOptions<N>;
  readonly #expansion: Expansion<N>;
  readonly #program: Program<N>;

  /** Expands the results that one gate computes of the same atoms: they share their words. */
  constructor(results: readonly Sum<N>[], options: FormulaOptions<NoInfer<N>>) {
    this.#options = options;
    this.#expansion = expand(results, options);
    let at = 0;
    this.words = this.#expansion.words.map(({ terms, bits }) => {
      at += bits;
      return { name: nameOf(terms), bits, at: at - bits };
    });
    this.bits = at;
    const { secrets, words, constants } = this.#expansion;
    this.#program = new Program(secrets, [...words.map(({ terms }) => terms), ...constants]);
  }

  /** Columns for what the dealer knows of `count` elements. */
  masks(count: number): Masks<N> {
    return Object.fromEntries(this.#expansion.names.map((name) => [name, new Int32Array(count)])) as Masks<N>;
  }

  /**
   * Deals the words of all elements, from bit `at` of each tuple of the record on; a formula without words needs no record.
   *
   * @returns For each result what its mask takes: C_1 of r_y = pad - C_1.
   */
  deal(masks: Masks<N>, record: RecordWriter | null, at = 0): Int32Array[] {
    const { constants, names } = this.#expansion, count = masks[names[0]!].length;
    const taken = constants.map(() => new Int32Array(count)), runs = runsOf(this.words);
    this.#program.run(masks, count, (from, columns) => {
      for (let i = 0; record !== null && i < columns[0]!.length; i++) {
        record.seek(from + i);
        for (const run of runs) {
          for (let w = 0; w < run.values.length; w++) run.values[w] = columns[run.first + w]![i]!;
          record.words(at + run.at, run.bits, run.values);
        }
      }
      taken.forEach((all, c) => all.set(columns[this.words.length + c]!, from));
    });
    return taken;
  }

  /** A party's share of a result of one element, without its pad. */
  share(opened: Opened<N>, result = 0): number {
    const { names, secrets } = this.#expansion, { ringBits, narrow } = this.#options;
    const known = new Map<string, number>();
    for (const name of names) {
      const x = opened.values[name], from = narrow?.[name] ?? ringBits;
      if (x === undefined) continue;
      const raised = (x + 2 ** (from - 2)) % 2 ** from, isNarrow = from < ringBits;
      known.set(openedName(name), isNarrow ? raised - 2 ** (from - 2) : x);
      known.set(wrapName(name), isNarrow && raised < 2 ** (from - 1) ? 1 : 0);
    }
    const words = this.words.map(({ at, bits }) => opened.word(at, bits));
    for (const { of } of opened.halves === undefined ? [] : secrets.values()) words.push(opened.halves![of]!);
    let sum = 0;
    for (const { publics, words: used } of this.#expansion.parts[result]![opened.path ?? 0]!) {
      let coefficient = 0;
      for (const [i, factor] of used) coefficient += Math.imul(factor, i < 0 ? 1 - opened.party : words[i]!);
      sum += publics.reduce((product, name) => Math.imul(product, known.get(name)!), coefficient);
    }
    return (sum & lowMask(ringBits)) >>> 0;
  }
}

/** Keeps the formulas that were made: expanding one takes milliseconds. */
export function formulas<K extends readonly number[], N extends string>(
  make: (...key: K) => Formula<N>,
): (...key: K) => Formula<N> {
  const made = new Map<string, Formula<N>>();
  return (...key) => {
    const name = key.join("/"), formula = made.get(name) ?? make(...key);
    made.set(name, formula);
    return formula;
  };
}

/** Words of one width that lie side by side, with room for those of one element. */
function runsOf(words: readonly Word[]): { first: number; at: number; bits: number; values: Int32Array }[] {
  const starts = words.flatMap(({ bits }, i) => words[i - 1]?.bits === bits ? [] : [i]);
  return starts.map((first, i) => {
    const { at, bits } = words[first]!;
    return { first, at, bits, values: new Int32Array((starts[i + 1] ?? words.length) - first) };
  });
}

/** A polynomial as text. */
function nameOf(terms: Terms): string {
  return [...terms].map(([product, c], i) => {
    const size = Math.abs(c) === 1 && product !== "" ? product : `${Math.abs(c)}${product === "" ? "" : `·${product}`}`;
    return `${c < 0 ? "-" : i > 0 ? "+" : ""}${size}`;
  }).join("");
}
