import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ModelError } from "../../core/errors.ts";
import type { ModelConfig } from "../../models/model_config.ts";
import type { FoldedLayer, FoldedModel, Matrix } from "../../models/matrices.ts";
import { syntheticInput } from "../../models/synthetic.ts";
import { integers } from "../../tests/models.ts";
import { livelyModel, specOf, TINY_LLAMA, TINY_MODELS } from "../../tests/tiny_models.ts";
import { floatModel } from "./float_model.ts";
import { runOnCpu } from "../../tests/two_parties.ts";
import { calibrate, type Calibration } from "./calibrate.ts";
import { type ModelSpec, outputScale, streamScale } from "./model_spec.ts";
import { Oracle } from "./oracle.ts";
import { defaultScales } from "./scales.ts";

const IDS = [3, 1, 4, 1, 5, 9, 2, 6];

/** Calibrates a model on eight tokens, from the default scales. */
async function calibrated(folded: FoldedModel): Promise<Calibration> {
  const model = specOf(folded.config, IDS.length), matrices = await integers(model, folded);
  return calibrate(model, (name) => matrices.get(name)!.data, { tokens: IDS });
}

function times(matrix: Matrix, factor: number): Matrix {
  return { ...matrix, data: matrix.data.map((value) => value * factor) };
}

/** A model whose residual stream begins `factor` times larger. */
async function withLargeEmbedding(config: ModelConfig, factor: number): Promise<FoldedModel> {
  const folded = await livelyModel(config), { embed, positions } = folded;
  return { ...folded, embed: times(embed, factor), positions: positions === null ? null : times(positions, factor) };
}

/** Distance of the oracle's logits after the tokens from the float model's. */
async function distance(folded: FoldedModel, model: ModelSpec): Promise<number> {
  const matrices = await integers(model, folded), expected = floatModel(folded).tokens(IDS);
  const logits = new Oracle(model, (name) => matrices.get(name)!.data).tokens(IDS), one = 2 ** outputScale(model);
  return logits.reduce((most, value, i) => Math.max(most, Math.abs(value / one - expected[i]!)), 0);
}

for (const [name, config] of Object.entries({ Llama: TINY_LLAMA, ...TINY_MODELS })) {
  Deno.test(`calibrate() keeps the default scales for a ${name} of ordinary values`, async () => {
    assertEquals((await calibrated(await livelyModel(config))).scales, defaultScales(config));
  });
}

Deno.test("calibrate() keeps the default scales for ordinary hidden states", async () => {
  const model = specOf(TINY_LLAMA, 5, { scope: "blocks" }),
    matrices = await integers(model, await livelyModel(TINY_LLAMA));
  const hidden = Float64Array.from(
    syntheticInput(5, TINY_LLAMA.hiddenWidth, "states"),
    (value) => Math.round(value * 2 ** streamScale(model)),
  );

  assertEquals(calibrate(model, (name) => matrices.get(name)!.data, { hidden }).scales, model.scales);
});

Deno.test("calibrate() reports the largest magnitude of every wire in real units", async () => {
  const folded = await livelyModel(TINY_LLAMA), { magnitudes } = await calibrated(folded);
  let largest = 0;
  floatModel(folded, (part, layer, values) => {
    if (part === "residual" && layer === 1) {
      for (const value of values) largest = Math.max(largest, Math.abs(value));
    }
  }).tokens(IDS);

  const seen = Math.max(...["2:norm1/squares", "2:norm2/squares"].map((wire) => magnitudes.get(wire)!));
  assertAlmostEquals(seen, largest, 0.01);
});

Deno.test("calibrate() moves the window of the norm that needs it, and of no other", async () => {
  // After the first norm of a post-norm model nothing tells how large the embedding was.
  const config = TINY_MODELS.BERT, [first, ...others] = defaultScales(config).norms;

  for (const [factor, up] of [[1 / 64, false], [32, true]] as const) {
    const { scales } = await calibrated(await withLargeEmbedding(config, factor));
    const [moved, ...kept] = scales.norms;

    assertEquals(kept, others);
    assertEquals({ ...scales, norms: [] }, { ...defaultScales(config), norms: [] });
    assert(up ? moved!.hi > first!.hi : moved!.lo < first!.lo);
    assertEquals(moved!.sumBits, Math.max(34, moved!.hi + 1));
    assertEquals((moved!.hi - moved!.lo) % 4, 0);
  }
});

