import { assert, assertEquals } from "@std/assert";
import { lowMask } from "../../ring/words.ts";
import { clipFormula, expFormula } from "../exp/formula.ts";
import { expDitheredFormula } from "../exp_dithered/formula.ts";
import type { RecordWriter } from "../key.ts";
import { maximumFormula } from "../maximum/formula.ts";
import { rowFormula } from "../row_function/formula.ts";
import { bitsFormula, spliceFormula } from "../splice/formula.ts";
import type { FormulaOptions } from "./expansion.ts";
import type { Formula } from "./formula.ts";

type Numbers = Readonly<Record<string, number>>;

/** A formula, and what it says of clear values and bits. */
interface Case {
  readonly make: (ringBits: number) => Formula<string>;
  readonly clear: (x: Numbers) => readonly number[];
  readonly values: readonly string[];
  readonly bits: readonly string[];
  readonly hasSign?: boolean;
  readonly options?: Omit<FormulaOptions<string>, "ringBits">;
  /** How many words there are. */
  readonly words: number;
  /** The ring in which everything is tried. */
  readonly ringBits: number;
}

/** One of the octave groups of a row function, whose carry has `count` mask bits. */
function ofRow(count: number): Case {
  const paths = ["carry", count] as const;
  return {
    make: (ringBits) => rowFormula(ringBits, count) as unknown as Formula<string>,
    clear: (x) => [x["s"]! * x["member"]! * (x["carry"] === 1 ? x["v1"]! : x["v0"]!)],
    values: ["v0", "v1"],
    bits: ["member", "carry"],
    hasSign: true,
    options: { paths },
    words: 3 + 4 * count,
    ringBits: 2,
  };
}

/** A pair of a maximum, whose comparison has `count` mask bits. */
function ofMaximum(count: number): Case {
  const paths = ["larger", count] as const;
  return {
    make: (ringBits) => maximumFormula(ringBits, count) as unknown as Formula<string>,
    clear: (x) => [x["larger"]! * x["d"]!],
    values: ["d"],
    bits: ["larger"],
    options: { paths },
    words: 2 * count,
    ringBits: 4,
  };
}

/** A splice, whose values may have narrow rings. */
function ofSplice(
  narrow: { readonly x?: number; readonly v0?: number; readonly v1?: number },
  words: number,
  ringBits: number,
): Case {
  const { x, v0: v } = narrow;
  return {
    make: (ringBits) => spliceFormula(ringBits, x ?? ringBits, v ?? ringBits) as unknown as Formula<string>,
    clear: (x) => [x["pos"]! * x["x"]! - x["s"]! * (x["w0"]! * x["v0"]! + x["w1"]! * x["v1"]!)],
    values: ["x", "v0", "v1"],
    bits: ["pos", "w0", "w1"],
    hasSign: true,
    options: { narrow },
    words,
    ringBits,
  };
}

