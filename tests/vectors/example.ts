/**
 * Worked examples: text made from a case's vector, in which every stated number has been computed twice.
 *
 * @module
 */

import { wholeHalf } from "../reference/flat_dpf.ts";
import type { CaseVector, FieldValue, OpeningVector } from "./gate_vectors.ts";

/** Bits of a hexadecimal bit array. */
export function bitsOf(hex: string, from: number, count: number): number[] {
  const bytes = Uint8Array.fromHex(hex);
  return Array.from({ length: count }, (_, i) => (bytes[(from + i) >> 3]! >> ((from + i) & 7)) & 1);
}

/** Bits in a row, bit 0 first. */
export function row(bits: readonly number[]): string {
  return bits.join("");
}

/** A number in binary, highest bit first, cut into digits of the given sizes (lowest size first). */
export function binary(value: number, ...digits: number[]): string {
  const parts: string[] = [];
  for (const size of digits) {
    parts.unshift((value % 2 ** size).toString(2).padStart(size, "0"));
    value = Math.floor(value / 2 ** size);
  }
  return parts.join(" ");
}

/** A signed number as SPEC writes it. */
export function signed(value: number): string {
  return value < 0 ? `−${-value}` : `${value}`;
}

/** What is modulo a ring, signed. */
export function signedIn(value: number, ringBits: number): number {
  const reduced = mod(value, ringBits);
  return reduced >= 2 ** (ringBits - 1) ? reduced - 2 ** ringBits : reduced;
}

/** The residue mod 2^bits. */
export function mod(value: number, bits: number): number {
  return Number(BigInt.asUintN(bits, BigInt(value)));
}

/** Digits of a number, lowest first. */
export function digitsOf(value: number, sizes: readonly number[]): number[] {
  return sizes.map((size) => {
    const digit = value % 2 ** size;
    value = Math.floor(value / 2 ** size);
    return digit;
  });
}

/** The text of one example, as it grows. */
export class Example {
  readonly #case: CaseVector | null;
  readonly #lines: string[] = [];

  /** Begins the text of a gate's case, or of something else. */
  constructor(vector: CaseVector | null = null) {
    this.#case = vector;
  }

  get #vector(): CaseVector {
    if (this.#case === null) throw new Error("Internal error: an example of no gate reads a gate's vector");
    return this.#case;
  }

  /** The finished text. */
  text(): string {
    return this.#lines.map((line) => line.trimEnd()).join("\n");
  }

  /** A line. */
  say(line = ""): void {
    this.#lines.push(line);
  }

  /** Lines of cells, in columns. */
  table(rows: readonly (readonly string[])[]): void {
    const widths: number[] = [];
    for (const cells of rows) cells.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, columns(cell)));
    for (const cells of rows) {
      this.say(cells.map((cell, i) => cell + " ".repeat(widths[i]! - columns(cell))).join("   "));
    }
  }

  /** One element's field: both halves and what they are together. */
  field(record: string, field: string, e = 0): readonly [FieldValue, FieldValue, FieldValue] {
    const found = this.#vector.records.find(({ path }) => path === record || path.endsWith(`#${record}`))!;
    return found.fields.find(({ name }) => name === field)!.elements[e] as [FieldValue, FieldValue, FieldValue];
  }

  /** Bits of a field. */
  bits(record: string, field: string, from: number, count: number): [number[], number[], number[]] {
    return this.field(record, field).map((value) => bitsOf(value as string, from, count)) as [
      number[],
      number[],
      number[],
    ];
  }

  /** Words of a field of one element: party 0's, party 1's, and what they are together. */
  words(record: string, field: string, e = 0): [number[], number[], number[]] {
    return this.field(record, field, e).map((value) => value === null ? [] : [...value] as number[]) as [
      number[],
      number[],
      number[],
    ];
  }

  /** A row of a key table: a field's words at party 0, at party 1, together, and what they mean. */
  wordRow(record: string, field: string, meaning: string, e = 0): string[] {
    return [`${record}.${field}`, ...this.words(record, field, e).map((words) => words.join(", ") || "–"), meaning];
  }

  /** The halves of an input's share, or x̂ of a wire, and its masks. */
  input(
    i: number,
  ): {
    values: readonly number[];
    masks: readonly number[];
    masked: readonly number[];
    shares: readonly (readonly number[])[];
  } {
    const { values, masks, masked = [], shares = [] } = this.#vector.inputs[i]!;
    return { values, masks, masked, shares } as ReturnType<Example["input"]>;
  }

  /** Rows of a key table for a field of several words, one row a word. */
  wordRows(record: string, field: string, meanings: readonly string[]): string[][] {
    const words = this.words(record, field);
    return meanings.map((
      meaning,
      i,
    ) => [i === 0 ? `${record}.${field}` : "", ...words.map((list) => `${list[i]}`), meaning]);
  }

  /** A one-hot's row of a key table, after its secret point was checked. */
  oneHotRow(record: string, field: string, k: number, alpha: number): string[] {
    const halves = this.bits(record, field, 0, 2 ** k - 1);
    this.holds(field, halves[2], Array.from({ length: 2 ** k - 1 }, (_, i) => i === alpha ? 1 : 0));
    return [`${record}.${field}`, ...halves.map(row), `one-hot at ${alpha}`];
  }

  /** Both parties' whole vectors of a one-hot, whose explicit half is at a party. */
  wholes(record: string, field: string, k: number): [number[], number[]] {
    const explicitAt = this.explicitAt(record), halves = this.bits(record, field, 0, 2 ** k - 1);
    return [0, 1].map((p) => wholeHalf(halves[p]!, p === explicitAt)) as [number[], number[]];
  }

  /** The party that holds the explicit half of a record. */
  explicitAt(record: string): 0 | 1 {
    const { places } = this.#vector.records.find(({ path }) => path === record || path.endsWith(`#${record}`))!;
    return places[0]![0]![0] === "explicit" ? 0 : 1;
  }

  /** An opening of an exchange. */
  opening(exchange: number, index = 0): OpeningVector {
    return this.#vector.exchanges[exchange]![index]!;
  }

  /** What the parties sent in an opening, as numbers. */
  sent(exchange: number, index = 0): [number[], number[]] {
    const { sent, bits, count } = this.opening(exchange, index);
    return [0, 1].map((party) => {
      const width = bits[1 - party]!;
      return Array.from(
        { length: width === 0 ? 0 : count },
        (_, e) => bitsOf(sent[party]!, e * width, width).reduceRight((value, bit) => 2 * value + bit, 0),
      );
    }) as [number[], number[]];
  }

  /** What a party learned in an opening, as numbers. */
  opened(exchange: number, index = 0, party: 0 | 1 = 0): number[] {
    return [...this.opening(exchange, index).opened[party]!] as number[];
  }

  /** Throws unless the text says what the vector says. */
  holds(what: string, computed: unknown, stated: unknown): void {
    const [a, b] = [JSON.stringify(computed), JSON.stringify(stated)];
    if (a !== b) {
      throw new Error(`The example of ${this.#case?.name ?? "a primitive"} is wrong about ${what}: ${a} is not ${b}`);
    }
  }
}

/** Columns that a text takes: combining accents take none. */
export function columns(text: string): number {
  return [...text.normalize("NFC")].filter((letter) => !/\p{M}/u.test(letter)).length;
}