Deno.test("calibrate() fits narrow sums of squares just below the largest that fit", async () => {
  const model = specOf(TINY_LLAMA, 5, { scope: "blocks" }),
    matrices = await integers(model, await livelyModel(TINY_LLAMA)),
    width = TINY_LLAMA.hiddenWidth,
    value = Math.round(Math.sqrt(2 ** 40.6 / width));

  const { scales } = calibrate(model, (name) => matrices.get(name)!.data, {
    hidden: Float64Array.from({ length: 5 * width }, (_, i) => i % 2 === 0 ? value : -value),
  });

  const moved = scales.norms.slice(0, 2 * TINY_LLAMA.layers);
  for (const { lo, hi } of moved) assert(lo <= 38 && hi === 43 && (hi - lo) % 4 === 0, `${lo} ${hi}`);
});

Deno.test("calibrate() gives scales that secure runs and the oracle can use where every norm's window moved", async () => {
  const folded = await withLargeEmbedding(TINY_MODELS["GPT-2"], 64), { scales } = await calibrated(folded);
  assert(scales.norms.every(({ hi }, i) => hi > defaultScales(folded.config).norms[i]!.hi));
  const model = specOf(folded.config, IDS.length, { scales });

  const outcome = await runOnCpu({
    model,
    folded,
    dealt: { promptTokens: 6, generate: 3 },
    requests: [{ promptIds: IDS.slice(0, 6), generate: 3 }],
  });

  assertEquals(outcome.logits, outcome.expectedLogits);
  assert(await distance(folded, model) < 0.05);
});

Deno.test("calibrate() raises the top digit of hidden values that leave the activation's window", async () => {
  const folded = await livelyModel(TINY_MODELS["GPT-2"]), [low, index, top] = defaultScales(folded.config).hiddenDigits;
  const layers = folded.layers.map((layer) => ({
    ...layer,
    gateUp: times(layer.gateUp, 32),
    down: times(layer.down, 1 / 32),
  }));

  const { scales, magnitudes } = await calibrated({ ...folded, layers });

  const [newLow, newIndex, newTop] = scales.hiddenDigits, largest = magnitudes.get("1:mlp/activation")!;
  assertEquals([newLow, newIndex], [low, index]);
  assert(newTop > top, `values up to ${largest}`);
  assert(4 * largest * 2 ** scales.hidden <= 2 ** (low + index + newTop - 1), "two bits of headroom");
});

Deno.test("calibrate() widens the ring of scores that spread further", async () => {
  const folded = await livelyModel(TINY_MODELS["GPT-2"]), { scoreBits, expDigits } = defaultScales(folded.config);
  const layers = folded.layers.map((layer) => ({ ...layer, qkv: times(layer.qkv, 8) }));

  const { scales } = await calibrated({ ...folded, layers });

  assert(scales.scoreBits > scoreBits);
  assertEquals(scales.expDigits.reduce((a, b) => a + b), scales.scoreBits);
  assertEquals(scales.expDigits.slice(0, 2), expDigits.slice(0, 2));
});

Deno.test("calibrate() gives a residual stream that needs more than 32 bits as few as leave headroom", async () => {
  const folded = await livelyModel(TINY_MODELS["GPT-2"]), [first, second] = folded.layers;
  for (const factor of [300, 1000]) {
    const broad = { ...folded, layers: [first!, { ...second!, out: times(second!.out, factor) }] };

    const { scales, magnitudes } = await calibrated(broad), { residualBits, weight, activation } = scales;

    const largest = magnitudes.get("2:out_truncate")! * 2 ** (weight + activation), room = 2 ** (residualBits - 2);
    // The norm's product may take two bits more.
    assert(residualBits > 32 && 4 * largest <= room && 32 * largest > room, `${residualBits} bits for ${largest}`);
    assert(await distance(broad, specOf(folded.config, IDS.length, { scales })) < 0.05);
  }
});

