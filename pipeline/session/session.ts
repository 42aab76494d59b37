/**
 * A party's session: the forward pass as a stream of stages, one Web Streams stage per layer, with chunks and requests
 * flowing through.
 *
 * @module
 */

import type { Channel } from "../../core/channel.ts";
import type { Engine, Handle, KeyMemory, RecordView, Scope, Weights } from "../../core/engine.ts";
import { fromBigInts, signExtend, toBigInts } from "../../core/ring/words.ts";
import { KeyError } from "../../core/errors.ts";
import type { Seed } from "../../core/prg/seed.ts";
import type { AttentionCache, Positions } from "../../core/protocols/layers/attention.ts";
import { findRecord } from "../../core/protocols/key.ts";
import type { Wire } from "../../core/protocols/tensor.ts";
import type { CoinRecord } from "../interpreters/coins.ts";
import { layerCache, stage, stageCount, wanted } from "../forward/forward.ts";
import { expandLane, type KeySource, KeyWindow, type LaneAddress, laneName, placeLane } from "./key_window.ts";
import { PartyContext, type PartyLane, recordView } from "../interpreters/party.ts";
import { noCounts, runLane, type RunnerCounts } from "../interpreters/runner.ts";
import type { SessionPlan } from "./session_plan.ts";

/** What a party brings to a session. */
export interface SessionOptions {
  /** The plan that the keys were dealt for. */
  readonly plan: SessionPlan;
  /** This party's arithmetic. */
  readonly engine: Engine;
  /** The link to the other party. */
  readonly channel: Channel;
  /** This party's key stream. */
  readonly keys: KeySource;
  /** This party's session seed. */
  readonly seed: Seed;
  /** Session salt of the tree DPF's node PRG, 16 bytes. */
  readonly salt: Uint8Array;
  /** W at party 0, Ŵ at party 1, by name. */
  readonly weights: (name: string) => Weights;
  /** Party 0's biases and learned positions by name; null at party 1. */
  readonly constants: ((name: string) => Int32Array) | null;
  /** Prompt tokens of one lane; public. */
  readonly chunkTokens: number;
  /** Key bytes that may be loaded ahead. */
  readonly windowBytes: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
  /** Called after every lane, for progress. */
  readonly onLane?: () => void;
  /** Takes the public coins of dithered rounding, at party 1. */
  readonly coins?: CoinRecord | undefined;
}

/** Public lengths of one request. */
export interface RequestShape {
  /** Tokens of the prompt. */
  readonly promptTokens: number;
  /** Tokens to generate. */
  readonly generate: number;
}

/** What the client alone knows of a request. */
export interface ClientRequest {
  /** The words of a chunk of its prompt, mod 2^32, shape (T, V) or (T, C); asked for when the chunk enters. */
  readonly prompt: (chunk: Positions) => Uint32Array;
  /** How many tokens of the prompt are real, where the plan hides padding; all unless said otherwise. */
  readonly realTokens?: number;
}

/** One output of a session. */
export interface Output {
  /** Number of the request. */
  readonly request: number;
  /** Revealed integers at the client, shape (V) or (T, C); null at party 0. */
  readonly words: Uint32Array | null;
}

/** One chunk on its way through the stages. */
interface Item {
  readonly request: number;
  readonly positions: Positions;
  readonly promptTokens: number;
  readonly scope: Scope;
  readonly input: Uint32Array | null;
  readonly realTokens: number | null;
  readonly x: Wire<"masked"> | null;
  /** Size for back-pressure. */
  readonly bytes: number;
}

/** A chunk of one request, in the order of admission. */
interface Chunk {
  readonly request: number;
  readonly positions: Positions;
  /** Part of the prompt: its input does not depend on an output. */
  readonly prompt: boolean;
}

/**
 * Bytes that may wait between two stages, so that prompts of many requests do not pile up before a slow one: 4 MiB hold
 * a chunk of 128 tokens of 8192 values, and an empty queue takes any.
 */
const QUEUE_BYTES = 1 << 22;

/**
 * Prepared products that party 1 keeps, in elements: 256 MiB of 32-bit ones, of what a machine can spare. What is not
 * prepared is made when its lane runs.
 */
const MAX_PREPARED_ELEMENTS = 1 << 26;