const CASES: Readonly<Record<string, Case>> = {
  "dithered exponential": {
    make: expDitheredFormula as (ringBits: number) => Formula<string>,
    clear: (x) => [x["s"]! * x["v0"]! * x["v1"]!],
    values: ["v0", "v1"],
    bits: [],
    hasSign: true,
    words: 3,
    ringBits: 4,
  },
  "exponential": {
    make: expFormula as (ringBits: number) => Formula<string>,
    clear: (x) => [x["clip"]! * x["s"]! * x["low"]! * (x["carry"] === 1 ? x["v1"]! : x["v0"]!)],
    values: ["low", "v0", "v1"],
    bits: ["carry", "clip"],
    hasSign: true,
    words: 15,
    ringBits: 2,
  },
  "clip of an exponential": {
    make: () => clipFormula as unknown as Formula<string>,
    clear: (x) => [x["equal0"]! ^ (x["less"]! & (x["equal0"]! ^ x["equal1"]!))],
    values: [],
    bits: ["less", "equal0", "equal1"],
    options: { held: true },
    words: 0,
    ringBits: 1,
  },
  "bits of a splice": {
    make: () => bitsFormula as unknown as Formula<string>,
    clear: (x) => {
      const inside = x["equal0"]! ^ (x["windowLess"]! & (x["equal0"]! ^ x["equal1"]!)), upper = inside & x["carry"]!;
      const below = x["signLess"]! ^ (x["signEqual"]! & x["carry"]!);
      return [1 ^ x["sign0"]! ^ (below & (x["sign0"]! ^ x["sign1"]!)), inside ^ upper, upper];
    },
    values: [],
    bits: ["carry", "windowLess", "equal0", "equal1", "signLess", "signEqual", "sign0", "sign1"],
    options: { held: true },
    words: 6,
    ringBits: 1,
  },
  "splice": ofSplice({}, 7, 1),
  "splice of narrow rings": ofSplice({ x: 2, v0: 2, v1: 2 }, 13, 3),
  "maximum, one path": ofMaximum(1),
  "maximum, four paths": ofMaximum(4),
  "row function, one path": ofRow(1),
  "row function, two paths": ofRow(2),
};

/** Rings of a case's opened atoms, in bits. */
function ringsOf({ values, bits, options }: Case, ringBits: number): Readonly<Record<string, number>> {
  return {
    ...Object.fromEntries(values.map((name) => [name, Math.min(options?.narrow?.[name] ?? ringBits, ringBits)])),
    ...Object.fromEntries(bits.map((name) => [name, 1])),
  };
}

/** Every assignment of clear values, masks (mask bits of all paths), the sign and the path; the last one changes fastest. */
function* assignments(test: Case, ringBits: number): Generator<{ clear: Numbers; masks: Numbers; path: number }> {
  const rings = ringsOf(test, ringBits), [branching, paths] = test.options?.paths ?? [null, 1];
  const sizes = Object.entries(rings).flatMap(([name, bits]): [string, number][] => [
    // A narrow value keeps its spare bit free.
    [`clear ${name}`, test.options?.narrow?.[name] === undefined ? 2 ** bits : 2 ** (bits - 1)],
    [`mask ${name}`, 2 ** (name === branching ? paths : bits)],
  ]);
  sizes.push(["sign", test.hasSign ? 2 : 1], ["path", paths]);
  const count = sizes.reduce((product, [, size]) => product * size, 1);
  for (let i = 0; i < count; i++) {
    let rest = i;
    const drawn: Record<string, number> = {};
    for (const [name, size] of sizes.toReversed()) {
      drawn[name] = rest % size;
      rest = Math.floor(rest / size);
    }
    const s = 1 - 2 * drawn["sign"]!, clear: Record<string, number> = { s }, masks: Record<string, number> = { s };
    for (const name of Object.keys(rings)) {
      const narrow = test.options?.narrow?.[name];
      clear[name] = drawn[`clear ${name}`]! - (narrow === undefined ? 0 : 2 ** (narrow - 2));
      masks[name] = drawn[`mask ${name}`]!;
    }
    yield { clear, masks, path: drawn["path"]! };
  }
}

/** Bits that look random. */
function mixed(i: number): number {
  const x = Math.imul(i ^ (i >>> 15), 0x2c1b3c6d);
  return (Math.imul(x ^ (x >>> 12), 0x297a2d39) ^ (x >>> 9)) >>> 0;
}

