/** Costs that SPEC and the gates' comments state are those of the plan: formulas in the notation of `notation.ts` are evaluated for every case that has vectors. */

import { assert, assertEquals } from "@std/assert";
import { costOf, keyBits } from "../core/protocols/cost.ts";
import { dither } from "../core/protocols/dither/gate.ts";
import { exp } from "../core/protocols/exp/gate.ts";
import { expDithered } from "../core/protocols/exp_dithered/gate.ts";
import { maximumLevel } from "../core/protocols/maximum/gate.ts";
import type { Primitive } from "../core/protocols/primitive.ts";
import { splice } from "../core/protocols/splice/gate.ts";
import type { ActivationName } from "../core/protocols/activations.ts";
import { wire } from "../core/protocols/tensor.ts";
import { truncate } from "../core/protocols/truncate/gate.ts";
import type { GateCost } from "../pipeline/interpreters/plan.ts";
import { planOf } from "./law.ts";
import { tableOf } from "./markdown.ts";
import { evaluate, type Letters } from "./notation.ts";
import { gateVectors, pageOf, textOf } from "./vectors/files.ts";
import type { GateCase, GateVectors } from "./vectors/gate_vectors.ts";

/** Bits of one opening or field, over all elements. */
type Bits = readonly [name: string, kind: string, ...bits: number[]];

const OVERVIEW = "docs/spec/5-gates.md";

/** The gate of a case that its page is about. */
function planned(test: GateCase): GateCost {
  return planOf(test).plan.gates.find(({ path }) => path === "gate")!;
}

/** Formulas that stand one after the other, separated by commas outside of parentheses. */
function listOf(text: string): string[] {
  const items = [""];
  let depth = 0;
  for (const letter of text) {
    depth += "([{".includes(letter) ? 1 : ")]}".includes(letter) ? -1 : 0;
    if (letter === "," && depth === 0) items.push("");
    else items[items.length - 1] += letter;
  }
  return items.map((item) => item.trim()).filter((item) => item !== "");
}

/** What party 0 and party 1 send in each exchange: `x`, or `[x, y]`; stated for a gate whose party `full` is party 0. */
function sentOf(text: string, letters: Letters): number[][] {
  return listOf(text).map((item) => {
    const pair = item.startsWith("[") ? listOf(item.slice(1, -1)) : [item, item];
    const bits = pair.map((formula) => evaluate(formula, letters));
    return letters.full === 1 ? bits.reverse() : bits;
  });
}

/** What the plan sends in each exchange, per unit. */
function plannedSent({ opens }: GateCost, units: number): number[][] {
  return opens.map((openings) =>
    [1, 0].map((receiver) => openings.reduce((sum, { bits, count }) => sum + bits[receiver]! * count, 0) / units)
  );
}

/** Explicit bits of both streams, per unit. */
function plannedKey({ records }: GateCost, units: number): number {
  return keyBits(records) / units;
}

/** Cases whose result both parties learn: costs are stated for these. */
function stated({ letters, cases }: GateVectors): readonly GateCase[] {
  return cases.filter((test) => letters(test).both !== 0);
}

/** The count of a unit such as "row of S"; of the gate's main one where a text names none. */
function unitsOf(gate: GateVectors, test: GateCase, per: string | undefined): number {
  const counts = gate.counts(test), units = per === undefined ? Object.values(counts)[0] : counts[per.split(" ")[0]!];
  assert(units !== undefined, `${test.name} has no count of ${per}`);
  return units;
}

/** A field of a page's table of the key, and what its formula's letters are beyond those of the page. */
interface KeyRow {
  readonly record: string;
  readonly kind: string;
  readonly per: string;
  readonly field: string;
  readonly formula: string;
  readonly more: Letters;
}

/** The fields of a page's key; those that are called `…_g` stand once for each of G groups, in turn. */
function keyRows(page: string, letters: Letters): KeyRow[] {
  const rows: KeyRow[] = [];
  let record = "", kind = "", per = "", groups: KeyRow[] = [];
  const flush = (): void => {
    for (let g = 0; groups.length > 0 && g < letters.G!; g++) {
      for (const row of groups) {
        rows.push({
          ...row,
          field: row.field.replace("_g", `${g}`),
          more: { C: letters[`C_${g}`]!, P: letters[`P_${g}`]! },
        });
      }
    }
    groups = [];
  };
  for (const row of tableOf(page, "record")!.rows) {
    [record, kind, per] = row[0] === "" ? [record, kind, per] : [row[0]!, row[1]!, row[2]!];
    const [, plain, condition] = record.match(/^(\w+)(?: \((\w+)\))?$/)!, field = row[3]!;
    if (condition !== undefined && letters[condition] !== 1) continue;
    if (!field.endsWith("_g")) flush();
    (field.endsWith("_g") ? groups : rows).push({ record: plain!, kind, per, field, formula: row[4]!, more: {} });
  }
  flush();
  return rows;
}