/**
 * One party's side of a session.
 *
 * @example A layer whose weights are zero gives its input back
 * ```ts
 * import { createReferenceEngine, memoryPair, namedShape } from "sluice/mod.ts";
 * import { dealSession, defaultScales, PartySession, Seed, SessionPlan, weightRefs } from "sluice/gates.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const config = namedShape("llama-tiny", { layers: 1 }), scales = defaultScales(config);
 * const model = { scope: "blocks", config, scales, maxPositions: 1, rounding: "nearest" } as const;
 * const shape = { promptTokens: 1, generate: 0, requests: 1 }, plan = new SessionPlan(model, shape);
 * const salt = new Uint8Array(16), seeds = [Seed.random(), Seed.random()] as const;
 * const streams = plan.keyBytes.map((bytes) => new Uint8Array(bytes));
 * const noWeights = { seeds, salt, maskProduct: ({ outputs }: { outputs: number }) => new Uint32Array(outputs) };
 * await dealSession(plan, noWeights, { write: (p, bytes, at) => Promise.resolve(streams[p]!.set(bytes, at)) });
 *
 * const links = await memoryPair(), engine = createReferenceEngine(), now = () => performance.now();
 * const zeros = new Map(weightRefs(model).map(({ name, inputs, outputs }) =>
 *   [name, engine.weights(new Uint32Array(inputs * outputs), inputs, outputs)]));
 * const [owner, client] = links.map((channel) => new PartySession({ plan, engine, channel, salt, now,
 *   seed: seeds[channel.party],
 *   keys: { read: (into, at) => Promise.resolve(into.set(streams[channel.party]!.subarray(at, at + into.length))) },
 *   weights: (name) => zeros.get(name)!, constants: null, chunkTokens: 128, windowBytes: 1e6 }));
 * const x = new Uint32Array(config.hiddenWidth).fill(2 ** 12), revealed: Uint32Array[] = [];
 * const served = Array.fromAsync(owner!.run([shape], null)), asked = client!.run([shape], [{ prompt: () => x }]);
 * for await (const { words } of asked) revealed.push(words!);
 * await served;
 *
 * assertEquals(revealed, [x]);
 * for (const link of links) link.close();
 * await Promise.all(links.map((link) => link.closed));
 * ```
 */
export class PartySession {
  /** By stage. */
  readonly stageCounts: readonly RunnerCounts[];
  readonly #options: SessionOptions;
  readonly #window: KeyWindow;
  readonly #prepared = new Map<string, { readonly scope: Scope; readonly products: ReadonlyMap<string, Handle> }>();
  readonly #caches = new Map<string, AttentionCache<"masked">>();
  #ran = false;

  /** Makes a session; nothing is read or sent yet. */
  constructor(options: SessionOptions) {
    this.#options = options;
    this.stageCounts = Array.from({ length: stageCount(options.plan.model) }, noCounts);
    const { engine, plan, seed, keys: source, windowBytes, channel } = options;
    this.#window = new KeyWindow({ party: channel.party, engine, plan, seed, source, windowBytes });
  }

  /**
   * The chunks of all requests in the one order in which they enter and their keys are read: prompts first, then one
   * token of every request after the other. A chunk that entered before its turn could stand in front of the one whose
   * keys are in memory.
   */
  #chunks(shapes: readonly RequestShape[]): Chunk[] {
    const all = shapes.map((shape) => this.#options.plan.chunks(shape, this.#options.chunkTokens)), order: Chunk[] = [];
    const longest = Math.max(0, ...all.map((chunks) => chunks.length));
    for (const prompt of [true, false]) {
      const turns = all.map((chunks, request) =>
        chunks.filter((positions) => positions.from < shapes[request]!.promptTokens === prompt)
      );
      for (let turn = 0; turn < longest; turn++) {
        turns.forEach((chunks, request) => {
          if (chunks[turn] !== undefined) order.push({ request, positions: chunks[turn]!, prompt });
        });
      }
    }
    return order;
  }

  /** Counts of all stages. */
  get counts(): RunnerCounts {
    const sum = noCounts();
    for (const { exchanges, sentBytes, computeMs, waitMs } of this.stageCounts) {
      sum.exchanges += exchanges;
      sum.sentBytes += sentBytes;
      sum.computeMs += computeMs;
      sum.waitMs += waitMs;
    }
    return sum;
  }

  /** Lanes that requests of these lengths take. */
  laneCount(shapes: readonly RequestShape[]): number {
    return this.#lanes(this.#chunks(shapes), shapes).length;
  }

