/**
 * One lane as a benchmark: its keys are dealt on random masks, and both parties run it in lockstep in this process, without a network.
 *
 * Inputs are random words: what a party computes on takes the same time whatever it means. Both parties share one thread, so a figure is the work of both.
 *
 * @module
 */

import type { CacheHandle, Engine, Handle, KeyMemory } from "../core/engine.ts";
import { Seed } from "../core/prg/seed.ts";
import type { Gate } from "../core/protocols/opening.ts";
import type { Context } from "../core/protocols/primitive.ts";
import {
  type Cache,
  elementCount,
  type Extent,
  type Kinds,
  type View,
  type Wire,
  wire,
} from "../core/protocols/tensor.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import { stage, tokenRows } from "../pipeline/forward/forward.ts";
import type { Positions } from "../core/protocols/layers/attention.ts";
import { type ModelSpec, streamBits, streamScale } from "../pipeline/forward/model.ts";
import { DealContext, LaneDealer } from "../pipeline/interpreters/deal.ts";
import { assignOwners, layoutBlock, placeBlocks, seedStreams } from "../pipeline/interpreters/layout.ts";
import { PartyContext, type PartyLane } from "../pipeline/interpreters/party.ts";
import { finish, PlanContext } from "../pipeline/interpreters/plan.ts";

/** What a lane reads: wires of these rings and extents. */
export interface LaneInput {
  readonly ringBits: number;
  readonly scale: number;
  readonly extent: Extent;
}

/** One lane, written once for all views. */
export interface LaneCase {
  readonly inputs: readonly LaneInput[];
  /** Tokens that a cache holds before the lane. */
  readonly cachedTokens?: number;
  /** Tokens that the lane appends to a cache; by default one for each block. */
  readonly tokens?: number;
  readonly run: <V extends View>(
    ctx: Context<V>,
    x: readonly Wire<V>[],
    cache: (name: string, width: number) => Cache<V>,
  ) => Gate<Kinds<V>["wire" | "squares" | "share" | "operand"]>;
}

/** The gate of a lane at a party. */
export type LaneGate = Gate<Kinds<"masked">["wire" | "squares" | "share" | "operand"]>;

/** A lane with its keys. */
export interface DealtLane {
  /** Exchanges of the lane. */
  readonly exchanges: number;
  /** Explicit key bytes of party 0 and party 1. */
  readonly explicitBytes: readonly [number, number];
  /** All key bytes in memory, of party 0 and party 1. */
  readonly keyBytes: readonly [number, number];
  /** Packed payload that party 0 and party 1 send. */
  readonly sentBytes: readonly [number, number];
  /** Deals its keys once more, for the time that takes. */
  deal(): void;
  /** Makes a party: its weights and input. */
  party(party: 0 | 1, engine: Engine): LaneParty;
}

/** One party of a lane. */
export interface LaneParty {
  /** Its arithmetic. */
  readonly engine: Engine;
  /** Loads the lane's keys: explicit parts, then the expanded seed parts. */
  load(): KeyMemory;
  /** Begins to run the lane with keys that were loaded; its caches stay. */
  start(memory: KeyMemory): LaneGate;
}

/** Engines of both parties, one thread each; the first one is the dealer's too. */
export const ENGINES: readonly [Engine, Engine] = [
  await createWasmEngine({ threads: 1 }),
  await createWasmEngine({ threads: 1 }),
];

function randomWords(count: number, ringBits: number): Uint32Array {
  const words = new Uint32Array(count);
  for (let at = 0; at < count; at += 16384) crypto.getRandomValues(words.subarray(at, Math.min(count, at + 16384)));
  return ringBits >= 32 ? words : words.map((word) => word & (2 ** ringBits - 1));
}

/** Finishes a gate under an interpreter that exchanges nothing. */
function complete<T>(gate: Gate<T>): T {
  return finish(gate).value;
}

