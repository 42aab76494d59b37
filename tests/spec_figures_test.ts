/** Figures of SPEC.md §6 and of README that stand in text or in small tables: exchanges of compositions, and percentages. */

import { assertEquals } from "@std/assert";
import { archPlan } from "../cmd/plan_flags.ts";
import { planTotals } from "../roles/costs.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import type { ModelConfig } from "../models/model_config.ts";
import { namedShape } from "../models/shapes.ts";
import { stageCount } from "../pipeline/forward/forward.ts";
import type { ModelScope } from "../pipeline/forward/model_spec.ts";
import { SessionPlan } from "../pipeline/session/session_plan.ts";
import { tableOf } from "./markdown.ts";
import { evaluate, type Letters } from "./notation.ts";
import { specOf, TINY_MODELS } from "./tiny_models.ts";
import { pageOf, textOf } from "./vectors/files.ts";

const compositions = textOf(pageOf("6"));

/** What the row of a composition states. */
function stated(name: string, rounding: Rounding, letters: Letters): number {
  const row = tableOf(compositions, "composition")!.rows.find(([cell]) => cell!.replaceAll("*", "") === name)!;
  return evaluate(row[rounding === "nearest" ? 2 : 3]!, letters);
}

/** Exchanges of the first stage, the second one, and the last one. */
function planned(config: ModelConfig, scope: ModelScope, tokens: number, rounding: Rounding): number[] {
  const plan = new SessionPlan(specOf(config, tokens, { scope, rounding }), {
    promptTokens: tokens,
    generate: 0,
    requests: 1,
  });
  const [chunk] = plan.chunks(plan.shape, tokens), last = stageCount(plan.model) - 1;
  return [0, 1, last].map((stage) =>
    plan.lane(stage, stage === last ? plan.outputPositions(chunk!) : chunk!).exchanges
  );
}

for (const rounding of ["nearest", "dither"] as const) {
  Deno.test(`SPEC states the exchanges of layers and stages (${rounding})`, () => {
    for (const tokens of [5, 9]) {
      const L = Math.ceil(Math.log2(tokens)),
        of = (name: string, more: Letters = {}): number => stated(name, rounding, { L, ...more });
      const attention = (rotary: number): number => of("attention", { rotary, softmax: of("softmax") });
      const llama = 2 * of("norm") + attention(1) + of("gated MLP") + 2 * of("residual");
      const gpt = 2 * of("norm") + attention(0) + of("MLP") + 2 * of("residual");
      assertEquals([of("Llama"), of("GPT"), of("BERT")], [llama, gpt, gpt]);

      const cases: [ModelConfig, ModelScope, layer: string, input: string, output: string][] = [
        [namedShape("llama-tiny", { layers: 1 }), "model", "Llama", "input: tokens", "output: tokens"],
        [namedShape("llama-tiny", { layers: 1 }), "blocks", "Llama", "input: blocks", "output: blocks"],
        [namedShape("gpt2", { layers: 1 }), "model", "GPT", "input: tokens", "output: tokens"],
        [namedShape("bert-tiny", { layers: 1 }), "blocks", "BERT", "input: blocks", "output: blocks"],
        [TINY_MODELS.BERT, "model", "BERT", "input: BERT", "output: pooled"],
        [TINY_MODELS["BERT without a pooler"], "model", "BERT", "input: BERT", "output: hidden"],
        [TINY_MODELS["BERT classifier"], "model", "BERT", "input: BERT", "output: classes"],
      ];
      for (const [config, scope, layer, input, output] of cases) {
        assertEquals(
          planned(config, scope, tokens, rounding),
          [of(input), of(layer), of(output)],
          `${layer}, ${output}`,
        );
      }
    }
  });
}

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

function totals(arch: string, rounding: Rounding, residualBits = 32, bucket?: number) {
  return planTotals(archPlan(arch, { seq: 128, rounding, bucket, residualBits }), 128);
}

/** By how many percent the larger number exceeds the smaller one. */
function apart([a, b]: readonly [number, number]): number {
  return 100 * (Math.max(a, b) / Math.min(a, b) - 1);
}

function sum([a, b]: readonly [number, number]): number {
  return a + b;
}

/** The number that a page states in the place of `#`, whatever its line breaks. */
function number(page: string, sentence: string): number {
  const pattern = sentence.split(" ").map((word) =>
    word.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replace("#", "([\\d.]+)")
  ).join("\\s+");
  return Number(textOf(page).match(pattern)![1]);
}

/** Rounds up to a number of digits after the point. */
function up(value: number, digits: number): number {
  return Number((Math.ceil(value * 10 ** digits) / 10 ** digits).toFixed(digits));
}

Deno.test("SPEC and README state how far apart parties and streams are, and what wider rings cost", () => {
  const sent = Math.max(...SHAPES.map((arch) => apart(totals(arch, "nearest").sentBytes)));
  assertEquals(number(pageOf("5.7"), "sent bytes differ by at most # % to nearest"), up(sent, 1));
  const wide = ["gpt2", "bert-base", "llama2-7b"].flatMap((arch) =>
    [36, 40].map((bits) => apart(totals(arch, "nearest", bits).sentBytes))
  );
  assertEquals(
    number(pageOf("6"), "Up to ρ = 40 the parties' sent bytes differ by at most # %"),
    up(Math.max(...wide), 1),
  );
  for (
    const [rounding, sentence] of [["nearest", "Streams differ by less than # %"], [
      "dither",
      "by up to # % where rounding is dithered",
    ]] as const
  ) {
    const keys = Math.max(...SHAPES.map((arch) => apart(totals(arch, rounding).keyBytes)));
    assertEquals(number(pageOf("7"), sentence), up(keys, 0), rounding);
  }
  const [base, hidden] = [totals("bert-base", "nearest"), totals("bert-base", "nearest", 32, 128)];
  assertEquals(
    number(pageOf("5.14"), "The wider ring costs # % of bert-base's keys"),
    Number((100 * (sum(hidden.keyBytes) / sum(base.keyBytes) - 1)).toFixed(1)),
  );
  const [gpt, at40] = [totals("gpt2", "nearest"), totals("gpt2", "nearest", 40)];
  const more = (of: "keyBytes" | "sentBytes"): number => Number((100 * (sum(at40[of]) / sum(gpt[of]) - 1)).toFixed(1));
  assertEquals(number("README.md", "for gpt2 # % more key bytes"), more("keyBytes"));
  assertEquals(number("README.md", "more key bytes and # % more traffic"), more("sentBytes"));
});