  /** The lanes of chunks, stage by stage. */
  #lanes(chunks: readonly Chunk[], shapes: readonly RequestShape[]): LaneAddress[] {
    const { plan } = this.#options, last = stageCount(plan.model) - 1;
    return chunks.flatMap(({ request, positions }) => {
      const lanes = Array.from({ length: last }, (_, stage) => ({ request, stage, positions }));
      if (!plan.emits(positions, shapes[request]!.promptTokens)) return lanes;
      return [...lanes, { request, stage: last, positions: plan.outputPositions(positions) }];
    });
  }

  /**
   * Touches as much engine memory as the first lanes will need, so that the run does not wait for the system to hand
   * out pages.
   */
  reserve(shapes: readonly RequestShape[]): void {
    const { channel, engine, plan, windowBytes } = this.#options,
      held: KeyMemory[] = [],
      zeros = new Uint8Array(32);
    let bytes = 0;
    for (const lane of this.#lanes(this.#chunks(shapes), shapes)) {
      const wantedBytes = placeLane(plan, channel.party, lane).bytes;
      if (held.length >= 2 && bytes + wantedBytes > windowBytes) break;
      bytes += wantedBytes;
      const memory = engine.keyMemory(wantedBytes);
      engine.expand(zeros, memory, [{ nonce: zeros.subarray(0, 12), offset: 0, byteLength: wantedBytes }]);
      held.push(memory);
    }
    for (const memory of held) engine.freeKeyMemory(memory);
  }

  /**
   * Party 1's products that need no input: -r·Ŵ + e of every linear layer of these requests, from its seed alone.
   *
   * @returns Products made.
   */
  prepare(shapes: readonly RequestShape[]): number {
    const { channel, engine, plan, seed, weights } = this.#options;
    let elements = 0, made = 0;
    if (channel.party === 0) return 0;
    for (const lane of this.#lanes(this.#chunks(shapes), shapes)) {
      const { gates } = plan.lane(lane.stage, lane.positions),
        linear = gates.filter((gate) => gate.weights !== undefined);
      if (linear.length === 0) continue;
      const { blocks, bytes } = placeLane(plan, 1, lane),
        memory = engine.keyMemory(bytes),
        loaded = { memory, blocks },
        products = new Map<string, Handle>();
      expandLane({ engine, plan, seed, party: 1 }, lane, loaded);
      const outer = engine.enter(null), scope = engine.begin();
      for (const gate of linear) {
        const [pad, mask] = ["pad", "mask"].map((name) =>
          recordView({ party: 1, ...loaded }, gate.path, findRecord(gate.records, name))
        ) as [RecordView, RecordView];
        elements += pad.counts.reduce((a, b) => a + b, 0);
        if (elements > MAX_PREPARED_ELEMENTS) break;
        products.set(gate.path, engine.linear(null, mask, weights(gate.weights!.name), pad));
        made++;
      }
      engine.enter(outer);
      engine.freeKeyMemory(memory);
      this.#prepared.set(laneName(lane), { scope, products });
      if (elements > MAX_PREPARED_ELEMENTS) break;
    }
    return made;
  }

  /**
   * Runs requests side by side through the stages, and yields every output in order.
   *
   * Whoever reads it at the client hands back, for an output that another token follows, that token's words:
   * `run.next(words)`. It must be read to its end without delay: when a party takes an output shows on the wire.
   *
   * @param shapes Public lengths, one per request.
   * @param client What the client knows of each request; null for party 0.
   * @throws {KeyError} The second time: the same pads over other values would reveal their difference.
   */
  async *run(
    shapes: readonly RequestShape[],
    client: readonly ClientRequest[] | null,
  ): AsyncGenerator<Output, void, Uint32Array | null | undefined> {
    if (this.#ran) throw new KeyError("Cannot run a session twice as its keys are spent");
    this.#ran = true;
    const { plan, engine, channel } = this.#options, chunks = this.#chunks(shapes);
    this.#window.schedule(this.#lanes(chunks, shapes));
    const entry = new TransformStream<Item, Item>(), writer = entry.writable.getWriter();
    let stream: ReadableStream<Item> = entry.readable;
    for (let index = 0; index < stageCount(plan.model); index++) stream = stream.pipeThrough(this.#stage(index));

    // A prompt may enter at once; a generated token enters when the output before it is out and has named it.
    const nextTurn = () => Promise.withResolvers<Uint32Array | null>(), turns = shapes.map(nextTurn);
    const feed = async (): Promise<void> => {
      for (const { request, positions, prompt } of chunks) {
        const own = client?.[request] ?? null, { promptTokens } = shapes[request]!;
        let input = prompt ? own?.prompt(positions) ?? null : null;
        if (!prompt) {
          input = await turns[request]!.promise;
          turns[request] = nextTurn();
          if (own !== null && input === null) {
            throw new TypeError(`Cannot run the token at ${positions.from} as next() must be given its words`);
          }
        }
        const outer = engine.enter(null), scope = engine.begin();
        engine.enter(outer);
        const realTokens = own === null ? null : own.realTokens ?? promptTokens;
        await writer.write({ request, positions, promptTokens, scope, input, realTokens, x: null, bytes: 0 });
      }
    };
    const failed = Promise.withResolvers<never>(), reader = stream.getReader();
    failed.promise.catch(() => {}); // the read that waits sees it
    feed().catch(failed.reject);
    try {
      for (let left = chunks.length; left > 0; left--) {
        const { request, positions, promptTokens, scope, x } = (await Promise.race([reader.read(), failed.promise]))
          .value!;
        if (plan.emits(positions, promptTokens)) {
          const words = channel.party === 0 ? null : asIntegers(await engine.download(x!.data), x!.ringBits);
          turns[request]!.resolve((yield { request, words }) ?? null);
        }
        scope.end([]);
      }
    } catch (error) {
      this.#window.fail(error instanceof Error ? error : new Error(String(error)));
      throw error;
    } finally {
      for (const cache of this.#caches.values()) {
        engine.freeCache(cache.keys.data);
        engine.freeCache(cache.values.data);
      }
      this.#caches.clear();
      writer.abort().catch(() => {}); // a lane that waits for the peer goes on until the link ends
    }
  }

  /** One stage: its lanes run one after the other, so a chunk finds the keys and values of the chunks before it. */
  #stage(index: number): TransformStream<Item, Item> {
    const { plan, engine, channel, salt, weights, constants, now, coins } = this.#options,
      last = stageCount(plan.model) - 1;
    const queue = new CountQueue(QUEUE_BYTES);
    return new TransformStream<Item, Item>(
      {
        transform: async (item, out) => {
          if (index === last && !plan.emits(item.positions, item.promptTokens)) {
            out.enqueue(item);
            return;
          }
          const positions = index === last ? plan.outputPositions(item.positions) : item.positions,
            address = { request: item.request, stage: index, positions };
          const loaded = await this.#window.take(address),
            name = laneName(address),
            prepared = this.#prepared.get(name);
          const outer = engine.enter(item.scope), scope = engine.begin();
          const lane: PartyLane = {
            party: channel.party,
            engine,
            memory: loaded.memory,
            blocks: loaded.blocks,
            salt,
            weights: (ref) => weights(ref.name),
            constants,
            prepared: prepared?.products ?? new Map(),
            input: index === 0 && item.input !== null ? this.#upload(item.input) : null,
            realTokens: item.realTokens,
            keepCoins: coins === undefined || channel.party === 0 ? null : coins.keeper(item.request, index),
          };
          const context = new PartyContext(lane),
            cache = index === 0 || index === last ? null : this.#cache(item.request, index);
          const x = index === last ? wanted(context, plan.model, item.x!) : item.x;
          engine.enter(outer);
          const gate = stage(context, plan.model, index, { x, cache, positions }),
            counts = this.stageCounts[index]!,
            id = { request: item.request, step: positions.from, stage: index };
          const result = await runLane(gate, { engine, channel, lane: id, scope, counts, now });
          scope.end([result.data]);
          prepared?.scope.end([]);
          this.#prepared.delete(name);
          this.#window.release(loaded);
          this.#options.onLane?.();
          out.enqueue({ ...item, input: null, x: result, bytes: 4 * result.data.count * result.data.wordsPerElement });
        },
      },
      queue,
      queue,
    );
  }

  /** The client's input in the ring of the stream. */
  #upload(input: Uint32Array): Handle {
    const { plan, engine } = this.#options;
    return plan.model.scales.residualBits > 32 ? engine.upload(signExtend(input), 2) : engine.upload(input);
  }

  #cache(request: number, index: number): AttentionCache<"masked"> {
    const name = `${request}/${index}`, { plan, engine } = this.#options;
    let cache = this.#caches.get(name);
    if (cache === undefined) {
      cache = layerCache(plan.model, "masked", 0, (width) => engine.cache(plan.positions, width));
      this.#caches.set(name, cache);
    }
    return cache;
  }
}

/** Revealed words of any ring as integers of 32 bits, or of 64 in two words, of the same value. */
function asIntegers(words: Uint32Array, ringBits: number): Uint32Array {
  if (ringBits > 32) return fromBigInts(toBigInts(words, ringBits, true), 64);
  const spare = 32 - ringBits;
  return spare === 0 ? words : words.map((word) => (word << spare) >> spare);
}

/** A queue bounded by the bytes of its items; an empty one always has room. */
class CountQueue implements QueuingStrategy<Item> {
  constructor(readonly highWaterMark: number) {}
  size(item: Item): number {
    return item.bytes;
  }
}
