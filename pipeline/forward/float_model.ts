/**
 * The float twin of the secure forward pass: a plain forward pass over the folded parts of any family, in doubles, with a
 * key-value cache. It is the definition of what a folded model computes; the fixed-point oracle is compared with it, and
 * it is never part of a secure run.
 */
import type { ActivationName } from "../../core/protocols/activations.ts";
import {
  type FoldedModel,
  type Matrix,
  normalisesEmbedding,
  normalisesParts,
  readsStream,
} from "../../models/matrices.ts";

/** Values of the forward pass that an observer may see, in the order in which a block makes them. */
export type FloatPart =
  | "residual" // the stream before each norm, (C,)
  | "meanSquare" // mean(x^2) before each norm, (1,)
  | "normalised" // x * rsqrt(mean(x^2) + epsilon), (C,)
  | "query" // before the rotation, with the factor of the scores folded in, (H, D)
  | "key" // before the rotation, (Hkv, D)
  | "value" // (Hkv, D)
  | "scores" // q . k of one head, (positions seen,)
  | "attention" // (H, D)
  | "gate" // before the non-linearity, (F,)
  | "up" // its factor in a gated block, (F,)
  | "activated" // the non-linearity's output, times `up` where there is one, (F,)
  | "pooled" // before the pooler's tanh, (C,)
  | "logits"; // the result, (V,), (classes,) or (C,)

/** Sees every intermediate; `layer` is the count of layers for what follows the last one. */
export type FloatObserver = (part: FloatPart, layer: number, values: Float64Array) => void;

/** A running float model. A causal one may be fed in any chunks; another one takes its whole text at once. */
export interface FloatModel {
  /**
   * Feeds tokens at the next positions and returns what the model gives: from the last, the first or every token, as its head
   * says, row after row.
   */
  tokens(ids: readonly number[]): Float64Array;
  /**
   * The same from what enters the first block: the residual stream where norms come before the parts of a block, and the
   * normalised embedding, before its gamma and beta, where they come after.
   */
  hidden(rows: readonly Float64Array[]): Float64Array;
  /** Feeds one token. */
  step(token: number): Float64Array;
}

/** Which norm of the blocks, two for each, counted from 0 and without an embedding's own; and at which position. */
export interface NormPlace {
  readonly norm: number;
  readonly position: number;
}

/**
 * Starts a float forward pass at position 0.
 *
 * @param options `rsqrt`: what stands in for rsqrt(mean(x^2) + epsilon) of the blocks' norms; some published circuits have
 * constants there. `types`: the type of each token, 0 unless told.
 */
