/**
 * Runs a tiny session of its own on an engine, dealer and both parties in one process, so that the first real exchange does not pay for compilation.
 *
 * The model, keys and input are random or public and thrown away.
 *
 * @module
 */

import type { Channel, ChannelStats, Lane } from "../core/channel.ts";
import type { Engine, Weights } from "../core/engine.ts";
import { Seed } from "../core/prg/seed.ts";
import type { ModelConfig } from "../models/config.ts";
import { dealSession } from "./dealer.ts";
import { type ModelSpec, weightRefs } from "./model_spec.ts";
import { defaultScales } from "./scales.ts";
import { PartySession } from "./session.ts";
import { SessionPlan } from "./session_plan.ts";

/** A model of the shape of the real ones, only smaller. */
const TINY: ModelConfig = {
  architecture: "LlamaForCausalLM",
  layers: 2,
  hiddenWidth: 32,
  heads: 2,
  kvHeads: 1,
  headWidth: 16,
  ffnWidth: 48,
  vocabCount: 32,
  maxPositions: 64,
  normEps: 1e-5,
  ropeTheta: 10000,
  tiedEmbeddings: true,
  stopTokenIds: [],
  family: "llama",
  norm: "rms",
  normPlacement: "pre",
  positions: "rotary",
  causal: true,
  windows: [null, null],
  activation: "silu",
  gated: true,
  head: "tokens",
  classCount: 0,
  labels: [],
};

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
    if (message.length > 0) this.peer!.deliver(`${lane.request}/${lane.step}/${lane.layer}/${exchange}`, message);
  }
  deliver(name: string, message: Uint8Array): void {
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) this.#mine.set(name, message);
    else waiting(message);
  }
  take(lane: Lane, exchange: number, expectedBytes: number): Uint8Array | Promise<Uint8Array> {
    if (expectedBytes === 0) return new Uint8Array(0);
    const name = `${lane.request}/${lane.step}/${lane.layer}/${exchange}`, message = this.#mine.get(name);
    return message ?? new Promise((resolve) => this.#waiting.set(name, resolve));
  }
  close(): void {}
}

/** Warms an engine and the code that drives it. */
export async function warmUp(engine: Engine): Promise<void> {
  const scales = defaultScales(TINY),
    model: ModelSpec = { scope: "model", config: TINY, scales, maxPositions: 16, rounding: "nearest" },
    shape = { promptTokens: 6, generate: 8, requests: 1 };
  const plan = new SessionPlan(model, shape),
    streams = plan.keyBytes.map((bytes) => new Uint8Array(bytes)),
    seeds = [Seed.random(), Seed.random()] as const;
  const weights = new Map<string, Weights>(
    weightRefs(model).map((
      ref,
    ) => [ref.name, engine.weights(new Uint32Array(ref.inputs * ref.outputs), ref.inputs, ref.outputs)]),
  );
  await dealSession(plan, {
    seeds,
    salt: new Uint8Array(16),
    maskProduct: (ref, _x, rows) => new Uint32Array(rows * ref.outputs),
  }, {
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
  sessions[1]!.prepare([shape]);
  const input = ({ count }: { count: number }): Uint32Array => new Uint32Array(count * TINY.vocabCount);
  await Promise.all([sessions[0]!.run([shape], null, () => {}), sessions[1]!.run([shape], [{ input }], () => {})]);
}