/** Deals and runs a formula on assignments, and gives its opened results without their pads, and what the parties saw opened. */
function results(
  test: Case,
  formula: Formula<string>,
  all: readonly { clear: Numbers; masks: Numbers; path: number }[],
) {
  const { ringBits } = test, rings = ringsOf(test, ringBits), columns = formula.masks(all.length);
  all.forEach(({ masks }, e) => {
    for (const name of Object.keys(columns)) columns[name]![e] = masks[name]!;
  });
  const dealt = all.map(() => [] as number[]);
  let element = 0;
  const record: Pick<RecordWriter, "seek" | "words"> = {
    seek: (e) => element = e,
    words: (at, bits, values) => values.forEach((value, i) => dealt[element]![at + i * bits] = value & lowMask(bits)),
  };
  const taken = formula.deal(columns, record as RecordWriter, 0);
  return all.map(({ clear, masks, path }, e) => {
    const opened: Record<string, number> = {};
    for (const name of Object.keys(rings)) {
      const mask = test.bits.includes(name) ? (masks[name]! >>> (name === test.options?.paths?.[0] ? path : 0)) & 1 : 0;
      opened[name] = test.bits.includes(name)
        ? clear[name]! ^ mask
        : (clear[name]! + masks[name]!) & lowMask(rings[name]!);
    }
    const half = (at: number, party: 0 | 1, bits: number): number => {
      const mine = mixed(31 * e + at);
      return (party === 0 ? mine : dealt[e]![at]! - mine) & lowMask(bits);
    };
    const shares = ([0, 1] as const).map((party) =>
      taken.map((_, result) =>
        formula.share({
          party,
          values: opened,
          path,
          word: (at, bits) => half(at, party, bits),
          halves: Object.fromEntries(
            test.bits.map((name, i) => [name, party === 0 ? mixed(e + i) & 1 : masks[name]! ^ (mixed(e + i) & 1)]),
          ),
        }, result)
      )
    );
    return {
      opened,
      clear: test.clear(clear).map((y) => y & lowMask(ringBits)),
      masked: taken.map((_, i) => shares[0]![i]! + shares[1]![i]!),
      taken: taken.map((column) => column[e]!),
    };
  });
}

/** Rank over Z_p of a matrix. */
function rankOf(rows: number[][], p: number): number {
  const inverse = (x: number): number => Array.from({ length: p }, (_, i) => i).find((i) => i * x % p === 1)!;
  let rank = 0;
  for (let column = 0; column < (rows[0]?.length ?? 0); column++) {
    const pivot = rows.findIndex((row, i) => i >= rank && row[column] !== 0);
    if (pivot < 0) continue;
    [rows[rank], rows[pivot]] = [rows[pivot]!, rows[rank]!];
    const scale = inverse(rows[rank]![column]!), first = rows[rank]!;
    for (let i = rank + 1; i < rows.length; i++) {
      const factor = rows[i]![column]! * scale % p;
      if (factor !== 0) rows[i] = rows[i]!.map((x, j) => (x + (p - factor) * first[j]!) % p);
    }
    rank++;
  }
  return rank;
}

/**
 * How many words a formula needs, from what it says of clear values alone: with y(P, S) for what the parties know, P, and the dealer knows, S, it is the rank
 * of y(P, S) - y(P, S_0) - y(0, S) + y(0, S_0) in the field of p elements. Of several paths, y(0, S) is that of path 0; held mask bits come for nothing.
 */
