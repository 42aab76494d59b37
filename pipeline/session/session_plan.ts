/**
 * The plan of a session: which blocks exist, where they lie in the key streams, and what every lane costs.
 *
 * @module
 */

import type { Positions } from "../../core/protocols/layers/attention.ts";
import { wire } from "../../core/protocols/tensor.ts";
import { blocksOf, layerCache, outputRows, stage, stageCount, tokenRows } from "../forward/forward.ts";
import {
  answersEvery,
  assertHidesLengths,
  layerNumbers,
  type ModelSpec,
  streamBits,
  streamScale,
  streamWidth,
} from "../forward/model_spec.ts";
import { assignOwners, type BlockLayout, layoutBlock } from "../interpreters/layout.ts";
import { finish, type GateCost, PlanContext } from "../interpreters/plan.ts";

/** Public lengths of a session. */
export interface SessionShape {
  /** Prompt tokens of one request. */
  readonly promptTokens: number;
  /** Tokens to generate; 0 or 1 needs no position beyond the prompt. */
  readonly generate: number;
  /** Requests that keys are dealt for. */
  readonly requests: number;
}

/** Positions of one request: every prompt token, and every generated one but the last. */
export function positionCount(shape: Pick<SessionShape, "promptTokens" | "generate">): number {
  return shape.promptTokens + Math.max(0, shape.generate - 1);
}

/** Tokens that a text is filled up to: the next multiple of the bucket, or its own where lengths are exact. */
export function filledUp(tokens: number, bucket: number | undefined): number {
  return bucket === undefined ? tokens : bucket * Math.ceil(tokens / bucket);
}

/** The chunks of one request in order: the prompt in pieces of at most `chunkTokens`, then one token at a time. */
export function chunksOf(shape: Pick<SessionShape, "promptTokens" | "generate">, chunkTokens: number): Positions[] {
  const chunks: Positions[] = [];
  for (let from = 0; from < shape.promptTokens; from += chunkTokens) {
    chunks.push({ from, count: Math.min(chunkTokens, shape.promptTokens - from) });
  }
  for (let from = shape.promptTokens; from < positionCount(shape); from++) chunks.push({ from, count: 1 });
  return chunks;
}

/** Cost of one lane. */
export interface LaneCost {
  /** Cost of every gate. */
  readonly gates: readonly GateCost[];
  /** Yields of the lane. */
  readonly exchanges: number;
  /** Packed payload that party 0 and party 1 send. */
  readonly sentBytes: readonly [number, number];
}

/** Bytes of the session's seed and salt at the beginning of each key stream. */
export const STREAM_PREFIX_BYTES = 48;

/** Layouts that layers with equal numbers have in turn. */
const LAYOUTS = 8;

/** Layout of all blocks of one stage: by position. */
interface StageLayout {
  readonly layouts: readonly BlockLayout[];
  readonly explicitBytes: readonly [number, number];
}

/**
 * The plan of a session, from public data alone.
 *
 * @example What 32 generated tokens of GPT-2 cost beyond the prompt of 64
 * ```ts
 * import { defaultScales, namedShape, SessionPlan } from "sluice/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const config = namedShape("gpt2"), scales = defaultScales(config);
 * const model = { scope: "model", config, scales, maxPositions: 95, rounding: "nearest" } as const;
 * const plan = new SessionPlan(model, { promptTokens: 64, generate: 32, requests: 1 });
 * const token = plan.lane(1, { from: 94, count: 1 });
 *
 * assertEquals(plan.chunks(plan.shape, 128).length, 1 + 31); // the last token is not fed back
 * assertEquals(token.exchanges, 57);
 * assertEquals(Math.round(plan.positionBytes(94) / 1e6), 10); // key bytes of both parties
 * ```
 */
export class SessionPlan {
  /** What is computed. */
  readonly model: ModelSpec;
  /** Public lengths. */
  readonly shape: SessionShape;
  /** Positions of one request. */
  readonly positions: number;
  /** Blocks of one request in a stage: one per position, or one in all where the model is bidirectional. */
  readonly blocks: number;
  readonly #stages: StageLayout[] = [];
  /** Offsets of (stage, position) within a request, for both parties. */
  readonly #offsets: (readonly [Float64Array, Float64Array])[];
  /** Explicit bytes of one request in each party's stream. */
  readonly requestBytes: readonly [number, number];

  /** Plans every stage; layers with equal numbers share a few layouts. */
  constructor(model: ModelSpec, shape: SessionShape) {
    if (model.bucket !== undefined) assertHidesLengths(model);
    if (filledUp(shape.promptTokens, model.bucket) !== shape.promptTokens) {
      throw new RangeError(
        `Cannot plan a session as texts must be filled up to a multiple of ${model.bucket} tokens: received ${shape.promptTokens}`,
      );
    }
    this.model = model;
    this.shape = shape;
    this.positions = positionCount(shape);
    this.blocks = blocksOf(model, { from: 0, count: this.positions }).count;
    for (let index = 0; index < stageCount(model); index++) {
      // Layers with equal numbers have a few layouts in turn: what one leaves uneven between the streams, the next ones
      // even out.
      const equals = this.#equals(index).map((other) => this.#stages[other]!);
      this.#stages.push(equals.at(-LAYOUTS) ?? this.#layoutStage(index, equals));
    }
    this.#offsets = this.#stages.map(() => [new Float64Array(this.blocks), new Float64Array(this.blocks)] as const);
    this.requestBytes = this.#assignOffsets();
  }

