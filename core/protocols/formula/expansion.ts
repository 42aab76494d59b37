/**
 * Multiplies a formula out and chooses the words to deal.
 *
 * Every atom is put in terms of what the parties know and what the dealer knows. The result is Σ_P P·C_P: each P is a product of what the parties know, each
 * C_P a polynomial in what the dealer knows. Words are chosen by elimination among the C_P, the shortest remainder first, so that each is an integer
 * combination of words and none is one of the others: their number is the rank.
 *
 * @module
 */

import { addTerms, factors, type Kind, multiplyTerms, productOf, type Sum, type Terms } from "./sum.ts";

/** How a formula is read. */
export interface FormulaOptions<N extends string> {
  /** Ring of the results, in bits. */
  readonly ringBits: number;
  /** Rings of opened values that are narrower, in bits. */
  readonly narrow?: Readonly<Partial<Record<N, number>>>;
  /** The bit that stands under one of several mask bits, and how many. */
  readonly paths?: readonly [bit: N, count: number];
  /** The parties' own halves of mask bits are their shares of them. */
  readonly held?: boolean;
}

/** Where a secret is found: in the dealer's column of an atom as it is, or as one bit of it. */
export interface Secret<N extends string> {
  readonly of: N;
  readonly shift: number | null;
}

/** P and C_P, the latter in words: pairs of a word's index and a factor. Index -1 stands for 1; from the count of words on follow held secrets. */
export interface Part {
  readonly publics: readonly string[];
  readonly words: readonly (readonly [index: number, factor: number])[];
}

/** A formula multiplied out. */
export interface Expansion<N extends string> {
  /** Names of the atoms. */
  readonly names: readonly N[];
  /** What the dealer knows, by name. */
  readonly secrets: ReadonlyMap<string, Secret<N>>;
  /** The words, widest ring first. */
  readonly words: readonly { readonly terms: Terms; readonly bits: number }[];
  /** Of each result: C_1, which the mask takes. */
  readonly constants: readonly Terms[];
  /** Of each result and path: what the parties compute. */
  readonly parts: readonly (readonly (readonly Part[])[])[];
}

/** What of an opened value or bit the parties know. */
export function openedName(atom: string): string {
  return `${atom}^`;
}

/** Whether the mask of a narrow opened value may have wrapped, which the parties know. */
export function wrapName(atom: string): string {
  return `${atom}^k`;
}

/** What need not be dealt any more, and the product of which it frees others: its coefficient there is 1. */
interface Known {
  readonly terms: Terms;
  readonly pivot: string;
}

/** Atoms in terms of what the parties know and what the dealer knows. */
interface Meanings<N extends string> {
  /** What the dealer knows. */
  readonly secrets: ReadonlyMap<string, Secret<N>>;
  /** Kinds of all that is known, in order. */
  readonly kinds: ReadonlyMap<string, Kind>;
  /** What stands for an atom on each path. */
  readonly of: ReadonlyMap<string, readonly Terms[]>;
}

function meaningsOf<N extends string>(atoms: ReadonlyMap<N, Kind>, options: FormulaOptions<N>): Meanings<N> {
  const [branching, paths] = options.paths ?? [null, 1], secrets = new Map<string, Secret<N>>();
  const kinds = new Map<string, Kind>(), of = new Map<string, readonly Terms[]>();
  for (const [name, kind] of atoms) kinds.set(openedName(name), kind).set(wrapName(name), "bit");
  for (const [atom, kind] of atoms) {
    const opened = openedName(atom), narrow = Math.min(options.narrow?.[atom] ?? options.ringBits, options.ringBits);
    const add = (secret: string, kind: Kind, shift: number | null): void => {
      kinds.set(secret, kind);
      secrets.set(secret, { of: atom, shift });
    };
    if (kind === "bit") {
      const masks = atom === branching && paths > 1 ? Array.from({ length: paths }, (_, j) => `${atom}${j}`) : [atom];
      masks.forEach((mask, j) => add(mask, "bit", j));
      of.set(atom, masks.map((mask) => new Map([[opened, 1], [mask, 1], [productOf([opened, mask]), -2]])));
      continue;
    }
    add(atom, kind, null);
    const terms = new Map(kind === "sign" ? [[atom, 1]] : [[opened, 1], [atom, -1]]), top = `msb(${atom})`;
    if (kind === "value" && narrow < options.ringBits) {
      add(top, "bit", narrow - 1);
      terms.set(productOf([wrapName(atom), top]), 2 ** narrow);
    }
    of.set(atom, [terms]);
  }
  return { secrets, kinds, of };
}

/** A result on a path, multiplied out: C_P by P. */
function multiplyOut<N extends string>(
  y: Sum<N>,
  path: number,
  { secrets, kinds, of }: Meanings<N>,
  ringBits: number,
): Map<string, Terms> {
  const out = new Map<string, Terms>();
  for (const [product, c] of y.terms) {
    let terms: Terms = new Map([["", c]]);
    for (const atom of factors(product)) {
      const meanings = of.get(atom)!;
      terms = multiplyTerms(terms, meanings[path] ?? meanings[0]!, kinds);
    }
    for (const [all, d] of terms) {
      const known = productOf(factors(all).filter((name) => !secrets.has(name)));
      const own = productOf(factors(all).filter((name) => secrets.has(name)));
      out.set(known, modulo(addTerms(out.get(known) ?? new Map(), new Map([[own, d]])), ringBits));
    }
  }
  return out;
}

