/**
 * Runs a tiny session of its own on an engine, dealer and both parties in one process, so that no real exchange pays
 * for compilation.
 *
 * Its weights and input are zeros and its keys are thrown away.
 *
 * @module
 */

import type { Channel, ChannelStats, Lane } from "../../core/channel.ts";
import type { Engine, Weights } from "../../core/engine.ts";
import { Seed } from "../../core/prg/seed.ts";
import type { WeightRef } from "../../core/protocols/key.ts";
import { dealSession } from "./dealer.ts";
import { embeddingShape } from "../../models/matrices.ts";
import type { ModelConfig } from "../../models/model_config.ts";
import { matrixWords, type ModelSpec, weightRefs } from "../forward/model_spec.ts";
import { type NormName, normPlaces } from "../forward/norm_places.ts";
import { PartySession, type RequestShape } from "./session.ts";
import { SessionPlan } from "./session_plan.ts";

/**
 * Text of the tiny session: enough rows for the kernels that tile them, and where the model generates, single rows too.
 * Elsewhere several requests make the code as warm as the tokens do.
 */
const PROMPT_TOKENS = 12, GENERATE = 8, REQUESTS = 6, BUCKET = 4;

/** A tiny model with what decides which kernels the real one runs: its family, rings, windows and rounding. */
function miniature({ scope, config, scales, rounding, bucket }: ModelSpec): ModelSpec {
  const layers = Math.min(2, config.layers), kvHeads = config.kvHeads < config.heads ? 1 : 2, { head } = config;
  const tiny: ModelConfig = {
    ...config,
    layers,
    hiddenWidth: 32,
    embeddingWidth: config.embeddingWidth === config.hiddenWidth ? 32 : 16,
    heads: 2,
    kvHeads,
    headWidth: 16,
    ffnWidth: 48,
    vocabCount: 32,
    maxPositions: 64,
    windows: config.windows.slice(0, layers),
    frequencies: config.frequencies.map((own) => Array.from({ length: 8 }, (_, i) => own[i] ?? 0)),
    rotaryKinds: config.rotaryKinds.slice(0, layers),
    head: { ...head, outputs: Math.min(head.outputs, 32) },
  };
  const places = normPlaces(config), normOf = (name: NormName) => places.findIndex((place) => place.name === name);
  return {
    scope,
    config: tiny,
    scales: { ...scales, norms: normPlaces(tiny).map(({ name }) => scales.norms[normOf(name)]!) },
    maxPositions: 64,
    rounding,
    ...(bucket === undefined ? {} : { bucket: BUCKET }),
  };
}

/** Both ends of a link within one process: no sockets, no seals. */
class Loopback implements Channel {
  readonly party: 0 | 1;
  readonly stats: ChannelStats = { frames: 0, wireBytes: 0, payloadBytes: 0 };
  readonly #mine = new Map<string, Uint8Array>();
  readonly #waiting = new Map<string, (message: Uint8Array) => void>();
  peer: Loopback | null = null;

  constructor(party: 0 | 1) {
    this.party = party;
  }
  post(lane: Lane, exchange: number, payload: readonly Uint8Array[]): void {
    const message = new Uint8Array(payload.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of payload) {
      message.set(part, at);
      at += part.length;
    }
    if (message.length > 0) this.peer!.deliver(`${lane.request}/${lane.step}/${lane.stage}/${exchange}`, message);
  }
  deliver(name: string, message: Uint8Array): void {
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) this.#mine.set(name, message);
    else waiting(message);
  }
  take(lane: Lane, exchange: number, expectedBytes: number): Uint8Array | Promise<Uint8Array> {
    if (expectedBytes === 0) return new Uint8Array(0);
    const name = `${lane.request}/${lane.step}/${lane.stage}/${exchange}`, message = this.#mine.get(name);
    return message ?? new Promise((resolve) => this.#waiting.set(name, resolve));
  }
  close(): void {}
}

/**
 * Warms an engine and the code that drives it for a model.
 *
 * @param model The model that will be run; its size does not matter.
 */
export async function warmUp(engine: Engine, model: ModelSpec): Promise<void> {
  const tiny = miniature(model),
    generates = tiny.scope === "model" && tiny.config.causal,
    shape = { promptTokens: PROMPT_TOKENS, generate: generates ? GENERATE : 0, requests: generates ? 1 : REQUESTS };
  const plan = new SessionPlan(tiny, shape),
    streams = plan.keyBytes.map((bytes) => new Uint8Array(bytes)),
    seeds = [Seed.random(), Seed.random()] as const;
  const weights = new Map<string, Weights>(
    weightRefs(tiny).map((ref) => {
      const { name, inputs, outputs } = ref, width = matrixWords(tiny, ref);
      return [name, engine.weights(new Uint32Array(inputs * outputs * width), inputs, outputs, width)];
    }),
  );
  const maskProduct = (ref: WeightRef, x: Uint32Array): Uint32Array =>
    new Uint32Array(x.length / ref.inputs * ref.outputs);
  await dealSession(plan, { seeds, salt: new Uint8Array(16), maskProduct }, {
    write: (party, bytes, offset) => Promise.resolve(streams[party]!.set(bytes, offset)),
  });
  const links = [new Loopback(0), new Loopback(1)] as const;
  links[0].peer = links[1];
  links[1].peer = links[0];
  const sessions = links.map((channel) =>
    new PartySession({
      plan,
      engine,
      channel,
      keys: {
        read: (into, offset) =>
          Promise.resolve(into.set(streams[channel.party]!.subarray(offset, offset + into.length))),
      },
      seed: seeds[channel.party],
      salt: new Uint8Array(16),
      weights: (name) => weights.get(name)!,
      constants: null,
      chunkTokens: 128,
      windowBytes: 1 << 24,
      now: () => 0,
    })
  );
  const shapes = new Array<RequestShape>(shape.requests).fill(shape);
  sessions[1]!.prepare(shapes);
  const width = tiny.scope === "model" ? embeddingShape(tiny.config)[0] : tiny.config.hiddenWidth,
    prompt = ({ count }: { count: number }): Uint32Array => new Uint32Array(count * width),
    token = prompt({ count: 1 });
  const drive = async (party: 0 | 1): Promise<void> => {
    const run = sessions[party]!.run(shapes, party === 0 ? null : shapes.map(() => ({ prompt })));
    while (!(await run.next(party === 0 ? null : token)).done);
  };
  await Promise.all([drive(0), drive(1)]);
}