Deno.test("calibrate() keeps the default scales in a residual stream that is asked to be wider", async () => {
  for (const config of [TINY_LLAMA, ...Object.values(TINY_MODELS)]) {
    const folded = await livelyModel(config), scales = defaultScales(config, 40);
    const model = specOf(config, IDS.length, { scales }), matrices = await integers(model, folded);

    assertEquals(calibrate(model, (name) => matrices.get(name)!.data, { tokens: IDS }).scales, scales);
  }
});

for (const [name, config] of [["GPT-2", TINY_MODELS["GPT-2"]], ["Llama", TINY_LLAMA]] as const) {
  for (const factor of [256, 400, 3000]) {
    Deno.test(`calibrate() drops the low bits of sums of squares beyond every window, and gives their roots more (${name}, ${factor})`, async () => {
      const folded = await withLargeEmbedding(config, factor),
        { scales } = await calibrated(folded),
        [first] = scales.norms;
      assertEquals(first!.hi, 43);
      assert(first!.sumShift > 0 && first!.sumBits > 44);
      assert(first!.inverse > 11 && scales.residualBits > 32);
      const off = await distance(folded, specOf(folded.config, IDS.length, { scales }));
      assert(off < 0.05, `${off}`);
    });
  }
}

for (const [name, config] of Object.entries({ Llama: TINY_LLAMA, ...TINY_MODELS })) {
  for (const factor of [1, 300]) {
    Deno.test(`calibrate() leaves two bits to the limit of every gate (${name}, ${factor})`, async () => {
      const lively = await livelyModel(config),
        layers = lively.layers.map((layer) => ({
          ...layer,
          out: times(layer.out, factor),
        }));
      const folded = { ...lively, layers }, { scales } = await calibrated(folded);
      assertEquals(scales.residualBits > 32, factor > 1);
      const model = specOf(config, IDS.length, { scales }), matrices = await integers(model, folded);

      const limited = new Set<string>();
      new Oracle(model, (name) => matrices.get(name)!.data, {
        observe: ({ stage, path, x: { data }, limit }) => {
          if (limit === Infinity) return;
          limited.add(path);
          // Scores, whose own rule is one bit, are small here.
          const room = 2 ** Math.ceil(Math.log2(limit));
          assert(data.every((value) => 4 * Math.abs(value) <= room), `stage ${stage}: ${path}`);
        },
      }).tokens(IDS);

      for (const path of ["out_truncate", "mlp/activation", "norm2/squares", "norm2/truncate"]) {
        assert(limited.has(path));
      }
      assertEquals(limited.has("norm2/extend"), factor > 1);
    });
  }
}

for (const [name, config] of Object.entries({ Llama: TINY_LLAMA, ...TINY_MODELS })) {
  for (const residualBits of [32, 40]) {
    Deno.test(`the forward pass names every value that calibration asks for (${name}, ${residualBits} bits)`, async () => {
      const padded = !config.causal, scales = defaultScales(config, residualBits);
      const model = { ...specOf(config, IDS.length, { scales }), ...(padded && { bucket: IDS.length }) };
      const matrices = await integers(model, await livelyModel(config)), seen: string[] = [];

      new Oracle(model, (name) => matrices.get(name)!.data, {
        observe({ stage, role: { norm, reads } }) {
          if (reads !== undefined) seen.push(`${norm === undefined ? `stage ${stage}` : `norm ${norm}`}: ${reads}`);
        },
      }).tokens(IDS);

      const wanted = scales.norms.flatMap((_, norm) =>
        ["stream", "squares", ...(residualBits > 32 ? ["root"] : []), "product"].map((reads) =>
          `norm ${norm}: ${reads}`
        )
      );
      for (let stage = 1; stage <= config.layers; stage++) {
        const reads = ["score", "coarse", "hidden", ...(padded ? ["unpadded"] : [])];
        wanted.push(...reads.map((value) => `stage ${stage}: ${value}`));
      }
      if (config.head.dense !== null) wanted.push(`stage ${config.layers + 1}: pooled`);
      assertEquals(seen.sort(), wanted.sort());
    });
  }
}

