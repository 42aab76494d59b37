/**
 * The tables of costs in SPEC.md §6 and README.md, from the plan.
 *
 * @module
 */

import { archPlan } from "../../cmd/plan_flags.ts";
import { planTotals } from "../../roles/costs.ts";
import { sigmaCost } from "../../cmd/sigma.ts";
import { namedShape } from "../../models/shapes.ts";
import type { Rounding } from "../../core/protocols/layers/rounding.ts";
import { columns } from "./example.ts";

type Totals = ReturnType<typeof planTotals>;

const SEQ = 128;
const SHAPES = [
  "bert-tiny",
  "bert-base",
  "bert-large",
  "gpt2",
  "gpt-neo-1.3b",
  "gpt-neo-2.7b",
  "llama2-7b",
  "llama2-13b",
];
const cache = new Map<string, Totals>();

/** Totals of a shape's blocks. */
function totals(arch: string, rounding: Rounding, residualBits = 32): Totals {
  const key = `${arch} ${rounding} ${residualBits}`, known = cache.get(key);
  if (known !== undefined) return known;
  const made = planTotals(archPlan(arch, { seq: SEQ, rounding, residualBits }), SEQ);
  cache.set(key, made);
  return made;
}

/** Both parties' bytes together. */
function both([a, b]: readonly [number, number]): number {
  return a + b;
}

/** Bytes with three digits, MB below one GB. */
function bytes(value: number, unit = value < 1e9 ? 1e6 : 1e9): string {
  const scaled = value / unit, digits = scaled < 10 ? 2 : scaled < 100 ? 1 : 0;
  return `${scaled.toFixed(digits)} ${unit === 1e9 ? "GB" : "MB"}`;
}

