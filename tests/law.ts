/**
 * The law that every gate and composition obeys, as a function: run after deal equals clear bit for bit, and key bytes,
 * sent bytes and exchanges equal plan.
 *
 * Dealer and both parties run in this process, in lockstep, with random seeds and masks; no network.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Engine, Handle } from "../core/engine.ts";
import { Seed } from "../core/prg/seed.ts";
import { openingBytes } from "../core/protocols/cost.ts";
import type { WeightRef } from "../core/protocols/key.ts";
import type { Gate, Opening, OpeningSize } from "../core/protocols/opening.ts";
import type { Context, Primitive } from "../core/protocols/primitive.ts";
import {
  type Cache,
  type DataOf,
  type Extent,
  type Inputs,
  type MaskWords,
  share,
  type View,
  type Wire,
  wire,
} from "../core/protocols/tensor.ts";
import { packedBytes, unpackBits } from "../core/ring/bits.ts";
import { addWords, fromBigInts, toBigInts, wordsPerElement } from "../core/ring/words.ts";
import { ClearContext } from "../pipeline/interpreters/clear.ts";
import { DealContext, type DealtBlock, LaneDealer } from "../pipeline/interpreters/deal.ts";
import {
  assignOwners,
  type BlockAddress,
  type BlockLayout,
  layoutBlock,
  placeBlocks,
  seedStreams,
} from "../pipeline/interpreters/layout.ts";
import { PartyContext } from "../pipeline/interpreters/party.ts";
import { finish, type GateCost, PlanContext } from "../pipeline/interpreters/plan.ts";

/** The kinds of input that a case can have. */
export type LawKind = "wire" | "share";

/** One input tensor: signed integers. */
export interface LawInput<K extends LawKind = LawKind> {
  readonly kind: K;
  readonly ringBits: number;
  readonly scale: number;
  readonly extent: Extent;
  readonly data: Float64Array;
}

/** Makes an empty cache. */
export type MakeCache<V extends View> = (width: number, ringBits?: number) => Cache<V>;

/** A composition under test on inputs of these kinds, written once for all views. */
export type Composition<I extends readonly LawKind[] = readonly LawKind[]> = <V extends View>(
  ctx: Context<V>,
  x: Inputs<V, I>,
  cache: MakeCache<V>,
) => Gate<Wire<V>>;

/** A matrix under test. */
export interface LawWeights {
  readonly ref: WeightRef;
  readonly data: Int32Array;
  /** Words of an entry of W and of Ŵ: 2 for rings above 32 bits. */
  readonly wordsPerElement?: 1 | 2;
}

/** What is under test. */
export interface LawCase<I extends readonly LawKind[] = readonly LawKind[]> {
  readonly inputs: { readonly [J in keyof I]: LawInput<I[J]> };
  /** A {@linkcode Composition}; as a method, so that cases of any inputs fit in one list. */
  run<V extends View>(ctx: Context<V>, x: Inputs<V, I>, cache: MakeCache<V>): Gate<Wire<V>>;
  readonly weights?: Readonly<Record<string, LawWeights>>;
  /** Party 0's secret vectors. */
  readonly constants?: Readonly<Record<string, Int32Array>>;
  /** The client's own input, for gates that read it. */
  readonly clientInput?: Float64Array;
  /** Ring of the client's own input, 32 bits where absent. */
  readonly clientInputBits?: number;
  /** How many tokens of the client's text are real, for the gate that hides padding. */
  readonly realTokens?: number;
  /** The engines of both parties. */
  readonly engines: readonly [Engine, Engine];
  /** Whether the client alone gets the result, in the clear. */
  readonly revealed?: boolean;
  /** Masks of the inputs; random where absent. */
  readonly masks?: readonly MaskWords[];
  /** Fills bytes for seeds, salt, masks and shares; the system's generator where absent. */
  readonly random?: (bytes: Uint8Array) => Uint8Array;
}

/** One opening of a run. */
export interface LawMessage extends OpeningSize {
  /** What party 0 and party 1 sent, packed. */
  readonly sent: readonly [Uint8Array, Uint8Array];
  /** What party 0 and party 1 then had, as words; null where a party receives nothing. */
  readonly opened: readonly [Uint32Array | null, Uint32Array | null];
}

