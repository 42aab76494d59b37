/**
 * The law that every gate and composition obeys, as a function: run after deal equals clear bit for bit, and key bytes, sent bytes and exchanges equal plan.
 *
 * Dealer and both parties run in this process, in lockstep, with random seeds and masks; no network.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Engine, Handle } from "../core/engine.ts";
import { address, PURPOSE, Seed } from "../core/prg/seed.ts";
import type { ConstantRef, WeightRef } from "../core/protocols/key.ts";
import type { Gate, OpeningSize } from "../core/protocols/opening.ts";
import type { Context } from "../core/protocols/primitive.ts";
import {
  type Cache,
  type Extent,
  type MaskWords,
  type Share,
  share,
  type View,
  type Wire,
  wire,
} from "../core/protocols/tensor.ts";
import { packedBytes, unpackBits } from "../core/ring/bits.ts";
import { addWords, fromBigInts, toBigInts, wordsPerElement } from "../core/ring/words.ts";
import { ClearContext } from "../pipeline/interpreters/clear.ts";
import { type BlockAddress, DealContext, type DealtBlock, LaneDealer } from "../pipeline/interpreters/deal.ts";
import { assignOwners, type BlockLayout, layoutBlock } from "../pipeline/interpreters/layout.ts";
import { type LoadedBlock, PartyContext, type PartyLane } from "../pipeline/interpreters/party.ts";
import { finish, type GateCost, openingBytes, PlanContext } from "../pipeline/interpreters/plan.ts";

/** One input tensor: signed integers. */
export interface LawInput {
  readonly kind: "wire" | "share";
  readonly ringBits: number;
  readonly scale: number;
  readonly extent: Extent;
  readonly data: Float64Array;
}

/** A composition under test, written once for all views. */
export type Composition = <V extends View>(
  ctx: Context<V>,
  x: (Wire<V> | Share<V>)[],
  cache: (width: number, ringBits?: number) => Cache<V>,
) => Gate<Wire<V>>;

/** A matrix under test. */
export interface LawWeights {
  readonly ref: WeightRef;
  readonly data: Int32Array;
  /** Words of an entry of W and of Ŵ: 2 for rings above 32 bits. */
  readonly wordsPerElement?: 1 | 2;
}