for (const [name, gate] of await gateVectors()) {
  if (gate.free) {
    Deno.test(`the gates of §${gate.section} cost nothing`, () => {
      for (const { primitive, records, opens } of gate.cases.flatMap((test) => planOf(test).plan.gates)) {
        const other = ["hold", "multiply", "open", "scores"].includes(primitive);
        assert(other || records.length + opens.length === 0, `${name}: ${primitive}`);
      }
    });
    continue;
  }
  const path = pageOf(gate.section), page = textOf(path);

  Deno.test(`${path} states the key and the openings of the plan`, () => {
    for (const test of gate.cases) {
      const letters = gate.letters(test), cost = planned(test), seen: Bits[] = [], what = `${name}, ${test.name}`;
      for (const { record, kind, per, field, formula, more } of keyRows(page, letters)) {
        const bits = evaluate(formula, { ...letters, ...more });
        if (bits > 0) seen.push([`${record}.${field}`, kind, bits, unitsOf(gate, test, per)]);
      }
      const fields = cost.records.flatMap(({ name, kind, fields, counts }): Bits[] => {
        const count = counts.reduce((a, b) => a + b, 0);
        return fields.filter(({ bits }) => bits > 0).map((field) => [`${name}.${field.name}`, kind, field.bits, count]);
      });
      assertEquals(seen, fields, `key of ${what}`);

      const steps = tableOf(page, "step")!.rows.map((row): Bits => {
        const units = unitsOf(gate, test, row[3]!);
        return [row[0]!, row[2]!, units * evaluate(row[4]!, letters), units * evaluate(row[5]!, letters)];
      }).filter(([, , ...bits]) => bits.some((count) => count > 0));
      const order = [...new Set(steps.map(([step]) => step))];
      const opens = cost.opens.flatMap((openings, exchange) =>
        openings.map(({ kind, bits, count }): Bits => [order[exchange]!, kind, bits[0] * count, bits[1] * count])
      ).filter(([, , ...bits]) => bits.some((count) => count > 0));
      assertEquals(steps, opens, `openings of ${what}`);
      assertEquals(order.length, cost.opens.length, `exchanges of ${what}`);
    }
  });

  Deno.test(`${OVERVIEW} states the costs of ${name}`, () => {
    const rows = tableOf(textOf(OVERVIEW), "§")!.rows.filter(([section]) => section === gate.section),
      met = new Set<string>();
    for (const test of stated(gate)) {
      const cost = planned(test), label = gate.label?.(test) ?? cost.primitive, letters = gate.letters(test);
      const row = rows.find(([, name]) => name === label);
      assert(row !== undefined, `no row of ${label}`);
      met.add(label);
      const units = unitsOf(gate, test, row[2]!), what = `${label}, ${test.name}`;
      assertEquals(evaluate(row[3]!, letters), plannedKey(cost, units), `key of ${what}`);
      assertEquals(
        sentOf(row[4]!, letters).filter((bits) => bits.some(Boolean)),
        plannedSent(cost, units),
        `sent by ${what}`,
      );
    }
    assertEquals(rows.map(([, label]) => label!).filter((label) => !met.has(label)), [], "rows that no case checks");
  });

  Deno.test(`the comments of core/protocols/${gate.folder}/gate.ts state the costs of ${name}`, () => {
    const source = textOf(`core/protocols/${gate.folder}/gate.ts`);
    assert(source.includes(`SPEC.md §${gate.section}`), `the file cites §${gate.section}`);
    for (const test of stated(gate)) {
      const cost = planned(test),
        letters = gate.letters(test),
        costs = commentOf(source, cost.primitive),
        what = `${cost.primitive}, ${test.name}`;
      const sent = sentOf(costs.sends[letters.share === 1 ? 1 : 0] ?? costs.sends[0]!, letters).filter((bits) =>
        bits.some(Boolean)
      );
      assertEquals(evaluate(costs.exchanges, letters), cost.opens.length, `exchanges of ${what}`);
      assertEquals(sent, plannedSent(cost, unitsOf(gate, test, costs.per)), `sent by ${what}`);
      assertEquals(evaluate(costs.key, letters), plannedKey(cost, unitsOf(gate, test, costs.keyPer)), `key of ${what}`);
    }
  });
}