/** Columns [from, to) of a matrix times a factor. */
function timesColumns(matrix: Matrix, from: number, to: number, factor: number): Matrix {
  const [, outputs] = matrix.shape, isIn = (i: number): boolean => i % outputs >= from && i % outputs < to;
  const bias = matrix.bias?.map((value, i) => isIn(i) ? value * factor : value) ?? null;
  return { ...matrix, bias, data: matrix.data.map((value, i) => isIn(i) ? value * factor : value) };
}

const { heads, headWidth, ffnWidth } = TINY_LLAMA, queries = heads * headWidth;

/**
 * Layers in which one gate alone reads larger values: larger keys meet smaller queries, and larger hidden values a
 * smaller matrix.
 */
const LOUD_GATES: readonly [
  path: string,
  config: ModelConfig,
  louder: (layer: FoldedLayer, by: number) => FoldedLayer,
][] = [
  ["attention/qkv_truncate", TINY_LLAMA, (layer, by) => {
    const quieter = timesColumns(layer.qkv, 0, queries, 1 / by);
    return { ...layer, qkv: timesColumns(quieter, queries, queries + headWidth, by) };
  }],
  ["mlp/up_truncate", TINY_LLAMA, (layer, by) => ({
    ...layer,
    gateUp: timesColumns(layer.gateUp, ffnWidth, 2 * ffnWidth, by),
    down: times(layer.down, 1 / by),
  })],
  ["mlp/activation_truncate", TINY_MODELS["GPT-2"], (layer, by) => ({
    ...layer,
    gateUp: timesColumns(layer.gateUp, 0, Infinity, by),
    down: times(layer.down, 1 / by),
  })],
];

for (const [path, config, louder] of LOUD_GATES) {
  Deno.test(`calibrate() refuses a model that leaves less than two bits to the limit of ${path}`, async () => {
    const folded = await livelyModel(config),
      place = `1:${path}`,
      [first, ...others] = folded.layers,
      ordinary = (await calibrated(folded)).magnitudes.get(place)!;
    const loud = (largest: number) =>
      calibrated({ ...folded, layers: [louder(first!, largest / ordinary), ...others] });

    const limit = 2 ** 10, { magnitudes } = await loud(limit * 0.24);

    assertAlmostEquals(magnitudes.get(place)!, limit * 0.24, 1);
    const error = await assertRejects(() => loud(limit * 0.27), ModelError);
    assertEquals(
      error.message,
      `Cannot represent the wire stage 1: ${path} as its values need two bits of headroom below 2^30`,
    );
  });
}

Deno.test("calibrate() asks for no headroom of what the pooler's tanh reads", async () => {
  const folded = await livelyModel(TINY_MODELS.BERT),
    dense = folded.dense!,
    ordinary = (await calibrated(folded)).magnitudes.get("3:activation")!;

  const { scales, magnitudes } = await calibrated({
    ...folded,
    dense: timesColumns(dense, 0, Infinity, 200 / ordinary),
  });

  assertEquals(scales, defaultScales(TINY_MODELS.BERT));
  assertAlmostEquals(magnitudes.get("3:activation")!, 200, 1);
});

Deno.test("calibrate() names the wire that cannot be represented, and not its value", async () => {
  const folded = await livelyModel(TINY_MODELS["GPT-2"]), [first, second] = folded.layers;
  const cases: [RegExp, FoldedModel][] = [
    [/the wire stage 2: mlp\/(up|activation)/, {
      ...folded,
      layers: [first!, { ...second!, gateUp: times(second!.gateUp, 4000) }],
    }],
    [/the wire stage 1: attention\/qkv/, { ...folded, layers: [{ ...first!, qkv: times(first!.qkv, 4000) }, second!] }],
  ];
  for (const [wire, broken] of cases) {
    const model = specOf(folded.config, IDS.length), matrices = await integers(model, broken);
    const error = assertThrows(
      () => calibrate(model, (name) => matrices.get(name)!.data, { tokens: IDS }),
      ModelError,
      "Cannot represent",
    );
    assert(wire.test(error.message), error.message);
    assert(!/received|\d{4}/.test(error.message), error.message);
  }
});