/** Plans a lane and deals its keys, with the dealer's products on `ENGINES[0]`. */
export function dealLane(lane: LaneCase): DealtLane {
  const { inputs, cachedTokens = 0 } = lane,
    plan = new PlanContext(),
    base = { kind: "cache", ringBits: 32, scale: 10 } as const;
  const planned = finish(
    lane.run(plan, inputs.map((x) => wire("plan", x, null)), (_name, width) => ({
      ...base,
      view: "plan",
      width,
      tokens: cachedTokens,
      data: null,
    })),
  );
  const blocks = Math.max(...plan.gates.flatMap(({ records }) => records.map(({ counts }) => counts.length))),
    owners = assignOwners(plan.gates),
    layouts = Array.from({ length: blocks }, (_, b) => layoutBlock(plan.gates, b, owners)),
    addresses = layouts.map((_, position) => ({ request: 0, position, stage: 1 }));
  const seeds = [Seed.random(), Seed.random()] as const,
    salt = crypto.getRandomValues(new Uint8Array(16)),
    refs = new Map(
      plan.gates.flatMap(({ weights }) => weights === undefined ? [] : [[weights.name, weights] as const]),
    );
  const words = new Map([...refs].map(([name, ref]) => [name, randomWords(ref.inputs * ref.outputs, 32)])),
    weightsOf = (engine: Engine) =>
      new Map([...refs].map(([name, ref]) => [name, engine.weights(words.get(name)!, ref.inputs, ref.outputs)])),
    dealerWeights = weightsOf(ENGINES[0]);

  const masks = inputs.map((x) => randomWords(elementCount(x.extent), x.ringBits)),
    cachedMasks = new Map<string, Uint32Array>();
  const deal = (): LaneDealer => {
    const [engine] = ENGINES,
      dealer = new LaneDealer(
        {
          seeds,
          salt,
          maskProduct(ref, x) {
            const scope = engine.begin(),
              product = engine.download(
                engine.multiplyWeights(engine.upload(x), dealerWeights.get(ref.name)!),
              ) as Uint32Array;
            scope.end([]);
            return product;
          },
        },
        layouts,
        addresses,
      );
    complete(
      lane.run(
        new DealContext(dealer),
        inputs.map((x, i) => wire("mask", x, masks[i]!)),
        (name, width) => {
          const data = cachedMasks.get(name) ?? randomWords(cachedTokens * width, 32);
          cachedMasks.set(name, data);
          return { ...base, view: "mask", width, tokens: cachedTokens, data };
        },
      ),
    );
    return dealer;
  };

  const dealt = deal(),
    pair = <T>(of: (party: 0 | 1) => T): [T, T] => [of(0), of(1)],
    explicitBytes = pair((party) => layouts.reduce((sum, layout) => sum + layout.explicitBytes[party], 0)),
    keyBytes = pair((party) =>
      explicitBytes[party] + layouts.reduce((sum, layout) => sum + layout.seedBytes[party], 0)
    );
  const party = (party: 0 | 1, engine: Engine): LaneParty => {
    const weights = weightsOf(engine), caches = new Map<string, CacheHandle>();
    const { blocks: placed } = placeBlocks(layouts, party);
    const x = inputs.map((input): Handle => engine.upload(randomWords(elementCount(input.extent), input.ringBits)));
    return {
      engine,
      load() {
        const memory = engine.keyMemory(keyBytes[party]), explicit = memory.view(0, explicitBytes[party]);
        placed.forEach(({ explicitAt }, b) => explicit.set(dealt.blocks[b]!.explicit[party], explicitAt));
        engine.expand(seeds[party].expose(), memory, seedStreams(placed, addresses, party));
        return memory;
      },
      start(memory) {
        const partyLane: PartyLane = {
          party,
          engine,
          memory,
          blocks: placed,
          salt,
          weights: (ref) => weights.get(ref.name)!,
          constants: null,
          prepared: new Map(),
          input: null,
          realTokens: null,
          keepCoins: null,
        };
        return lane.run(
          new PartyContext(partyLane),
          inputs.map((input, i) => wire("masked", input, x[i]!)),
          (name, width) => {
            let data = caches.get(name);
            if (data === undefined) {
              caches.set(name, data = engine.cache(cachedTokens + (lane.tokens ?? blocks), width));
              const old = engine.upload(randomWords(cachedTokens * width, 32));
              if (cachedTokens > 0) engine.store(party, data, 0, old, old);
            }
            return { ...base, view: "masked", width, tokens: cachedTokens, data };
          },
        );
      },
    };
  };
  return {
    exchanges: planned.exchanges,
    explicitBytes,
    keyBytes,
    sentBytes: pair((party) => plan.gates.reduce((sum, gate) => sum + gate.sentBytes[party], 0)),
    deal: () => void deal(),
    party,
  };
}

/** A layer's lane: `count` tokens from position `from` on, those before in the cache. */
export function layerCase(model: ModelSpec, positions: Positions): LaneCase {
  const { config } = model, width = config.kvHeads * config.headWidth;
  const extent = tokenRows(model, positions, config.hiddenWidth);
  return {
    inputs: [{ ringBits: streamBits(model), scale: streamScale(model), extent }],
    cachedTokens: positions.from,
    tokens: positions.count,
    run: (ctx, [x], cache) =>
      stage(ctx, model, 1, {
        x: x!,
        cache: { keys: cache("keys", width), values: cache("values", width) },
        positions,
      }),
  };
}

/** Runs both parties of a lane in lockstep, on engines that need not be waited for. */
export function runLockstep(parties: readonly LaneParty[], memories: readonly KeyMemory[]): void {
  const scopes = parties.map(({ engine }) => engine.begin()),
    gates = parties.map((party, i) => party.start(memories[i]!));
  for (let answers: Uint8Array[][] = [[], []];;) {
    const [mine, theirs] = gates.map((gate, party) => gate.next(answers[party]!));
    if (mine!.done || theirs!.done) break;
    answers = [
      theirs!.value.map(({ share, bits }) => packed(parties[1]!.engine, share, bits[0])),
      mine!.value.map(({ share, bits }) => packed(parties[0]!.engine, share, bits[1])),
    ];
  }
  for (const scope of scopes) scope.end([]);
}

/** Registers a benchmark of the dealer and one of both parties for a lane; the names tell key bytes, sent bytes and exchanges. */
export function benchLane(name: string, lane: LaneCase): void {
  const dealt = dealLane(lane),
    parties = ENGINES.map((engine, party) => dealt.party(party as 0 | 1, engine)),
    memories = parties.map((party) => party.load());

  const [kilobytes0, kilobytes1] = dealt.explicitBytes.map((bytes) => (bytes / 1000).toFixed(1)),
    sent = (dealt.sentBytes[0] + dealt.sentBytes[1]) / 1000;
  Deno.bench(`${name}: deal (keys ${kilobytes0} and ${kilobytes1} kB)`, () => {
    dealt.deal();
  });
  Deno.bench(`${name}: run (both send ${sent.toFixed(1)} kB in ${dealt.exchanges} exchanges)`, () => {
    runLockstep(parties, memories);
  });
}

/** What a party sends of an opening. */
function packed(engine: Engine, share: Handle | null, bits: number): Uint8Array {
  return share === null || bits === 0 ? new Uint8Array(0) : engine.pack(share, bits) as Uint8Array;
}