/** A whole number with its thousands apart. */
function whole(value: number): string {
  return `${value}`.replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

/** A table as the formatter leaves it. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, i) => Math.max(3, ...[header, ...rows].map((cells) => columns(cells[i]!))));
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((cell, i) => cell + fill.repeat(widths[i]! - columns(cell))).join(" | ")} |`;
  return [line(header, " "), line(header.map(() => ""), "-"), ...rows.map((cells) => line(cells, " "))].join("\n");
}

/** §6: keys, traffic and exchanges of every shape, beside SIGMA's. */
export function shapeCosts(rounding: Rounding): string {
  const rows = [...SHAPES, "llama-tiny"].map((arch) => {
    const { keyBytes, sentBytes, exchangesPerLayer } = totals(arch, rounding), { layers } = namedShape(arch);
    const sigma = sigmaCost(arch, layers, SEQ), keys = both(keyBytes);
    return [
      arch,
      keyBytes.map(whole).join(", "),
      bytes(keys),
      sentBytes.map(whole).join(", "),
      `${exchangesPerLayer}`,
      ...(sigma === null ? ["–", "–"] : [
        `${bytes(both(sigma.keyBytes))}, ${bytes(sigma.sentBytes[0])}, ${sigma.exchanges / layers}`,
        (both(sigma.keyBytes) / keys).toFixed(1),
      ]),
    ];
  });
  return table(
    ["shape", "keys", "both", "sent", "ex per layer", "SIGMA: keys, sent, ex", "keys: SIGMA ÷ Sluice"],
    rows,
  );
}

/** §6: what a wider residual stream costs. */
export function residualCosts(): string {
  const widths = [32, 36, 40, 48, 64], shapes = ["gpt2", "bert-base", "llama2-7b"];
  const rows = shapes.flatMap((arch) =>
    (["nearest", "dither"] as const).map((rounding) => {
      const of = (residualBits: number): [number, number] => {
        const { keyBytes, sentBytes } = totals(arch, rounding, residualBits);
        return [both(keyBytes), both(sentBytes)];
      };
      const base = of(32),
        more = (value: number, of: number): string => {
          const percent = 100 * (value / of - 1);
          return `${percent < 0 ? "−" : "+"}${Math.abs(percent).toFixed(1)} %`;
        };
      return [
        `${arch}, ${rounding}`,
        ...widths.map((bits) => {
          const [keys, sent] = of(bits), figures = `${(keys / 1e9).toFixed(keys < 1e10 ? 3 : 2)} GB, ${bytes(sent)}`;
          return bits === 32 ? figures : `${figures} (${more(keys, base[0])}, ${more(sent, base[1])})`;
        }),
      ];
    })
  );
  return table(["shape, rounding", "ρ = 32", ...widths.slice(1).map(String)], rows);
}

/** README: the same shapes at a glance. */
export function readmeCosts(): string {
  const rows = SHAPES.map((arch) => {
    const { layers } = namedShape(arch),
      sigma = sigmaCost(arch, layers, SEQ)!,
      [nearest, dithered] = [totals(arch, "nearest"), totals(arch, "dither")];
    return [
      arch,
      ...[nearest, dithered].map(({ keyBytes }) => bytes(both(keyBytes))),
      bytes(both(sigma.keyBytes)),
      ...[nearest, dithered].map(({ sentBytes }) => bytes(Math.max(...sentBytes))),
      bytes(sigma.sentBytes[0]),
      ...[nearest, dithered].map(({ exchangesPerLayer }) => `${exchangesPerLayer}`),
      `${sigma.exchanges / layers}`,
    ];
  });
  const three = (what: string): string[] => [what, "dithered", "SIGMA"];
  return table(
    ["shape", ...three("keys, both parties"), ...three("sent per party"), ...three("exchanges per layer")],
    rows,
  );
}

/** §6: what single savings are worth, GPT-2's layers. What a saving replaced was counted when it was built. */
export function savings(): string {
  const of = (rounding: Rounding, ...primitives: string[]) => {
    const gates = totals("gpt2", rounding).perGate.filter(({ primitive }) => primitives.includes(primitive)),
      layers = 12;
    const sum = (count: (gate: typeof gates[number]) => number): number =>
      gates.reduce((all, gate) => all + count(gate), 0);
    return {
      keys: bytes(sum(({ keyBytes }) => keyBytes)),
      sent: bytes(sum(({ sentBytes }) => both(sentBytes))),
      exchanges: sum(({ exchanges }) => exchanges) / layers,
    };
  };
  const all = (rounding: Rounding): string => {
    const { keyBytes, sentBytes, exchangesPerLayer } = totals("gpt2", rounding);
    return `${bytes(both(keyBytes))}, ${bytes(both(sentBytes))} sent, ${exchangesPerLayer} ex`;
  };
  const truncate = of("nearest", "truncate"),
    maximum = of("nearest", "maximum"),
    row = of("nearest", "row"),
    exp = of("nearest", "exp");
  const expDithered = of("dither", "exp_dithered"),
    splice = of("nearest", "splice"),
    spliceDithered = of("dither", "splice");
  return table(["saving", "before", "after"], [
    [
      "carries by permuted selection (§4.2), not by two chunks and products of mask bits",
      "514 MB of keys",
      truncate.keys,
    ],
    [
      "maximum on coarse scores of 10 bits, select in two words, not 20 bits and a sign",
      "44.9 MB, 8.2 MB sent, 21 ex",
      `${maximum.keys}, ${maximum.sent} sent, ${maximum.exchanges} ex`,
    ],
    [
      "row functions by permuted selection and one tree, not trees and five exchanges",
      "61.4 MB, 11 ex per layer",
      `${row.keys}, 4 ex (2 beside others)`,
    ],
    ["opening less: the party that adds nothing public gets f of 32 bits", "132 MB sent", "89 MB"],
    ["table values of the activation in 16 bits", "75.5 MB sent", "37.7 MB, for 37.7 MB of keys"],
    [
      "party 1's product from its seed: no key bytes for products, one product per party",
      "two products",
      "one, made before the input is there",
    ],
    ["dithered rounding, of truncations", `${truncate.keys} of keys`, of("dither", "dither").keys],
    [
      "the same, of the exponential (without its carry and clip)",
      `${exp.keys}, ${exp.sent} sent, ${exp.exchanges} ex`,
      `${expDithered.keys}, ${expDithered.sent} sent, ${expDithered.exchanges} ex`,
    ],
    [
      "the same, of the activation (low digit of 4 bits, narrow input)",
      `${splice.keys}, ${splice.sent} sent`,
      `${spliceDithered.keys}, ${spliceDithered.sent} sent (wider values)`,
    ],
    ["dithered rounding in all", all("nearest"), all("dither")],
  ]);
}