/** What a run showed, for tests that look closer. */
export interface LawResult {
  /** Everything that was opened, in order, as words: what each party learned. */
  readonly opened: readonly [Uint32Array[], Uint32Array[]];
  readonly exchanges: number;
  readonly keyBytes: readonly [number, number];
  readonly sentBytes: readonly [number, number];
  /** Every gate as planned. */
  readonly gates: readonly GateCost[];
  /** Both parties' keys, block by block, and where these blocks are. */
  readonly blocks: readonly DealtBlock[];
  readonly addresses: readonly BlockAddress[];
  readonly seeds: readonly [Seed, Seed];
  readonly salt: Uint8Array;
  /** Ŵ - W mod 2^n, by name. */
  readonly weightMasks: ReadonlyMap<string, Uint32Array>;
  readonly masks: readonly MaskWords[];
  /** Party 1's halves of inputs that are shares. */
  readonly inputShares: readonly MaskWords[];
  /** One list per exchange. */
  readonly exchanged: readonly (readonly LawMessage[])[];
  /** The result in the clear, its mask, and what party 0 and party 1 hold of it, as words. */
  readonly clear: Wire<"clear">;
  readonly mask: MaskWords;
  readonly masked: readonly [Uint32Array, Uint32Array];
}

/** Fills bytes from the system's generator, which gives 65,536 at a time. */
function systemRandom(bytes: Uint8Array): Uint8Array {
  for (let at = 0; at < bytes.length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

/** Uniform masks of any ring. */
function randomMask(count: number, ringBits: number, random = systemRandom): MaskWords {
  if (ringBits <= 32) return randomWords(count, ringBits, random);
  const words = new BigUint64Array(random(new Uint8Array(8 * count)).buffer);
  return words.map((word) => BigInt.asUintN(ringBits, word));
}

/** Puts ring elements into an engine. */
function upload(engine: Engine, values: readonly bigint[], ringBits: number): Handle {
  return engine.upload(fromBigInts(values, ringBits), wordsPerElement(ringBits));
}

/** Random words of a ring of up to 32 bits. */
export function randomWords(count: number, ringBits: number, random = systemRandom): Uint32Array {
  const out = new Uint32Array(random(new Uint8Array(4 * count)).buffer);
  return ringBits === 32 ? out : out.map((word) => word & (2 ** ringBits - 1));
}

/** The composition of one gate on one wire. */
export function gate<P>(primitive: Primitive<P, ["wire"], "wire">, params: P): Composition<["wire"]> {
  return (ctx, [x]) => ctx.gate("gate", primitive, params, x);
}

/** The inputs of a case in one view. */
export function inputsOf<V extends View>(
  view: V,
  inputs: readonly LawInput[],
  data: (x: LawInput, i: number) => DataOf[V],
): Inputs<V, readonly LawKind[]> {
  return inputs.map((x, i) => (x.kind === "wire" ? wire : share)(view, x, data(x, i)));
}

/** Makes empty caches of one view. */
export function emptyCaches<V extends View>(view: V, data: (width: number) => Cache<V>["data"]): MakeCache<V> {
  return (width, ringBits = 32) => ({ kind: "cache", view, ringBits, scale: 10, width, tokens: 0, data: data(width) });
}

/** Plans a case. */
export function planOf(
  { inputs, run }: Pick<LawCase, "inputs" | "run">,
): { plan: PlanContext; planned: { value: Wire<"plan">; exchanges: number } } {
  const plan = new PlanContext();
  return {
    plan,
    planned: finish(run(plan, inputsOf("plan", inputs, () => null), emptyCaches("plan", () => null))),
  };
}

/** What the dealer made of a case. */
interface Dealt extends Pick<LawResult, "blocks" | "addresses" | "seeds" | "salt" | "weightMasks" | "masks" | "mask"> {
  readonly layouts: readonly BlockLayout[];
}

/** Deals a planned case. */
function dealOf(test: LawCase, { plan, planned }: ReturnType<typeof planOf>): Dealt {
  const { inputs, weights = {}, random = systemRandom } = test, owners = assignOwners(plan.gates);
  const layouts = planned.value.extent.cols.map((_, block) => layoutBlock(plan.gates, block, owners));
  const addresses = layouts.map((_, position) => ({ request: 3, position, stage: 5 }));
  const seeds = [Seed.from(random(new Uint8Array(32))), Seed.from(random(new Uint8Array(32)))] as const,
    salt = random(new Uint8Array(16));
  const weightMasks = new Map(
    Object.values(weights).map(({ ref, wordsPerElement = 1 }) =>
      [ref.name, randomWords(wordsPerElement * ref.inputs * ref.outputs, 32, random)] as const
    ),
  );
  const masks = inputs.map((x, i) => test.masks?.[i] ?? randomMask(x.data.length, x.ringBits, random));
  const lane = new LaneDealer(
    {
      seeds,
      salt,
      maskProduct: (ref, x, rows) => product(x, weightMasks.get(ref.name)!, rows, ref, weights[ref.name]!),
    },
    layouts,
    addresses,
  );
  const x = inputsOf("mask", inputs, (_, i) => masks[i]!), caches = emptyCaches("mask", () => new Uint32Array(0));
  const { data: mask } = finish(test.run(new DealContext(lane), x, caches)).value;
  return { layouts, addresses, seeds, salt, weightMasks, masks, blocks: lane.blocks, mask };
}

/** Reads the public coins of a gate. */
type Coins = (path: string, bits: number, count: number) => Uint32Array;

/** What the parties made of a case. */
interface Ran extends Pick<LawResult, "inputShares" | "exchanged" | "masked"> {
  readonly coins: Coins;
}

/** One party's side of a dealt case. */
function partyOf(test: LawCase, dealt: Dealt, shares: readonly MaskWords[], party: 0 | 1): PartySide {
  const { weights = {}, clientInput } = test, { layouts, addresses, seeds, weightMasks, masks } = dealt;
  const engine = test.engines[party], { blocks, bytes } = placeBlocks(layouts, party), memory = engine.keyMemory(bytes);
  blocks.forEach(({ layout, explicitAt }, b) =>
    memory.view(explicitAt, layout.explicitBytes[party]).set(dealt.blocks[b]!.explicit[party])
  );
  engine.expand(seeds[party].expose(), memory, seedStreams(blocks, addresses, party));
  const own = new Map(
    Object.values(weights).map(({ ref, data, wordsPerElement = 1 }) => {
      const words = partyWeights(party, data, weightMasks.get(ref.name)!, wordsPerElement);
      return [ref.name, engine.weights(words, ref.inputs, ref.outputs, wordsPerElement)];
    }),
  );
  const coins = new Map<string, Promise<readonly [packed: Uint8Array, bits: number]>>();
  const context = new PartyContext({
    party,
    engine,
    memory,
    blocks,
    salt: dealt.salt,
    weights: (ref) => own.get(ref.name)!,
    prepared: new Map(),
    constants: party === 0 ? (name) => test.constants![name]! : null,
    input: party === 1 && clientInput !== undefined
      ? upload(engine, Array.from(clientInput, BigInt), test.clientInputBits ?? 32)
      : null,
    realTokens: party === 1 ? test.realTokens ?? null : null,
    keepCoins: party === 0
      ? null
      : (path, packed, bits) => coins.set(path, Promise.resolve(packed).then((bytes) => [bytes, bits])),
  });
  const x = inputsOf("masked", test.inputs, ({ kind, ringBits, data }, i) => {
    const values = Array.from(data, (v, e) => {
      const masked = BigInt(v) + BigInt(masks[i]![e]!), half = BigInt(shares[i]![e]!);
      return kind === "wire" ? masked : party === 0 ? masked - half : half;
    });
    return upload(engine, values, ringBits);
  });
  return { gate: test.run(context, x, emptyCaches("masked", (width) => engine.cache(64, width))), coins };
}

interface PartySide {
  readonly gate: Gate<Wire<"masked">>;
  readonly coins: ReadonlyMap<string, Promise<readonly [packed: Uint8Array, bits: number]>>;
}

/** Runs both parties in lockstep. */
async function runOf(test: LawCase, dealt: Dealt): Promise<Ran> {
  const { engines, random = systemRandom } = test, exchanged: LawMessage[][] = [];
  const inputShares = test.inputs.map((x) => randomMask(x.data.length, x.ringBits, random));
  const sides = ([0, 1] as const).map((party) => partyOf(test, dealt, inputShares, party));
  for (let answers: readonly (readonly Uint8Array[])[] = [[], []];;) {
    const [first, second] = sides.map(({ gate }, party) => gate.next(answers[party]!));
    if (first!.done && second!.done) {
      const results = [first!.value, second!.value];
      const [mine, theirs] = await Promise.all(
        results.map(async (x, p) => (await engines[p]!.download(x.data)).slice()),
      );
      const coins = new Map<string, readonly [Uint8Array, number]>();
      for (const [path, kept] of sides[1]!.coins) coins.set(path, await kept);
      return { inputShares, exchanged, masked: [mine!, theirs!], coins: readCoins(coins) };
    }
    if (first!.done || second!.done) throw new Error("The parties disagree on the number of exchanges");
    const messages = await exchange(engines, first!.value, second!.value);
    exchanged.push(messages);
    answers = [messages.map(({ sent }) => sent[1]), messages.map(({ sent }) => sent[0])];
  }
}

function readCoins(kept: ReadonlyMap<string, readonly [packed: Uint8Array, bits: number]>): Coins {
  return (path, bits, count) => {
    const [packed, keptBits] = kept.get(path)!;
    assertEquals(bits, keptBits, "the oracle reads as many bits of a coin as the run has kept");
    return unpackBits(packed, bits, count);
  };
}

/** What both parties send and then know. */
async function exchange(
  engines: LawCase["engines"],
  ...openings: [readonly Opening[], readonly Opening[]]
): Promise<LawMessage[]> {
  const sizes = openings.map((list) => list.map(({ kind, bits, count }): OpeningSize => ({ kind, bits, count })));
  assertEquals(sizes[0], sizes[1], "both parties open the same");
  const messages: LawMessage[] = [];
  for (const [i, { kind, bits, count }] of sizes[0]!.entries()) {
    const own = [openings[0][i]!.share, openings[1][i]!.share] as const, sent: Uint8Array[] = [];
    const opened: (Uint32Array | null)[] = [];
    for (const party of [0, 1] as const) {
      const wanted = bits[1 - party]!, mine = own[party];
      const bytes = mine === null || wanted === 0 || count === 0
        ? new Uint8Array(packedBytes(wanted, count))
        : await engines[party].pack(mine, wanted);
      assertEquals(bytes.length, openingBytes({ kind, bits, count }, party));
      sent.push(bytes);
    }
    for (const party of [0, 1] as const) {
      const engine = engines[party];
      opened.push(
        bits[party] === 0
          ? null
          : (await engine.download(engine.combine(kind, own[party], count, sent[1 - party]!, bits[party]))).slice(),
      );
    }
    messages.push({ kind, bits, count, sent: [sent[0]!, sent[1]!], opened: [opened[0]!, opened[1]!] });
  }
  return messages;
}

/** Runs a case in the clear, with the coins of a run. */
function clearOf(test: LawCase, coins: Coins): Wire<"clear"> {
  const { weights = {}, constants, clientInput, realTokens, inputs } = test;
  const context = new ClearContext({
    reader: {
      weights: (ref) => weights[ref.name]!.data,
      constants: ({ name, from, count }) => constants![name]!.subarray(from, from + count),
      input: () => clientInput!,
      ...(realTokens !== undefined && { realTokens }),
    },
    coins,
  });
  const x = inputsOf("clear", inputs, ({ data }) => data);
  return finish(test.run(context, x, emptyCaches("clear", () => new Float64Array(0)))).value;
}

/** Runs one case under all four interpreters and asserts the law. */
export async function assertLaw<const I extends readonly LawKind[]>(typed: LawCase<I>): Promise<LawResult> {
  const test = typed as unknown as LawCase, plan = planOf(test), dealt = dealOf(test, plan);
  const { coins, ...ran } = await runOf(test, dealt), clear = clearOf(test, coins), { gates } = plan.plan;
  const of = <T>(make: (party: 0 | 1) => T): readonly [T, T] => [make(0), make(1)], messages = ran.exchanged.flat();
  const result: LawResult = {
    ...dealt,
    ...ran,
    clear,
    gates,
    exchanges: ran.exchanged.length,
    keyBytes: of((party) => dealt.layouts.reduce((sum, { explicitBytes }) => sum + explicitBytes[party], 0)),
    sentBytes: of((party) => messages.reduce((sum, { sent }) => sum + sent[party].length, 0)),
    opened: of((party) => messages.flatMap(({ opened }) => opened[party] ?? [])),
  };
  assertEquals(result.exchanges, plan.planned.exchanges, "exchanges equal plan");
  const expected = Array.from(clear.data, (v) => BigInt.asUintN(clear.ringBits, BigInt(v)));
  for (const party of [0, 1] as const) {
    const planned = gates.reduce((sum, gate) => sum + gate.sentBytes[party], 0);
    assertEquals(result.sentBytes[party], planned, `party ${party}: sent bytes equal plan`);
    if (party === 1 ? clear.knownTo === "party0" : test.revealed === true) continue;
    const masked = toBigInts(ran.masked[party], wordsPerElement(clear.ringBits) === 1 ? 32 : 64);
    const got = masked.map((word, e) =>
      BigInt.asUintN(clear.ringBits, test.revealed ? word : word - BigInt(dealt.mask[e]!))
    );
    assertEquals(got, expected, `party ${party}: run after deal equals clear`);
  }
  return result;
}

function partyWeights(party: 0 | 1, data: Int32Array, mask: Uint32Array, width: 1 | 2): Uint32Array {
  const bits = 32 * width, own = fromBigInts(Array.from(data, BigInt), bits);
  return party === 0 ? own : addWords(own, mask, bits);
}

function product(
  x: Uint32Array,
  w: Uint32Array,
  rows: number,
  ref: WeightRef,
  { wordsPerElement: width = 1 }: LawWeights,
): Uint32Array {
  const a = toBigInts(x, 32 * width),
    b = toBigInts(w, 32 * width),
    out = new Array<bigint>(rows * ref.outputs).fill(0n);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < ref.inputs; i++) {
      for (let j = 0; j < ref.outputs; j++) {
        out[row * ref.outputs + j]! += a[row * ref.inputs + i]! * b[i * ref.outputs + j]!;
      }
    }
  }
  return fromBigInts(out, 32 * width);
}