  /** Bytes of each party's key stream: its seed and salt, then all blocks of all requests. */
  get keyBytes(): [number, number] {
    return [0, 1].map((p) => STREAM_PREFIX_BYTES + this.shape.requests * this.requestBytes[p as 0 | 1]) as [
      number,
      number,
    ];
  }

  /** The chunks of one request: a bidirectional model takes all of its tokens at once. */
  chunks(shape: Pick<SessionShape, "promptTokens" | "generate">, chunkTokens: number): Positions[] {
    return this.model.config.causal ? chunksOf(shape, chunkTokens) : [{ from: 0, count: shape.promptTokens }];
  }

  /** The blocks of a lane, by the position that addresses each. */
  blocksOf(positions: Positions): number[] {
    const { from, count } = blocksOf(this.model, positions);
    return Array.from({ length: count }, (_, i) => from + i);
  }

  /** Layout of the block of a stage and position. */
  layout(index: number, position: number): BlockLayout {
    return this.#stages[index]!.layouts[position]!;
  }

  /** Byte offset of a block's explicit part in a party's key stream. */
  offset(party: 0 | 1, request: number, index: number, position: number): number {
    return STREAM_PREFIX_BYTES + request * this.requestBytes[party] + this.#offsets[index]![party][position]!;
  }

  /** Explicit bytes of the blocks of one position, all stages, both parties. */
  positionBytes(position: number): number {
    let bytes = 0;
    for (const { layouts } of this.#stages) {
      bytes += layouts[position]!.explicitBytes[0] + layouts[position]!.explicitBytes[1];
    }
    return bytes;
  }

  /**
   * Cost of the lane of a chunk in a stage; computed anew at every call, as a long session has more lanes than are
   * worth keeping.
   */
  lane(index: number, positions: Positions): LaneCost {
    const { model } = this,
      context = new PlanContext(),
      last = stageCount(model) - 1,
      width = streamWidth(model, index);
    const extent = index === last ? outputRows(model, positions, width) : tokenRows(model, positions, width);
    const x = index === 0
      ? null
      : wire("plan", { ringBits: streamBits(model), scale: streamScale(model), extent }, null);
    const cache = index === 0 || index === last ? null : layerCache(model, "plan", positions.from, () => null);
    const { exchanges } = finish(stage(context, model, index, { x, cache, positions })),
      sentBytes: [number, number] = [0, 0];
    for (const gate of context.gates) {
      sentBytes[0] += gate.sentBytes[0];
      sentBytes[1] += gate.sentBytes[1];
    }
    return { gates: context.gates, exchanges, sentBytes };
  }

  /** The positions that the output stage computes for a chunk. */
  outputPositions(chunk: Positions): Positions {
    return !answersEvery(this.model) && this.model.config.causal
      ? { from: chunk.from + chunk.count - 1, count: 1 }
      : chunk;
  }

  /** Whether the output of a chunk is wanted: not before the prompt's end. */
  emits(chunk: Positions, promptTokens: number): boolean {
    return answersEvery(this.model) || chunk.from + chunk.count >= promptTokens;
  }

  /** The earlier layers with the same numbers. */
  #equals(index: number): number[] {
    if (index <= 1 || index === stageCount(this.model) - 1) return [];
    const numbers = (layer: number): string => JSON.stringify(layerNumbers(this.model, layer));
    const own = numbers(index - 1), found: number[] = [];
    for (let other = 1; other < index; other++) if (numbers(other - 1) === own) found.push(other);
    return found;
  }

  /** @param before Stages whose streams this one shall even out. */
  #layoutStage(index: number, before: readonly StageLayout[]): StageLayout {
    const bits = (party: 0 | 1): number => before.reduce((sum, { explicitBytes }) => sum + 8 * explicitBytes[party], 0);
    const { gates } = this.lane(index, { from: 0, count: this.positions }),
      owners = assignOwners(gates, [bits(0), bits(1)]);
    const layouts = Array.from({ length: this.blocks }, (_, block) => layoutBlock(gates, block, owners));
    const explicitBytes = [0, 1].map((p) => layouts.reduce((sum, layout) => sum + layout.explicitBytes[p]!, 0)) as [
      number,
      number,
    ];
    return { layouts, explicitBytes };
  }

  /** Orders blocks as an ideal run reads them: the prompt stage by stage, then position by position. */
  #assignOffsets(): [number, number] {
    const next: [number, number] = [0, 0];
    const place = (index: number, position: number): void => {
      for (const party of [0, 1] as const) {
        this.#offsets[index]![party][position] = next[party];
        next[party] += this.#stages[index]!.layouts[position]!.explicitBytes[party];
      }
    };
    for (const chunk of this.chunks(this.shape, this.shape.promptTokens)) {
      for (let index = 0; index < this.#stages.length; index++) {
        for (const position of this.blocksOf(chunk)) place(index, position);
      }
    }
    return next;
  }
}