/** Key bits of one element, or of one pair, of a gate on a wire. */
function keyOf<P>(
  gate: Primitive<P, ["wire"], "wire">,
  p: P,
  ringBits: number,
  scale = 10,
  cols = 1,
): number {
  return costOf(gate, p, wire("plan", { ringBits, scale, extent: { rows: 1, cols: [cols] } }, null)).keyBits;
}

/** What the rows of the table of models stand for. */
const PAID: Readonly<Record<string, () => number>> = {
  "truncate, 32 to 32 bits by 12": () => truncated(32, 32, 12),
  "truncate, 32 to 32 bits by 10": () => truncated(32, 32, 10),
  "truncate, 32 to 32 bits by 8": () => truncated(32, 32, 8),
  "truncate, 32 to 20 bits by 10": () => truncated(32, 20, 10),
  "truncate, 40 to 40 bits by 10": () => truncated(40, 40, 10),
  "maximum, coarse scores of 10 bits": () => keyOf(maximumLevel, {}, 10, 0, 2),
  "exp, digits 8, 6, 6": () => keyOf(exp, { digits: [8, 6, 6], tableScale: 11, ringBits: 32 }, 20),
  "exp_dithered, digits 8, 8": () => keyOf(expDithered, { skip: 3, digits: [8, 8], tableScale: 11, ringBits: 32 }, 20),
  "splice, SiLU: digits 5, 9, 6, values of 16 bits": () => spliced("silu", [5, 9, 6], 16, 32, 10),
  "splice, GELU: digits 7, 8, 5, values of 16 bits": () => spliced("gelu", [7, 8, 5], 16, 32, 12),
  "splice, tanh: digits 2, 11, 7, values of 32 bits": () => spliced("tanh_plus_1", [2, 11, 7], 32, 32, 10),
  "splice, GELU, dithered: 24 bits, digits 4, 8, 5, values of 26 bits": () => spliced("gelu", [7, 8, 5], 26, 24, 12, 3),
  "dither, 32 to 32 bits by 10": () => keyOf(dither, { by: 10, to: 32, knownTo: "both" }, 32),
  "dither, 32 to 20 bits by 10": () => keyOf(dither, { by: 10, to: 20, knownTo: "both" }, 32),
};

function truncated(from: number, to: number, by: number): number {
  return keyOf(truncate, { by, to, rounding: "nearest", full: 0, knownTo: "both" }, from);
}

function spliced(
  name: ActivationName,
  digits: readonly [number, number, number],
  valueBits: number,
  from: number,
  scale: number,
  skip = 0,
): number {
  return keyOf(splice, { function: name, digits, skip, valueBits, ringBits: 32, knownTo: "both" }, from, scale);
}

Deno.test(`${OVERVIEW} states what models pay`, () => {
  const rows = tableOf(textOf(OVERVIEW), "gate")!.rows.map((
    [gate, parameters, bits],
  ) => [`${gate}, ${parameters}`, Number(bits)]);
  assertEquals(Object.fromEntries(rows), Object.fromEntries(Object.entries(PAID).map(([row, bits]) => [row, bits()])));
});

/** The costs in the comment of a gate: its own, or that of the module where it is the first gate. */
function commentOf(source: string, primitive: string) {
  const at = source.indexOf(`name: "${primitive}"`),
    comments = [...source.slice(0, at).matchAll(/\/\*\*[\s\S]*?\*\//g)];
  const comment = comments.map(([text]) => text.replaceAll(/\n \* ?/g, " ")).findLast((text) =>
    text.includes("**Exchanges:**")
  );
  assert(comment !== undefined, `no costs of ${primitive}`);
  const part = (label: string): string =>
    comment.split(`**${label}:**`)[1]?.split(/\*\*\w+:\*\*|- \*\*|\*\/|@/)[0] ?? "";
  const formulas = (text: string): string => [...text.matchAll(/`([^`]+)`/g)].map(([, formula]) => formula!).join(", ");
  const sends = part("Sends"), per = /per (\w+)/;
  return {
    exchanges: formulas(part("Exchanges")),
    sends: sends.split("of a share").map(formulas),
    per: sends.match(per)?.[1],
    key: formulas(part("Key")),
    keyPer: part("Key").match(per)?.[1],
  };
}
