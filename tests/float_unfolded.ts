/**
 * A forward pass over a checkpoint as it is stored, for the families whose LayerNorms are folded: plain LayerNorm, plain
 * biases, all tokens at once. What folding must not change.
 */
import { architectureOf } from "../models/architectures.ts";
import type { ModelConfig } from "../models/model_config.ts";
import type { WeightSource } from "../models/weights.ts";

type Rows = number[][];

/** Returns the result of a GPT-2, GPT-Neo or BERT for token ids: logits after the last one, of classes, or the pooled state. */
export async function floatUnfolded(
  config: ModelConfig,
  source: WeightSource,
  ids: readonly number[],
): Promise<number[]> {
  const { hiddenWidth: C, heads: H, headWidth: D } = config;
  const stored = new Map<string, Rows>();
  for (const { name, shape } of architectureOf(config.architecture).tensors(config)) {
    const width = shape.at(-1)!, { data } = await source.tensor(name);
    stored.set(
      name,
      Array.from({ length: data.length / width }, (_, i) => [...data.subarray(i * width, i * width + width)]),
    );
  }
  const matrix = (name: string): Rows => stored.get(name)!;
  const vector = (name: string): number[] => stored.get(name)![0]!;

  /** x W^T + b, or x W + b where the checkpoint has (inputs, outputs). */
  function linear(x: Rows, name: string): Rows {
    const weight = matrix(`${name}.weight`), bias = stored.get(`${name}.bias`)?.[0];
    const conv = config.family === "gpt2" && name.includes(".c_");
    const columns = conv ? weight[0]!.map((_, o) => weight.map((row) => row[o]!)) : weight;
    return x.map((row) => columns.map((column, o) => dot(row, column) + (bias?.[o] ?? 0)));
  }

  function layerNorm(x: Rows, name: string): Rows {
    const gamma = vector(`${name}.weight`), beta = vector(`${name}.bias`);
    return x.map((row) => {
      const mean = row.reduce((a, b) => a + b) / C;
      const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / C;
      return row.map((value, i) => (value - mean) / Math.sqrt(variance + config.normEps) * gamma[i]! + beta[i]!);
    });
  }

  function attention(q: Rows, k: Rows, v: Rows, layer: number): Rows {
    const window = config.windows[layer] ?? Infinity, factor = config.family === "gpt-neo" ? 1 : 1 / Math.sqrt(D);
    return q.map((query, t) =>
      Array.from({ length: H }, (_, head) => {
        const part = (row: number[]) => row.slice(head * D, head * D + D);
        const seen = k.map((_, s) => !config.causal || (s <= t && t - s < window));
        const powers = k.map((key, s) => seen[s] ? Math.exp(dot(part(query), part(key)) * factor) : 0);
        const sum = powers.reduce((a, b) => a + b);
        return Array.from({ length: D }, (_, d) => powers.reduce((y, e, s) => y + e / sum * v[s]![head * D + d]!, 0));
      }).flat()
    );
  }

  function mlp(x: Rows, up: string, down: string): Rows {
    // GELU by its definition, x times the integral of the normal density, with 4,000 trapezoids.
    const gelu = (y: number) => {
      const steps = 4000, h = y / steps;
      let area = (1 + Math.exp(-y * y / 2)) / 2;
      for (let i = 1; i < steps; i++) area += Math.exp(-((i * h) ** 2) / 2);
      return y * (0.5 + area * h / Math.sqrt(2 * Math.PI));
    };
    const geluTanh = (y: number) => 0.5 * y * (1 + Math.tanh(0.7978845608028654 * (y + 0.044715 * y * y * y)));
    const activation = config.activation === "gelu" ? gelu : geluTanh;
    return linear(linear(x, up).map((row) => row.map(activation)), down);
  }

  function bert(): number[] {
    const root = config.head === "classes" ? "bert." : "";
    const table = (kind: string) => matrix(`${root}embeddings.${kind}_embeddings.weight`);
    const [word, place, type] = [table("word"), table("position"), table("token_type")[0]!];
    let x = layerNorm(
      ids.map((id, t) => word[id]!.map((e, i) => e + place[t]![i]! + type[i]!)),
      `${root}embeddings.LayerNorm`,
    );
    for (let layer = 0; layer < config.layers; layer++) {
      const block = `${root}encoder.layer.${layer}.`;
      const [q, k, v] = ["query", "key", "value"].map((part) => linear(x, `${block}attention.self.${part}`));
      const mixed = linear(attention(q!, k!, v!, layer), `${block}attention.output.dense`);
      x = layerNorm(add(x, mixed), `${block}attention.output.LayerNorm`);
      x = layerNorm(add(x, mlp(x, `${block}intermediate.dense`, `${block}output.dense`)), `${block}output.LayerNorm`);
    }
    if (config.head === "hidden") return x.at(-1)!;
    const pooled = linear(x.slice(0, 1), `${root}pooler.dense`).map((row) => row.map(Math.tanh));
    return config.head === "classes" ? linear(pooled, "classifier")[0]! : pooled[0]!;
  }

  function gpt(): number[] {
    const word = matrix("transformer.wte.weight"), place = matrix("transformer.wpe.weight");
    let x: Rows = ids.map((id, t) => word[id]!.map((e, i) => e + place[t]![i]!));
    for (let layer = 0; layer < config.layers; layer++) {
      const block = `transformer.h.${layer}.`, n = layerNorm(x, `${block}ln_1`);
      const [q, k, v] = config.family === "gpt2"
        ? [0, C, 2 * C].map((from) => linear(n, `${block}attn.c_attn`).map((row) => row.slice(from, from + C)))
        : ["q", "k", "v"].map((part) => linear(n, `${block}attn.attention.${part}_proj`));
      const out = config.family === "gpt2" ? "attn.c_proj" : "attn.attention.out_proj";
      x = add(x, linear(attention(q!, k!, v!, layer), block + out));
      x = add(x, mlp(layerNorm(x, `${block}ln_2`), `${block}mlp.c_fc`, `${block}mlp.c_proj`));
    }
    const last = layerNorm(x.slice(-1), "transformer.ln_f");
    return (config.tiedEmbeddings ? word : matrix("lm_head.weight")).map((row) => dot(row, last[0]!));
  }

  return config.family === "bert" ? bert() : gpt();
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function add(a: Rows, b: Rows): Rows {
  return a.map((row, t) => row.map((value, i) => value + b[t]![i]!));
}
