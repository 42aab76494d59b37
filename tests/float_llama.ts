/**
 * The float twin of the secure forward pass: one token at a time, in doubles, with a key-value cache. It is the definition
 * of what a folded model computes; the fixed-point oracle is compared with it, and it is never part of a secure run.
 */
import type { FoldedModel, Matrix } from "../models/fold.ts";

/** Values of the forward pass that an observer may see, in the order in which a block makes them. */
export type FloatPart =
  | "residual" // the stream before each norm, (C,)
  | "meanSquare" // mean(x^2) before each norm, (1,)
  | "normalised" // x * rsqrt(mean(x^2) + epsilon), (C,)
  | "query" // before the rotation, with 1/sqrt(D) folded in, (H, D)
  | "key" // before the rotation, (Hkv, D)
  | "value" // (Hkv, D)
  | "scores" // q . k of one head, (positions so far,)
  | "attention" // (H, D)
  | "gate" // before silu, (F,)
  | "up" // (F,)
  | "activated" // silu(gate) * up, (F,)
  | "logits"; // (V,)

/** Sees every intermediate; `layer` is the count of layers for what follows the last one. */
export type FloatObserver = (part: FloatPart, layer: number, values: Float64Array) => void;

/** A running float model. */
export interface FloatLlama {
  /** Feeds one token at the next position and returns its logits, shape (V,). */
  step(token: number): Float64Array;
}

/** Starts a float forward pass at position 0. */
export function floatLlama(model: FoldedModel, observe: FloatObserver = () => {}): FloatLlama {
  const { layers, heads, kvHeads, headWidth: D, ffnWidth: F, hiddenWidth: C, normEps, ropeTheta } = model.config;
  const queryWidth = heads * D, kvWidth = kvHeads * D;
  const cachedKeys: Float64Array[][] = model.layers.map(() => []); // (layers, positions, Hkv D)
  const cachedValues: Float64Array[][] = model.layers.map(() => []);
  let position = 0;

  function norm(x: Float64Array, layer: number): Float64Array {
    const meanSquare = x.reduce((sum, value) => sum + value * value, 0) / C;
    const scale = 1 / Math.sqrt(meanSquare + normEps);
    const y = x.map((value) => value * scale);
    observe("residual", layer, x);
    observe("meanSquare", layer, Float64Array.of(meanSquare));
    observe("normalised", layer, y);
    return y;
  }

  /** Turns the pairs (i, i + D/2) of every head by position * ropeTheta^(-2i/D). */
  function rotate(x: Float64Array): Float64Array {
    const y = new Float64Array(x.length);
    for (let head = 0; head < x.length; head += D) {
      for (let i = 0; i < D / 2; i++) {
        const angle = position * ropeTheta ** (-2 * i / D);
        const a = x[head + i]!, b = x[head + i + D / 2]!;
        y[head + i] = a * Math.cos(angle) - b * Math.sin(angle);
        y[head + i + D / 2] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
    return y;
  }

  function attention(x: Float64Array, layer: number): Float64Array {
    const qkv = apply(model.layers[layer]!.qkv, x); // (H + 2 Hkv) D
    const query = qkv.slice(0, queryWidth);
    const key = qkv.slice(queryWidth, queryWidth + kvWidth);
    const value = qkv.slice(queryWidth + kvWidth);
    observe("query", layer, query);
    observe("key", layer, key);
    observe("value", layer, value);
    const keys = cachedKeys[layer]!, values = cachedValues[layer]!;
    keys.push(rotate(key));
    values.push(value);
    const rotated = rotate(query);
    const mixed = new Float64Array(queryWidth);
    for (let head = 0; head < heads; head++) {
      const own = head * D, shared = Math.floor(head / (heads / kvHeads)) * D; // several query heads per key head
      const scores = Float64Array.from(
        keys,
        (k) => dot(rotated.subarray(own, own + D), k.subarray(shared, shared + D)),
      );
      observe("scores", layer, scores);
      softmax(scores).forEach((weight, t) => {
        for (let d = 0; d < D; d++) mixed[own + d]! += weight * values[t]![shared + d]!;
      });
    }
    observe("attention", layer, mixed);
    return apply(model.layers[layer]!.out, mixed);
  }

  function feedForward(x: Float64Array, layer: number): Float64Array {
    const gateUp = apply(model.layers[layer]!.gateUp, x); // 2 F
    const gate = gateUp.subarray(0, F), up = gateUp.subarray(F);
    const activated = gate.map((value, i) => value / (1 + Math.exp(-value)) * up[i]!);
    observe("gate", layer, gate);
    observe("up", layer, up);
    observe("activated", layer, activated);
    return apply(model.layers[layer]!.down, activated);
  }

  return {
    step: (token) => {
      let x: Float64Array = Float64Array.from(model.embed.data.subarray(token * C, (token + 1) * C));
      for (let layer = 0; layer < layers; layer++) {
        x = add(x, attention(norm(x, layer), layer));
        x = add(x, feedForward(norm(x, layer), layer));
      }
      const logits = apply(model.head, norm(x, layers));
      observe("logits", layers, logits);
      position++;
      return logits;
    },
  };
}

/** Returns the id of the largest logit; the lowest id wins a tie. */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/** Feeds a prompt and returns `count` greedy ids, with the logits after the prompt. */
export function greedy(
  llama: FloatLlama,
  options: { promptIds: readonly number[]; count: number },
): { ids: number[]; promptLogits: Float64Array } {
  let logits: Float64Array = new Float64Array();
  for (const id of options.promptIds) logits = llama.step(id);
  const promptLogits = logits, ids = [argmax(logits)];
  while (ids.length < options.count) ids.push(argmax(llama.step(ids.at(-1)!)));
  return { ids, promptLogits };
}

/** y = x @ M, for M of shape (inputs, outputs). */
function apply(matrix: Matrix, x: Float64Array): Float64Array {
  const [inputs, outputs] = matrix.shape;
  const y = new Float64Array(outputs);
  for (let i = 0; i < inputs; i++) {
    const row = i * outputs;
    for (let o = 0; o < outputs; o++) y[o]! += x[i]! * matrix.data[row + o]!;
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