/** Multiplies the results of one gate out. */
export function expand<N extends string>(results: readonly Sum<N>[], options: FormulaOptions<N>): Expansion<N> {
  const { ringBits, held = false } = options, atoms = new Map(results.flatMap((y) => [...y.kinds]));
  if (held && ringBits > 1) {
    throw new RangeError(`Cannot hold shares of mask bits as the ring must have 1 bit: received ${ringBits}`);
  }
  const meanings = meaningsOf(atoms, options), secrets = [...meanings.secrets.keys()];
  const constants: Terms[] = [];
  const coefficients = results.map((y) =>
    Array.from({ length: options.paths?.[1] ?? 1 }, (_, path) => {
      const byPublic = multiplyOut(y, path, meanings, ringBits), constant = byPublic.get("") ?? new Map();
      if (path === 0) constants.push(constant);
      byPublic.set("", addTerms(constant, constants.at(-1)!, -1));
      return [...byPublic].filter(([, terms]) => terms.size > 0);
    })
  );
  const free = ["", ...(held ? secrets : [])].map((pivot): Known => ({ terms: new Map([[pivot, 1]]), pivot }));
  const compare = orderOf(secrets), all = coefficients.flat(2).map(([, terms]) => terms);
  const known = chooseWords(all, free, compare, ringBits), uses = known.map((): number[] => []);
  for (const terms of all) for (const [i, factor] of combine(terms, known, ringBits)) uses[i]!.push(factor);
  // A word that is always multiplied by a power of two counts in a ring that much smaller.
  const words = known.map((word, i) => ({ ...word, i, bits: ringBits - evenness(uses[i]!) })).slice(free.length);
  words.sort((a, b) =>
    Number(a.bits < ringBits) - Number(b.bits < ringBits) || a.terms.size - b.terms.size || compare(a.pivot, b.pivot)
  );
  const place = (i: number): number =>
    i < free.length ? (i === 0 ? -1 : words.length + i - 1) : words.findIndex((word) => word.i === i);
  const partOf = ([publics, terms]: readonly [string, Terms]): Part => ({
    publics: factors(publics),
    words: combine(terms, known, ringBits).map(([i, factor]) => [place(i), factor]),
  });
  return {
    names: [...atoms.keys()],
    secrets: meanings.secrets,
    words,
    constants,
    parts: coefficients.map((ofPaths) => ofPaths.map((ofPublics) => ofPublics.map(partOf))),
  };
}

/** Coefficients mod 2 in the ring of one bit; over the integers otherwise, for the words of a formula shall not depend on its ring. */
function modulo(terms: Terms, ringBits: number): Terms {
  return ringBits > 1 ? terms : new Map([...terms].filter(([, c]) => c % 2 !== 0).map(([product]) => [product, 1]));
}

/** Frees a polynomial of a pivot. */
function freed(terms: Terms, { terms: word, pivot }: Known, ringBits: number): Terms {
  const c = terms.get(pivot) ?? 0;
  return c === 0 ? terms : modulo(addTerms(terms, word, -c), ringBits);
}

/** Compares two products by their last factors, then by those before. */
function orderOf(names: readonly string[]): (a: string, b: string) => number {
  const places = (product: string): number[] => factors(product).map((name) => names.indexOf(name)).reverse();
  return (a, b) => {
    const x = places(a), y = places(b), at = x.findIndex((place, i) => place !== y[i]);
    return at < 0 ? x.length - y.length : x[at]! - (y[at] ?? -1);
  };
}

/** Adds words to what is known until every polynomial is a combination of it. */
function chooseWords(
  polynomials: readonly Terms[],
  free: readonly Known[],
  compare: (a: string, b: string) => number,
  ringBits: number,
): Known[] {
  const known = [...free], degree = (product: string): number => factors(product).length;
  let rest = polynomials.map((terms) => free.reduce((left, word) => freed(left, word, ringBits), terms));
  for (;;) {
    rest = rest.filter((terms) => terms.size > 0);
    if (rest.length === 0) return known;
    const shortest = rest.reduce((best, terms) => terms.size < best.size ? terms : best);
    const common = [...shortest.values()].reduce(greatestCommonDivisor, 0);
    const units = [...shortest.keys()].filter((product) => Math.abs(shortest.get(product)!) === common);
    if (units.length === 0) throw new Error("Internal error: a formula's words do not combine with integer factors");
    const pivot = units.reduce((best, product) =>
      (degree(product) - degree(best) || compare(best, product)) < 0 ? product : best
    );
    const scale = shortest.get(pivot)!;
    const word = { terms: new Map([...shortest].map(([product, c]) => [product, c / scale])), pivot };
    known.push(word);
    rest = rest.map((terms) => freed(terms, word, ringBits));
  }
}

/** A polynomial as a combination of what is known. */
function combine(terms: Terms, known: readonly Known[], ringBits: number): [index: number, factor: number][] {
  const out: [number, number][] = [];
  let left = terms;
  known.forEach((word, i) => {
    const c = left.get(word.pivot) ?? 0;
    if (c === 0) return;
    out.push([i, c]);
    left = freed(left, word, ringBits);
  });
  return out;
}

/** The largest number that divides both. */
export function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : greatestCommonDivisor(b, a % b);
}

/** Exponent of the largest power of two that divides all of the numbers. */
function evenness(numbers: readonly number[]): number {
  const common = numbers.reduce(greatestCommonDivisor, 0);
  let exponent = 0;
  while (common > 0 && common % 2 ** (exponent + 1) === 0) exponent++;
  return exponent;
}
