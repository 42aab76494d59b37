/**
 * Polynomials of the dealer's secrets, evaluated for many elements: loops over columns of typed arrays.
 *
 * @module
 */

import { greatestCommonDivisor, type Secret } from "./expansion.ts";
import { factors, productOf, type Terms } from "./sum.ts";

/** What the dealer knows of all elements, by atom: masks, signs ±1, and mask bits, of which bit j is that of path j. */
export type Masks<N extends string> = Readonly<Record<N, Int32Array>>;

/** Elements at a time: their columns stay in the cache. */
const CHUNK = 256;

/** Column `to` becomes the product of columns a and b, or the sum of their multiples. */
interface Step {
  readonly to: number;
  readonly a: number;
  readonly b: number;
  readonly factors: readonly [number, number] | null;
}

/** A column, and the factor that makes a polynomial of it. */
type Multiple = readonly [column: number, factor: number];

/** A plan of few products and sums: common factors stand outside, the last secret of a sum is factored out, and nothing is computed twice. */
export class Program<N extends string> {
  readonly #secrets: readonly (readonly [name: string, secret: Secret<N>])[];
  readonly #steps: Step[] = [];
  readonly #results: readonly Multiple[];
  /** Primitive polynomials that have a column: column 0 holds ones, then come the secrets. */
  readonly #columns = new Map<string, Multiple>([["1", [0, 1]]]);

  /** Plans polynomials in the given secrets. */
  constructor(secrets: ReadonlyMap<string, Secret<N>>, polynomials: readonly Terms[]) {
    this.#secrets = [...secrets];
    this.#secrets.forEach(([name], i) => this.#columns.set(productOf(["1", name]), [1 + i, 1]));
    this.#results = polynomials.map((terms) => this.#plan(terms));
  }

  #plan(terms: Terms): Multiple {
    if (terms.size === 0) return [0, 0];
    const sorted = [...terms].sort(([x], [y]) => x < y ? -1 : 1);
    const products = sorted.map(([product]) => factors(product)), names = this.#secrets.map(([name]) => name);
    const common = sorted.reduce((all, [, c]) => greatestCommonDivisor(all, c), 0) * Math.sign(sorted[0]![1]);
    const key = sorted.map(([, c], i) => productOf([String(c / common), ...products[i]!])).join("+");
    const there = this.#columns.get(key);
    if (there !== undefined) return [there[0], there[1] * common];
    const shared = names.findLast((name) => products.every((all) => all.includes(name)));
    let made: Multiple;
    if (shared !== undefined) {
      const [a, factor] = this.#plan(new Map(sorted.map(([, c], i) => [without(products[i]!, shared), c])));
      made = [this.#add(a, 1 + names.indexOf(shared), null), factor];
    } else {
      const last = names.findLast((name) => products.some((all) => all.includes(name)));
      const part = (has: boolean): Terms => new Map(sorted.filter((_, i) => products[i]!.includes(last!) === has));
      const [a, f] = this.#plan(part(false)), [b, g] = this.#plan(part(true));
      made = [this.#add(a, b, [f / common, g / common]), common];
    }
    this.#columns.set(key, [made[0], made[1] / common]);
    return made;
  }

  #add(a: number, b: number, factors: Step["factors"]): number {
    const to = 1 + this.#secrets.length + this.#steps.length;
    this.#steps.push({ to, a, b, factors });
    return to;
  }

  /** Evaluates all polynomials, mod 2^32; `use` gets a column of each for the elements from `from` on, and must not keep it. */
  run(masks: Masks<N>, count: number, use: (from: number, results: readonly Int32Array[]) => void): void {
    const columns = Array.from(
      { length: 1 + this.#secrets.length + this.#steps.length },
      () => new Int32Array(CHUNK).fill(1),
    );
    const results = this.#results.map(([column, factor]) => factor === 1 ? columns[column]! : new Int32Array(CHUNK));
    for (let from = 0; from < count; from += CHUNK) {
      const size = Math.min(CHUNK, count - from);
      this.#secrets.forEach(([, { of, shift }], i) =>
        load(columns[1 + i]!, masks[of].subarray(from, from + size), shift)
      );
      for (const { to, a, b, factors } of this.#steps) {
        if (factors === null) multiply(columns[to]!, columns[a]!, columns[b]!);
        else addMultiples(columns[to]!, columns[a]!, columns[b]!, factors);
      }
      this.#results.forEach(([column, factor], i) => {
        if (factor !== 1) addMultiples(results[i]!, columns[column]!, columns[0]!, [factor, 0]);
      });
      use(from, size === CHUNK ? results : results.map((column) => column.subarray(0, size)));
    }
  }
}

/** A product without one of its factors. */
function without(names: readonly string[], name: string): string {
  return productOf(names.toSpliced(names.indexOf(name), 1));
}

/** A column as it is, or one bit of it. */
function load(to: Int32Array, from: Int32Array, shift: number | null): void {
  if (shift === null) to.set(from);
  else for (let i = 0; i < from.length; i++) to[i] = (from[i]! >>> shift) & 1;
}

function multiply(to: Int32Array, a: Int32Array, b: Int32Array): void {
  for (let i = 0; i < to.length; i++) to[i] = Math.imul(a[i]!, b[i]!);
}

function addMultiples(to: Int32Array, a: Int32Array, b: Int32Array, [f, g]: readonly [number, number]): void {
  for (let i = 0; i < to.length; i++) to[i] = Math.imul(f, a[i]!) + Math.imul(g, b[i]!);
}