/** What is under test. */
export interface LawCase {
  readonly inputs: readonly LawInput[];
  readonly run: Composition;
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

function ringValue(value: number, ringBits: number): number {
  return Number(BigInt.asUintN(ringBits, BigInt(value)));
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

/** Plans a case. */
export function planOf(
  { inputs, run }: Pick<LawCase, "inputs" | "run">,
): { plan: PlanContext; planned: { value: Wire<"plan">; exchanges: number } } {
  const plan = new PlanContext();
  const x = inputs.map((x) => (x.kind === "wire" ? wire : share)("plan", x.ringBits, x.scale, x.extent, null));
  const cache = (width: number, ringBits = 32): Cache<"plan"> => ({
    kind: "cache",
    view: "plan",
    ringBits,
    scale: 10,
    width,
    tokens: 0,
    data: null,
  });
  return { plan, planned: finish(run(plan, x, cache)) };
}

/** Runs one case under all four interpreters and asserts the law. */
export async function assertLaw(test: LawCase): Promise<LawResult> {
  const { weights = {}, random = systemRandom } = test, weight = (ref: WeightRef) => weights[ref.name]!.data;
  const constant = ({ name, from, count }: ConstantRef) => test.constants![name]!.subarray(from, from + count);
  const { plan, planned } = planOf(test);
  // Deal.
  const blocks = planned.value.extent.cols.length, owners = assignOwners(plan.gates);
  const layouts = Array.from({ length: blocks }, (_, b) => layoutBlock(plan.gates, b, owners));
  const addresses: BlockAddress[] = layouts.map((_, b) => ({ request: 3, position: b, stage: 5 }));
  const seeds = [Seed.from(random(new Uint8Array(32))), Seed.from(random(new Uint8Array(32)))] as const,
    salt = random(new Uint8Array(16));
  const clientMasks = new Map(
    Object.values(weights).map((
      { ref, wordsPerElement: width = 1 },
    ) => [ref.name, randomWords(width * ref.inputs * ref.outputs, 32, random)]),
  );
  const lane = new LaneDealer(
    {
      seeds,
      salt,
      maskProduct: (ref, x, rows) => product(x, clientMasks.get(ref.name)!, rows, ref, weights[ref.name]!),
    },
    layouts,
    addresses,
  );
  const masks = test.inputs.map((x, i) => test.masks?.[i] ?? randomMask(x.data.length, x.ringBits, random));
  const dealCache = (width: number, ringBits: number = 32): Cache<"mask"> => ({
    kind: "cache",
    view: "mask",
    ringBits,
    scale: 10,
    width,
    tokens: 0,
    data: new Uint32Array(0),
  });
  const resultMask = finish(
    test.run(
      new DealContext(lane),
      test.inputs.map((x, i) => (x.kind === "wire" ? wire : share)("mask", x.ringBits, x.scale, x.extent, masks[i]!)),
      dealCache,
    ),
  ).value;

  // Run: both parties in lockstep.
  const coins = new Map<string, [packed: Uint8Array, bits: number]>(), keeping: Promise<void>[] = [];
  const inputShares = test.inputs.map((x) => randomMask(x.data.length, x.ringBits, random));
  const opened: [Uint32Array[], Uint32Array[]] = [[], []], sentBytes: [number, number] = [0, 0];
  const exchanged: LawMessage[][] = [];
  const gates = ([0, 1] as const).map((party) => {
    const engine = test.engines[party],
      { memory, loaded } = loadBlocks(engine, party, layouts, lane.blocks, seeds[party], addresses);
    const own = new Map(
      Object.values(weights).map((
        { ref, data, wordsPerElement: width = 1 },
      ) => {
        const words = partyWeights(party, data, clientMasks.get(ref.name)!, width);
        return [ref.name, engine.weights(words, ref.inputs, ref.outputs, width)];
      }),
    );
    const partyLane: PartyLane = {
      party,
      engine,
      memory,
      blocks: loaded,
      salt,
      weights: (ref) => own.get(ref.name)!,
      prepared: new Map(),
      constants: party === 0 ? (name) => test.constants![name]! : null,
      input: party === 1 && test.clientInput !== undefined
        ? upload(engine, Array.from(test.clientInput, BigInt), test.clientInputBits ?? 32)
        : null,
      realTokens: party === 1 ? test.realTokens ?? null : null,
      keepCoins: party === 0
        ? null
        : (path, packed, bits) =>
          keeping.push(Promise.resolve(packed).then((bytes) => void coins.set(path, [bytes, bits]))),
    };
    const cache = (width: number, ringBits: number = 32): Cache<"masked"> => ({
      kind: "cache",
      view: "masked",
      ringBits,
      scale: 10,
      width,
      tokens: 0,
      data: engine.cache(64, width),
    });
    const inputs = test.inputs.map((x, i) => {
      const values = Array.from(x.data, (v, e) => {
        const masked = BigInt(v) + BigInt(masks[i]![e]!), half = BigInt(inputShares[i]![e]!);
        return x.kind === "wire" ? masked : party === 0 ? masked - half : half;
      });
      return (x.kind === "wire" ? wire : share)(
        "masked",
        x.ringBits,
        x.scale,
        x.extent,
        upload(engine, values, x.ringBits),
      );
    });
    return test.run(new PartyContext(partyLane), inputs, cache);
  });
  const results: Wire<"masked">[] = [];
  for (let answers: Uint8Array[][] = [[], []];;) {
    const next = gates.map((gate, party) => gate.next(answers[party]!));
    answers = [[], []];
    if (next.every((step) => step.done)) {
      for (const step of next) results.push(step.value as Wire<"masked">);
      break;
    }
    const messages: LawMessage[] = [];
    exchanged.push(messages);
    const openings = next.map((step) => {
      if (step.done) throw new Error("The parties disagree on the number of exchanges");
      return step.value;
    });
    assertEquals(openings[0]!.length, openings[1]!.length);
    for (let i = 0; i < openings[0]!.length; i++) {
      const { kind, bits, count } = openings[0]![i]!, had: LawMessage["opened"][number][] = [];
      for (const party of [0, 1] as const) {
        const mine = openings[party]![i]!, theirs = openings[1 - party]![i]!;
        assertEquals([mine.kind, mine.bits, mine.count], [theirs.kind, theirs.bits, theirs.count]);
        const bits = mine.bits[party]!;
        const received = theirs.share === null || bits === 0 || mine.count === 0
          ? new Uint8Array(packedBytes(bits, mine.count))
          : await test.engines[1 - party]!.pack(theirs.share, bits);
        answers[party]!.push(received);
        sentBytes[1 - party]! += received.length;
        assertEquals(received.length, openingBytes(mine, (1 - party) as 0 | 1));
        let words: Uint32Array | null = null;
        if (bits > 0) {
          const sum = test.engines[party].combine(mine.kind, mine.share, mine.count, received, bits);
          words = (await test.engines[party].download(sum)).slice();
          opened[party].push(words);
        }
        had.push(words);
      }
      messages.push({ kind, bits, count, sent: [answers[1]![i]!, answers[0]![i]!], opened: [had[0]!, had[1]!] });
    }
  }

  // Clear, with the coins of the run.
  await Promise.all(keeping);
  const clear = new ClearContext({
    reader: {
      weights: weight,
      constants: constant,
      input: () => test.clientInput!,
      ...(test.realTokens !== undefined && { realTokens: test.realTokens }),
    },
    coins: (path, bits, count) => {
      const [packed, kept] = coins.get(path)!;
      assertEquals(bits, kept, "the oracle reads as many bits of a coin as the run has kept");
      return unpackBits(packed, bits, count);
    },
  });
  const clearCache = (width: number, ringBits: number = 32): Cache<"clear"> => ({
    kind: "cache",
    view: "clear",
    ringBits,
    scale: 10,
    width,
    tokens: 0,
    data: new Float64Array(0),
  });
  const expected = finish(
    test.run(
      clear,
      test.inputs.map((x) => (x.kind === "wire" ? wire : share)("clear", x.ringBits, x.scale, x.extent, x.data)),
      clearCache,
    ),
  ).value;

  // The law.
  const exchanges = exchanged.length, held: Uint32Array[] = [];
  assertEquals(exchanges, planned.exchanges, "exchanges equal plan");
  for (const party of [0, 1] as const) {
    assertEquals(
      sentBytes[party],
      plan.gates.reduce((sum, gate) => sum + gate.sentBytes[party], 0),
      `party ${party}: sent bytes equal plan`,
    );
    const masked = (await test.engines[party].download(results[party]!.data)).slice();
    held.push(masked);
    if (party === 1 ? expected.knownTo === "party0" : test.revealed === true) continue;
    const values = Array.from(
      expected.data,
      (v) =>
        expected.ringBits <= 32
          ? BigInt(ringValue(v, expected.ringBits))
          : BigInt.asUintN(expected.ringBits, BigInt(v)),
    );
    const got = values.map((_, e) => {
      const word = expected.ringBits <= 32
        ? BigInt(masked[e]!)
        : BigInt(masked[2 * e]!) | (BigInt(masked[2 * e + 1]!) << 32n);
      return BigInt.asUintN(expected.ringBits, test.revealed ? word : word - BigInt(resultMask.data[e]!));
    });
    assertEquals(got, values, `party ${party}: run after deal equals clear`);
  }
  const keyBytes = ([0, 1] as const).map((party) =>
    layouts.reduce((sum, layout) => sum + layout.explicitBytes[party], 0)
  ) as [number, number];
  return {
    opened,
    exchanges,
    keyBytes,
    sentBytes,
    gates: plan.gates,
    blocks: lane.blocks,
    addresses,
    seeds,
    salt,
    weightMasks: clientMasks,
    masks,
    inputShares,
    exchanged,
    clear: expected,
    mask: resultMask.data,
    masked: [held[0]!, held[1]!],
  };
}

function loadBlocks(
  engine: Engine,
  party: 0 | 1,
  layouts: readonly BlockLayout[],
  dealt: LaneDealer["blocks"],
  seed: Seed,
  addresses: readonly BlockAddress[],
): { memory: ReturnType<Engine["keyMemory"]>; loaded: LoadedBlock[] } {
  const bytes = layouts.reduce((sum, layout) => sum + layout.explicitBytes[party] + layout.seedBytes[party], 0),
    memory = engine.keyMemory(bytes);
  let at = 0;
  const loaded = layouts.map((layout, b) => {
    const explicitAt = at, seedAt = at + layout.explicitBytes[party];
    at = seedAt + layout.seedBytes[party];
    memory.view(explicitAt, layout.explicitBytes[party]).set(dealt[b]!.explicit[party]);
    const nonce = address({ purpose: PURPOSE.key, ...addresses[b]! });
    engine.expand(seed.expose(), memory, [{ nonce, offset: seedAt, byteLength: layout.seedBytes[party] }]);
    return { layout, explicitAt, seedAt };
  });
  return { memory, loaded };
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
