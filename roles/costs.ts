/**
 * What a session costs, from its plan alone.
 *
 * @module
 */

import { STREAMS } from "../core/protocols/cost.ts";
import { recordBits } from "../core/protocols/key.ts";
import { stageCount } from "../pipeline/forward/forward.ts";
import type { GateCost } from "../pipeline/interpreters/plan.ts";
import type { SessionPlan } from "../pipeline/session/session_plan.ts";

/** What something costs; key bytes of both parties together or apart. */
export interface Cost<K> {
  /** Bytes in the key streams. */
  keyBytes: K;
  /** Bytes that party 0 and party 1 send. */
  sentBytes: [number, number];
  /** Exchanges of all lanes. */
  exchanges: number;
}

/** Cost of one gate, over the lanes of every layer. */
export interface GateTotal extends Cost<number> {
  /** Path of the gate within its stage. */
  gate: string;
  /** What it is. */
  primitive: string;
}

/** Cost of one stage, over the lanes of one request. */
export interface StageTotal extends Cost<[number, number]> {
  /** `input`, `layer 0` and so on, `output`. */
  stage: string;
}

/** What a session costs. */
export interface PlanTotals extends Readonly<Cost<[number, number]>> {
  /** Exchanges of one lane: the largest over layers. */
  readonly exchangesPerLayer: number;
  /** By gate. */
  readonly perGate: readonly GateTotal[];
  /** By stage. */
  readonly perLayer: readonly StageTotal[];
}

/** Name of a stage. */
export function stageName(stage: number, stages: number): string {
  return stage === 0 ? "input" : stage === stages - 1 ? "output" : `layer ${stage - 1}`;
}

/**
 * Adds up what a session costs, without running it.
 *
 * @param chunkTokens Prompt tokens that go through a layer together.
 */
export function planTotals(plan: SessionPlan, chunkTokens: number): PlanTotals {
  const stages = stageCount(plan.model),
    last = stages - 1,
    sentBytes: [number, number] = [0, 0],
    gates = new Map<string, GateTotal>(),
    perLayer: StageTotal[] = [];
  let exchanges = 0, exchangesPerLayer = 0;
  const chunks = plan.chunks(plan.shape, chunkTokens), { requests } = plan.shape;
  for (let index = 0; index <= last; index++) {
    const layer: StageTotal = { stage: stageName(index, stages), sentBytes: [0, 0], exchanges: 0, keyBytes: [0, 0] };
    for (const chunk of chunks) {
      if (index === last && !plan.emits(chunk, plan.shape.promptTokens)) continue;
      const cost = plan.lane(index, index === last ? plan.outputPositions(chunk) : chunk);
      layer.exchanges += cost.exchanges;
      for (const p of [0, 1] as const) layer.sentBytes[p] += cost.sentBytes[p];
      if (index > 0 && index < last) exchangesPerLayer = Math.max(exchangesPerLayer, cost.exchanges);
      addGates(gates, cost.gates);
    }
    for (let position = 0; position < plan.blocks; position++) {
      const { explicitBytes } = plan.layout(index, position);
      for (const p of [0, 1] as const) layer.keyBytes[p] += explicitBytes[p];
    }
    exchanges += requests * layer.exchanges;
    for (const p of [0, 1] as const) sentBytes[p] += requests * layer.sentBytes[p];
    perLayer.push(layer);
  }
  return { keyBytes: plan.keyBytes, sentBytes, exchanges, exchangesPerLayer, perGate: [...gates.values()], perLayer };
}

function addGates(gates: Map<string, GateTotal>, costs: readonly GateCost[]): void {
  for (const cost of costs) {
    let total = gates.get(cost.path);
    if (total === undefined) {
      gates.set(
        cost.path,
        total = { gate: cost.path, primitive: cost.primitive, keyBytes: 0, sentBytes: [0, 0], exchanges: 0 },
      );
    }
    for (const { kind, fields, counts } of cost.records) {
      const streams = STREAMS[kind], bits = recordBits(fields);
      // As the blocks store it: every record of a block begins at a multiple of four bytes.
      for (const count of counts) total.keyBytes += streams * 4 * Math.ceil(count * bits / 32);
    }
    for (const p of [0, 1] as const) total.sentBytes[p] += cost.sentBytes[p];
    total.exchanges += cost.opens.length;
  }
}