export function floatModel(
  model: FoldedModel,
  observe: FloatObserver = () => {},
  options: { rsqrt?: (meanSquare: number, place: NormPlace) => number; types?: readonly number[] } = {},
): FloatModel {
  const { config } = model;
  const { rsqrt = (meanSquare) => 1 / Math.sqrt(meanSquare + config.normEps), types = [] } = options;
  const { layers, heads, kvHeads, headWidth: D, ffnWidth: F, hiddenWidth: C, queryNorm, normPlacement: placement } =
    config;
  const queryWidth = heads * D, kvWidth = kvHeads * D, post = placement === "post", parts = normalisesParts(config);
  const cachedKeys: Float64Array[][] = model.layers.map(() => []); // (layers, positions, Hkv D)
  const cachedValues: Float64Array[][] = model.layers.map(() => []);
  let position = 0; // of the chunk's first token

  function norm(x: Float64Array, layer: number, place: { t: number; second?: boolean }): Float64Array {
    const meanSquare = dot(x, x) / C;
    const scale = rsqrt(meanSquare, { norm: 2 * layer + (place.second ? 1 : 0), position: position + place.t });
    const y = x.map((value) => value * scale);
    observe("residual", layer, x);
    observe("meanSquare", layer, Float64Array.of(meanSquare));
    observe("normalised", layer, y);
    return y;
  }

  /** x times the inverse root of another row's mean square. */
  function scaled(x: Float64Array, by: Float64Array): Float64Array {
    return x.map((value) => value / Math.sqrt(dot(by, by) / by.length + config.normEps));
  }

  /** Turns the pairs (i, i + D/2) of every head by position * frequency. */
  function rotate(x: Float64Array, at: number, layer: number): Float64Array {
    const frequencies = config.frequencies[config.rotaryKinds[layer] ?? -1];
    if (frequencies === undefined) return x;
    const y = new Float64Array(x.length);
    for (let head = 0; head < x.length; head += D) {
      for (let i = 0; i < D / 2; i++) {
        const angle = at * frequencies[i]!, a = x[head + i]!, b = x[head + i + D / 2]!;
        y[head + i] = a * Math.cos(angle) - b * Math.sin(angle);
        y[head + i + D / 2] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
    return y;
  }

  /** Columns of queries or keys, with the norms of every head or of all of them. */
  function normedHeads(row: Float64Array, from: number, to: number): Float64Array {
    const x = row.slice(from, to);
    if (queryNorm === "none") return x;
    const raw = row.slice(queryWidth + 2 * kvWidth + from, queryWidth + 2 * kvWidth + to);
    if (queryNorm === "all") return scaled(x, raw);
    const y = x.slice();
    for (let at = 0; at < x.length; at += D) y.set(scaled(x.slice(at, at + D), raw.slice(at, at + D)), at);
    return y;
  }

  /** Reads rows (T, C); returns what attention writes, and the residual columns where norms come after. */
  function attention(rows: readonly Float64Array[], layer: number): Written[] {
    const keys = cachedKeys[layer]!, values = cachedValues[layer]!;
    const projected = rows.map((row) => apply(model.layers[layer]!.qkv, row)), rotated = queryWidth + kvWidth;
    for (const [t, row] of projected.entries()) {
      const key = normedHeads(row, queryWidth, rotated), value = row.slice(rotated, rotated + kvWidth);
      observe("query", layer, row.slice(0, queryWidth));
      observe("key", layer, key);
      observe("value", layer, value);
      keys.push(rotate(key, position + t, layer));
      values.push(value);
    }
    return projected.map((row, t) => {
      const query = rotate(normedHeads(row, 0, queryWidth), position + t, layer);
      const mixed = attend(query, { layer, at: position + t });
      return { added: apply(model.layers[layer]!.out, mixed), stream: row.slice(-C) };
    });
  }

  function attend(query: Float64Array, { layer, at }: { layer: number; at: number }): Float64Array {
    const window = config.windows[layer] ?? Infinity, mixed = new Float64Array(queryWidth);
    const seen = cachedKeys[layer]!.map((_, j) => j).filter((j) =>
      Math.abs(at - j) < window && (!config.causal || j <= at)
    );
    for (let head = 0; head < heads; head++) {
      const own = head * D, shared = Math.floor(head / (heads / kvHeads)) * D; // several query heads per key head
      const scores = Float64Array.from(seen, (j) => {
        const key = cachedKeys[layer]![j]!, bias = model.scoreBias, width = 2 * config.maxPositions - 1;
        const product = dot(query.subarray(own, own + D), key.subarray(shared, shared + D));
        return product + (bias === null ? 0 : bias.data[head * width + j - at + config.maxPositions - 1]!);
      });
      observe("scores", layer, scores);
      softmax(scores).forEach((weight, i) => {
        for (let d = 0; d < D; d++) mixed[own + d]! += weight * cachedValues[layer]![seen[i]!]![shared + d]!;
      });
    }
    observe("attention", layer, mixed);
    return mixed;
  }

  function feedForward(x: Float64Array, layer: number): Written {
    const projected = apply(model.layers[layer]!.gateUp, x); // 2 F, F or F + C
    const gate = projected.subarray(0, F), up = config.gated ? projected.subarray(F, 2 * F) : null;
    const activated = gate.map((value, i) => ACTIVATIONS[config.activation]!(value) * (up?.[i] ?? 1));
    observe("gate", layer, gate);
    if (up !== null) observe("up", layer, up);
    observe("activated", layer, activated);
    return { added: apply(model.layers[layer]!.down, activated), stream: projected.slice(-C) };
  }

  /** What a part adds to the stream: normalised where norms follow the parts. */
  function part({ added }: Written): Float64Array {
    return parts ? scaled(added.slice(0, C), added.slice(C)) : added;
  }

  /** One block: of residual rows where norms come first, of normalised rows where they come last. */
  function block(rows: readonly Float64Array[], layer: number): Float64Array[] {
    if (post) {
      const attended = attention(rows, layer).map(({ added, stream }, t) => norm(add(stream, added), layer, { t }));
      return attended.map((n, t) => {
        const { added, stream } = feedForward(n, layer);
        return norm(add(stream, added), layer, { t, second: true });
      });
    }
    const first = rows.map((row, t) => readsStream(config, layer) ? row : norm(row, layer, { t }));
    const stream = rows.map((row) => row.slice(0, C)), mixed = attention(first, layer).map(part);
    const attended = stream.map((row, t) => add(row, mixed[t]!));
    return attended.map((row, t) => {
      const source = config.branches === "serial" ? row : stream[t]!;
      const read = placement === "parts"
        ? source
        : config.branches === "shared"
        ? first[t]!
        : norm(source, layer, { t, second: true });
      return add(row, part(feedForward(read, layer)));
    });
  }

  /** What follows the blocks, for one row. */
  function answer(row: Float64Array, t: number): Float64Array {
    const read = post ? row : norm(row, layers, { t });
    if (model.dense === null) return apply(model.head!, read);
    const pooled = apply(model.dense, read);
    observe("pooled", layers, pooled);
    let state: Float64Array = pooled.map((value) =>
      config.head.dense === "tanh_plus_1" ? Math.tanh(value) : ACTIVATIONS[config.head.dense!]!(value)
    );
    if (config.head.norm) {
      const centred = model.centre === null ? state : apply(model.centre, state);
      state = scaled(centred, centred);
    }
    return model.head === null ? state : apply(model.head, state);
  }

  function output(rows: readonly Float64Array[]): Float64Array {
    const { rows: which } = config.head;
    if (which === "every") return flat(rows.map(answer));
    const t = which === "first" ? 0 : rows.length - 1;
    return answer(rows[t]!, t);
  }

  function hidden(rows: readonly Float64Array[]): Float64Array {
    let x = [...rows];
    for (let layer = 0; layer < layers; layer++) x = block(x, layer);
    const result = output(x), cap = config.logitCap;
    observe("logits", layers, result);
    position += rows.length;
    return cap === null || config.head.answer !== "tokens"
      ? result
      : result.map((logit) => cap * Math.tanh(logit / cap));
  }

  const tokens = (ids: readonly number[]): Float64Array =>
    hidden(ids.map((id, t) => {
      let x: Float64Array = row(model.embed, id);
      const type = types[position + t] ?? 0;
      if (type > 0) x = add(x, row(model.embed, config.vocabCount + type - 1));
      if (model.positions !== null) x = add(x, row(model.positions, position + t));
      if (!normalisesEmbedding(config)) return x;
      observe("residual", 0, x);
      observe("meanSquare", 0, Float64Array.of(dot(x, x) / x.length));
      const y = scaled(x, x);
      observe("normalised", 0, y);
      return y;
    }));
  return { tokens, hidden, step: (token) => tokens([token]) };
}

/** What a part of a block writes, and the residual that stands beside it where norms come after. */
interface Written {
  readonly added: Float64Array;
  readonly stream: Float64Array;
}

function flat(rows: readonly Float64Array[]): Float64Array {
  return Float64Array.from(rows.flatMap((row) => [...row]));
}

/** Returns the id of the largest logit; the lowest id wins a tie. */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/** Feeds a prompt and returns `count` greedy ids, with the logits after the prompt. */
export function greedy(
  model: FloatModel,
  options: { promptIds: readonly number[]; count: number },
): { ids: number[]; promptLogits: Float64Array } {
  const promptLogits = model.tokens(options.promptIds), ids = [argmax(promptLogits)];
  while (ids.length < options.count) ids.push(argmax(model.step(ids.at(-1)!)));
  return { ids, promptLogits };
}

const ACTIVATIONS:
  & Readonly<Record<Exclude<ActivationName, "tanh_plus_1">, (x: number) => number>>
  & Record<string, (x: number) => number> = {
    quick_gelu: (x: number): number => x / (1 + Math.exp(-1.702 * x)),
    relu: (x: number): number => x > 0 ? x : 0,
    relu_squared: (x: number): number => x > 0 ? x * x : 0,
    silu: (x: number): number => x / (1 + Math.exp(-x)),
    gelu: (x: number): number => x / 2 * (1 + erf(x / Math.SQRT2)),
    gelu_tanh: (x: number): number => x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  };

/** erf(x) by its Taylor series, and 1 - erfc(x) by its continued fraction where the series would cancel; to 1e-12. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return 2 / Math.sqrt(Math.PI) * sum;
  }
  let fraction = a;
  for (let k = 60; k >= 1; k--) fraction = a + k / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / fraction);
}

function row(matrix: Matrix, index: number): Float64Array {
  const width = matrix.shape[1];
  return Float64Array.from(matrix.data.subarray(index * width, (index + 1) * width));
}

/** y = x @ M + bias, for M of shape (inputs, outputs). */
function apply(matrix: Matrix, x: Float64Array): Float64Array {
  const [inputs, outputs] = matrix.shape;
  const y = matrix.bias === null ? new Float64Array(outputs) : Float64Array.from(matrix.bias);
  for (let i = 0; i < inputs; i++) {
    const begin = i * outputs;
    for (let o = 0; o < outputs; o++) y[o]! += x[i]! * matrix.data[begin + o]!;
  }
  return y;
}

function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]!);
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function softmax(x: Float64Array): Float64Array {
  const top = x.reduce((a, b) => Math.max(a, b));
  const powers = x.map((value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((value) => value / sum);
}