function neededWords(test: Case): number {
  const p = test.ringBits === 1 && test.values.length === 0 ? 2 : 251, { narrow, paths, held } = test.options ?? {};
  let seed = 1;
  const draw = (below: number): number => mixed(seed++) % below, names = [...test.values, ...test.bits];
  const secrets = Array.from({ length: 120 }, (): Numbers => ({
    s: test.hasSign ? 1 - 2 * draw(2) : 1,
    ...Object.fromEntries(test.values.map((name) => [name, draw(2 ** (narrow?.[name] ?? 8))])),
    ...Object.fromEntries(test.bits.map((name) => [name, draw(2 ** (paths?.[0] === name ? paths[1] : 1))])),
  }));
  const publics = Array.from({ length: 120 }, (_, i): Numbers => ({
    path: i === 0 ? 0 : draw(paths?.[1] ?? 1),
    ...Object.fromEntries(names.map((name) => [name, i === 0 ? 0 : draw(test.bits.includes(name) ? 2 : p)])),
    ...Object.fromEntries(test.values.map((name) => [`${name} may wrap`, i === 0 ? 0 : draw(2)])),
  }));
  const evaluate = (known: Numbers, secret: Numbers): number[] => {
    const clear: Record<string, number> = { s: secret["s"]! };
    for (const name of test.bits) {
      clear[name] = known[name]! ^ ((secret[name]! >>> (paths?.[0] === name ? known["path"]! : 0)) & 1);
    }
    for (const name of test.values) {
      const top = narrow?.[name] === undefined ? 0 : secret[name]! >>> (narrow[name]! - 1) << narrow[name]!;
      clear[name] = (known[name]! - secret[name]! + known[`${name} may wrap`]! * top) % p;
    }
    return test.clear(clear).map((y) => (y % p + p) % p);
  };
  const [none, first] = [publics[0]!, secrets[0]!];
  const rows = secrets.map((secret) => {
    const mask = evaluate(none, secret), maskOfFirst = evaluate(none, first);
    const row = publics.flatMap((known) => {
      const ofFirst = evaluate(known, first);
      return evaluate(known, secret).map((y, i) => (y - ofFirst[i]! - mask[i]! + maskOfFirst[i]! + 4 * p) % p);
    });
    return [...row, ...(held === true ? test.bits.map((name) => (secret[name]! - first[name]! + p) % p) : [])];
  });
  return rankOf(rows, p) - (held === true ? test.bits.length : 0);
}

for (const [name, test] of Object.entries(CASES)) {
  Deno.test(`Formula deals as many words as the rank of its coefficients, in every ring (${name})`, () => {
    assertEquals(neededWords(test), test.words);
    for (const ringBits of test.options?.held === true ? [1] : [2, 7, 32]) {
      if (Object.values(test.options?.narrow ?? {}).some((narrow) => narrow! >= ringBits)) continue;
      const { words, bits } = test.make(ringBits);
      assertEquals(words.length, test.words);
      assertEquals(bits, words.reduce((sum, word) => sum + word.bits, 0));
    }
  });

  Deno.test(`Formula's shares sum to the result under its mask (exhaustive: ${name})`, () => {
    const formula = test.make(test.ringBits), all = [...assignments(test, test.ringBits)];
    for (const { clear, masked, taken } of results(test, formula, all)) {
      assertEquals(masked.map((y, i) => (y + taken[i]!) & lowMask(test.ringBits)), clear);
    }
  });
}

Deno.test("Formula's results are uniform and independent of everything else that is opened (exhaustive)", () => {
  const test = CASES["exponential"]!, ringBits = 1, small = { ...test, ringBits }, counts = new Map<string, number>();
  const all = [...assignments(small, ringBits)];
  for (const { opened, clear, taken } of results(small, test.make(ringBits), all)) {
    for (let pad = 0; pad < 2; pad++) {
      const view = JSON.stringify([opened, clear, (clear[0]! - taken[0]! + pad) & 1]);
      counts.set(view, (counts.get(view) ?? 0) + 1);
    }
  }
  assert(counts.size > 64);
  for (const [view, count] of counts) {
    assertEquals(counts.get(view.replace(/\d\]$/, (end) => `${1 - Number(end[0])}]`)), count);
  }
});

Deno.test("Formula names its words, and gives them the ring that they are read in", () => {
  const { words } = ofSplice({ x: 22 }, 9, 32).make(32);
  assertEquals(words.map(({ name, bits }) => [name, bits]), [
    ["pos", 32],
    ["s", 32],
    ["s·w0", 32],
    ["s·w1", 32],
    ["x-2·pos·x", 32],
    ["s·v0-2·s·w0·v0", 32],
    ["s·v1-2·s·w1·v1", 32],
    ["msb(x)", 10],
    ["pos·msb(x)", 10],
  ]);
});
