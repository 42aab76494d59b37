/**
 * Dealer and both parties of one case with hand-made keys: the corrupt party's key is fixed, and the other one's
 * follows from it.
 *
 * @module
 */

import type { Handle, KeyMemory } from "../core/engine.ts";
import { oneHotBits } from "../core/fss/flat_dpf.ts";
import type { KeyRecord, KeyWriter, RecordWriter, WeightRef } from "../core/protocols/key.ts";
import type { Gate, Opening } from "../core/protocols/opening.ts";
import { type Wire, wire } from "../core/protocols/tensor.ts";
import { ReferenceEngine } from "../core/reference/engine.ts";
import { readBits, readWide, writeBits, writeWide, xorBits } from "../core/ring/bits.ts";
import { fromBigInts, wordsPerElement } from "../core/ring/words.ts";
import { DealContext, type LaneDealer } from "../pipeline/interpreters/deal.ts";
import { fieldOffset } from "../pipeline/interpreters/layout.ts";
import {
  type BlockLayout,
  layoutBlock,
  type Owners,
  placeBlocks,
  type PlacedBlock,
  recordAddress,
} from "../pipeline/interpreters/layout.ts";
import { PartyContext } from "../pipeline/interpreters/party.ts";
import { finish, type GateCost, PlanContext } from "../pipeline/interpreters/plan.ts";
import { emptyCaches, type LawCase, type LawInput, randomWords } from "./law.ts";

/** A composition and its secrets: inputs, weights, the client's own input. All inputs are wires. */
export type UniformityCase = Pick<
  LawCase<readonly "wire"[]>,
  "inputs" | "run" | "weights" | "clientInput" | "realTokens"
>;

/** Who is corrupt, and who holds the explicit halves of the given records. */
export interface Setting {
  readonly corrupt: 0 | 1;
  readonly explicit: 0 | 1;
}

/** All four settings. */
export const SETTINGS: readonly Setting[] = ([0, 1] as const).flatMap((corrupt) =>
  ([0, 1] as const).map((explicit) => ({ corrupt, explicit }))
);

/** One value that the corrupt party receives: a word of an arithmetic share, or one bit of an XOR share. */
export interface Unit {
  readonly exchange: number;
  readonly kind: "add" | "xor";
  /** Index of the message, and the value's place in it. */
  readonly message: number;
  readonly offset: number;
  readonly bits: number;
}

/** One bit of a pad of the other party. */
export interface PadBit {
  readonly record: string;
  /** Name of the field that the bit belongs to. */
  readonly field: string;
  /** Bit offset in the other party's key memory. */
  readonly at: number;
}

/** One record's half in a party's key memory. */
interface Half {
  readonly bytes: Uint8Array;
  /** Byte offset. */
  readonly at: number;
}

/** One record of one block; `odd` is the party whose half has odd parity: the holder of the explicit one. */
interface Segment {
  readonly halves: readonly (Half | null)[];
  readonly bits: number;
  readonly count: number;
  readonly odd: 0 | 1;
}

/** A dealer who is told the corrupt party's key and works out what the other one must hold. */
class FixedKeyWriter implements RecordWriter {
  readonly #segments: readonly Segment[];
  readonly #corrupt: 0 | 1;
  #segment: Segment;
  #bit = 0;

  constructor(segments: readonly Segment[], corrupt: 0 | 1) {
    this.#segments = segments;
    this.#corrupt = corrupt;
    this.#segment = segments[0]!;
  }
  seek(e: number): void {
    let first = 0, index = 0;
    while (e >= first + this.#segments[index]!.count) first += this.#segments[index++]!.count;
    this.#segment = this.#segments[index]!;
    this.#bit = (e - first) * this.#segment.bits;
  }
  /** Bytes and bit offset of a party's half of the field; null where it has none. */
  #half(party: number, offset: number): [Uint8Array, number] | null {
    const half = this.#segment.halves[party];
    return half ? [half.bytes, 8 * half.at + this.#bit + offset] : null;
  }
  /** The half that is worked out: the other party's, or the only one there is. */
  #other(offset: number): [Uint8Array, number] {
    return (this.#half(1 - this.#corrupt, offset) ?? this.#half(this.#corrupt, offset))!;
  }
  /** The corrupt party's half as an integer, 0 where it has none or is alone. */
  #fixed(offset: number, bits: number): bigint {
    const alone = this.#segment.halves.includes(null), half = this.#half(this.#corrupt, offset);
    return alone || half === null ? 0n : readWide(...half, bits);
  }
  flip(offset: number): void {
    xorBits(...this.#other(offset), 1, 1);
  }
  word(offset: number, bits: number, value: number): void {
    this.wide(offset, bits, BigInt(value));
  }
  words(offset: number, bits: number, values: Int32Array): void {
    values.forEach((value, i) => this.word(offset + bits * i, bits, value));
  }
  wide(offset: number, bits: number, value: bigint): void {
    writeWide(...this.#other(offset), bits, BigInt.asUintN(bits, value - this.#fixed(offset, bits)));
  }
  oneHot(offset: number, k: number, alpha: number): 0 | 1 {
    const last = oneHotBits(k);
    if (alpha < last) this.flip(offset + alpha);
    const [bytes, at] = this.#half(0, offset)!;
    if (alpha < last) return readBits(bytes, at + alpha, 1) as 0 | 1;
    let bit = this.#segment.odd === 0 ? 1 : 0;
    for (let i = 0; i < last; i++) bit ^= readBits(bytes, at + i, 1);
    return bit as 0 | 1;
  }
  sum(offset: number, bits: number): number {
    return Number(this.sumWide(offset, bits));
  }
  sumWide(offset: number, bits: number): bigint {
    const halves = [this.#half(0, offset), this.#half(1, offset)];
    return BigInt.asUintN(bits, halves.reduce((sum, half) => sum + (half === null ? 0n : readWide(...half, bits)), 0n));
  }
  xor(offset: number, bits: number): number {
    return (readBits(...this.#half(0, offset)!, bits) ^ readBits(...this.#half(1, offset)!, bits)) >>> 0;
  }
  half(party: 0 | 1, offset: number, bytes: number): Uint8Array {
    const [from, at] = this.#half(party, offset)!;
    return Uint8Array.from({ length: bytes }, (_, i) => readBits(from, at + 8 * i, 8));
  }
  bytes(offset: number, value: Uint8Array): void {
    for (const party of [0, 1]) {
      const [to, at] = this.#half(party, offset)!;
      to.set(value, at / 8);
    }
  }
}

/** Runs a case on the dealer's side: on these masks of its inputs, with the keys of `lane`. */
export function dealOnMasks(
  { run, inputs }: UniformityCase,
  lane: LaneDealer,
  masks: readonly (readonly bigint[])[],
): Wire<"mask"> {
  const wires = inputs.map((x, i) =>
    wire("mask", x, x.ringBits <= 32 ? Uint32Array.from(masks[i]!, Number) : BigUint64Array.from(masks[i]!))
  );
  return finish(
    run(new DealContext(lane), wires, emptyCaches("mask", () => new Uint32Array(0))),
  ).value;
}

/** Dealer and both parties of one case in one setting, with hand-made keys. */
export class Bench {
  readonly setting: Setting;
  readonly layouts: readonly BlockLayout[];
  readonly gates: readonly GateCost[];
  /** What the corrupt party receives, in order. */
  readonly units: readonly Unit[];
  /** Pads of the other party: its halves of free records but for the roots of tree DPFs, and its own masks. */
  readonly pads: readonly PadBit[];
  readonly salt: Uint8Array = crypto.getRandomValues(new Uint8Array(16));
  readonly #engine = new ReferenceEngine();
  readonly #run: UniformityCase["run"];
  readonly #memory: readonly KeyMemory[];
  readonly #blocks: readonly (readonly PlacedBlock[])[];
  readonly #masked = new Map<string, Uint32Array>();
  #test: UniformityCase;
  #masks: readonly bigint[][] = [];
  #public: readonly bigint[][] = [];

  constructor(test: UniformityCase, setting: Setting) {
    this.setting = setting;
    this.#test = test;
    this.#run = test.run;
    const plan = new PlanContext(),
      inputs = test.inputs.map((x) => wire("plan", x, null)),
      planned = test.run(plan, inputs, emptyCaches("plan", () => null)),
      exchanges: (readonly Opening[])[] = [];
    let step = planned.next();
    for (; !step.done; step = planned.next([])) exchanges.push(step.value);
    this.units = findUnits(exchanges, setting.corrupt);
    this.gates = plan.gates;
    const owners: Owners = new Map(
      plan.gates.flatMap(({ path, records }) =>
        records.map((record) => [recordAddress(path, record.name), setting.explicit] as const)
      ),
    );
    this.layouts = step.value.extent.cols.map((_, block) => layoutBlock(plan.gates, block, owners));
    const placed = ([0, 1] as const).map((party) => placeBlocks(this.layouts, party));
    this.#memory = placed.map(({ bytes }) => this.#engine.keyMemory(bytes));
    this.#blocks = placed.map(({ blocks }) => blocks);
    for (const { ref } of Object.values(test.weights ?? {})) {
      this.#masked.set(ref.name, randomWords(ref.inputs * ref.outputs, 32));
    }
    this.pads = this.#findPads();
  }

  /** The corrupt party's key without the records that both parties hold in the clear. */
  fixedKey(): Uint8Array {
    const { corrupt } = this.setting, bytes = this.key(corrupt).slice();
    for (const { kind, halves, layoutBytes } of this.#places()) {
      if (kind === "common") bytes.fill(0, halves[corrupt]!.at, halves[corrupt]!.at + layoutBytes);
    }
    return bytes;
  }

  /** The whole key memory of a party, in place. */
  key(party: 0 | 1): Uint8Array {
    return this.#memory[party]!.view(0, this.#memory[party]!.byteLength);
  }

  /** Draws both keys and the masked inputs anew. The keys are consistent only after {@linkcode Bench.evaluate}. */
  randomise(): void {
    for (const party of [0, 1] as const) {
      const bytes = this.key(party);
      for (let i = 0; i < bytes.length; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
    }
    this.#public = this.#test.inputs.map((x) =>
      Array.from(crypto.getRandomValues(new BigUint64Array(x.data.length)), (word) => BigInt.asUintN(x.ringBits, word))
    );
    this.use(this.#test);
  }

  /** Puts other secrets of the same shapes behind the same masked inputs. */
  use(test: UniformityCase): void {
    this.#test = test;
    this.#masks = test.inputs.map((x, i) =>
      Array.from(x.data, (value, e) => BigInt.asUintN(x.ringBits, this.#public[i]![e]! - BigInt(value)))
    );
  }

  /** Fixes the masks of the inputs instead of the masked values. */
  mask(masks: readonly bigint[][]): void {
    this.#masks = masks;
    this.#public = this.#test.inputs.map((x, i) =>
      Array.from(x.data, (value, e) => BigInt.asUintN(x.ringBits, masks[i]![e]! + BigInt(value)))
    );
  }

  /** Uses the masked weights and the salt of another bench of the same case. */
  adopt(other: Bench): void {
    this.salt.set(other.salt);
    for (const [name, words] of other.#masked) this.#masked.set(name, words);
  }

  /** Takes over a party's key as the real dealer made it. */
  load(party: 0 | 1, dealt: LaneDealer["blocks"]): void {
    const bytes = this.key(party);
    this.#blocks[party]!.forEach(({ explicitAt, seedAt }, block) => {
      bytes.set(dealt[block]!.explicit[party], explicitAt);
      bytes.set(dealt[block]!.seed[party], seedAt);
    });
  }

  /** Value of one pad's bit, in the other party's key. */
  padBit(pad: PadBit): 0 | 1 {
    return readBits(this.key((1 - this.setting.corrupt) as 0 | 1), pad.at, 1) as 0 | 1;
  }
  setPadBit(pad: PadBit, bit: number): void {
    writeBits(this.key((1 - this.setting.corrupt) as 0 | 1), pad.at, 1, bit);
  }

  /**
   * Deals, with the corrupt party's key fixed, runs both parties, and returns the messages that the corrupt one
   * receives.
   */
  evaluate(): Uint8Array[] {
    this.deal();
    const gates = ([0, 1] as const).map((party) => this.#party(party)), { corrupt } = this.setting;
    const messages: Uint8Array[] = [];
    for (let answers: Uint8Array[][] = [[], []];;) {
      const next = gates.map((gate, party) => gate.next(answers[party]!));
      answers = [[], []];
      const openings = next.map((step) => step.done ? null : step.value);
      if (openings[0] === null || openings[1] === null) return messages;
      openings[0]!.forEach((opening, i) => {
        const pair = [opening, openings[1]![i]!];
        for (const party of [0, 1]) {
          const bits = pair[party]!.bits[party]!, { share } = pair[1 - party]!;
          const message = bits === 0 || share === null ? new Uint8Array(0) : this.#engine.pack(share, bits);
          answers[party]!.push(message);
          if (party === corrupt) messages.push(message);
        }
      });
    }
  }

  /** Works out the other party's halves. */
  deal(): Wire<"mask"> {
    const { corrupt } = this.setting;
    for (const { halves, layoutBytes, kind } of this.#places()) {
      if (kind !== "given" && kind !== "given0") continue;
      const from = halves[corrupt]!, to = halves[1 - corrupt]!;
      to.bytes.set(from.bytes.subarray(from.at, from.at + layoutBytes), to.at);
    }
    const lane = { writer: (path: string, records: readonly KeyRecord[]) => this.#writer(path, records) };
    return dealOnMasks(this.#test, lane as unknown as LaneDealer, this.#masks);
  }

  #party(party: 0 | 1): Gate<Wire<"masked">> {
    const engine = this.#engine, { weights = {}, clientInput, realTokens = null, inputs } = this.#test;
    const context = new PartyContext({
      party,
      engine,
      memory: this.#memory[party]!,
      blocks: this.#blocks[party]!,
      salt: this.salt,
      constants: null,
      weights: (ref) =>
        engine.weights(
          party === 0 ? Uint32Array.from(weights[ref.name]!.data) : this.#masked.get(ref.name)!,
          ref.inputs,
          ref.outputs,
        ),
      prepared: new Map(),
      input: party === 1 && clientInput !== undefined ? engine.upload(Uint32Array.from(clientInput)) : null,
      realTokens: party === 1 ? realTokens : null,
      keepCoins: null,
    });
    const handles = inputs.map((x: LawInput, i): Wire<"masked"> => {
      const data: Handle = engine.upload(fromBigInts(this.#public[i]!, x.ringBits), wordsPerElement(x.ringBits));
      return wire("masked", x, data);
    });
    return this.#run(context, handles, emptyCaches("masked", (width) => engine.cache(8, width)));
  }

  #half(party: 0 | 1, block: number, address: string): Half | null {
    const place = this.layouts[block]!.records.get(address)?.places[party], loaded = this.#blocks[party]![block]!;
    if (!place) return null;
    return {
      bytes: this.key(party),
      at: (place.part === "explicit" ? loaded.explicitAt : loaded.seedAt) + place.offset,
    };
  }

  /** Both halves of every placed record. */
  *#places(): Generator<
    {
      address: string;
      kind: KeyRecord["kind"];
      halves: (Half | null)[];
      bits: number;
      count: number;
      layoutBytes: number;
      block: number;
    }
  > {
    for (const [block, layout] of this.layouts.entries()) {
      for (const [address, { kind, bits, count, bytes }] of layout.records) {
        const halves = [this.#half(0, block, address), this.#half(1, block, address)];
        yield { address, kind, halves, bits, count, layoutBytes: bytes, block };
      }
    }
  }

  #writer(path: string, records: readonly KeyRecord[]): KeyWriter {
    const find = (name: string): KeyRecord => records.find((record) => record.name === name)!;
    const segments = (name: string): Segment[] => {
      const address = recordAddress(path, name);
      return this.layouts.flatMap((layout, block) => {
        const placed = layout.records.get(address);
        if (placed === undefined) return [];
        const halves = [this.#half(0, block, address), this.#half(1, block, address)];
        const odd: 0 | 1 = placed.places[0]?.part === "explicit" ? 0 : 1;
        return [{ halves, bits: placed.bits, count: placed.count, odd }];
      });
    };
    return {
      salt: this.salt,
      record: (name) => new FixedKeyWriter(segments(name), this.setting.corrupt),
      offset: (record, field) => fieldOffset(find(record), field),
      clientHalf: (name) =>
        Uint32Array.from(
          segments(name).flatMap(({ halves, bits, count }) => {
            const { bytes, at } = halves[1]!;
            return Array.from({ length: count }, (_, i) => readBits(bytes, 8 * at + bits * i, bits));
          }),
        ),
      maskProduct: this.maskProduct,
    };
  }

  /** The dealer's x·R_w, R_w = Ŵ - W. */
  readonly maskProduct = (ref: WeightRef, x: Uint32Array, rows: number): Uint32Array => {
    const clear = this.#test.weights![ref.name]!.data, masked = this.#masked.get(ref.name)!;
    const out = new Uint32Array(rows * ref.outputs);
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < ref.inputs; i++) {
        for (let j = 0; j < ref.outputs; j++) {
          const at = i * ref.outputs + j;
          out[row * ref.outputs + j]! += Math.imul(x[row * ref.inputs + i]!, masked[at]! - clear[at]!);
        }
      }
    }
    return out;
  };

  #findPads(): PadBit[] {
    const fields = new Map(
      this.gates.flatMap(({ path, records }) =>
        records.map((record) => [recordAddress(path, record.name), record.fields] as const)
      ),
    );
    const pads: PadBit[] = [], other = (1 - this.setting.corrupt) as 0 | 1;
    for (const { address, kind, halves, bits, count } of this.#places()) {
      const half = halves[other];
      if (!half || (kind !== "free" && kind !== "own1")) continue;
      const names = fields.get(address)!.flatMap((field) => Array.from({ length: field.bits }, () => field.name));
      for (let i = 0; i < bits * count; i++) {
        if (names[i % bits] === "root") continue;
        pads.push({ record: address, field: names[i % bits]!, at: 8 * half.at + i });
      }
    }
    return pads;
  }
}

/** What a party receives, from the plan. */
function findUnits(exchanges: readonly (readonly Opening[])[], corrupt: 0 | 1): Unit[] {
  const units: Unit[] = [];
  let message = 0;
  for (const [exchange, openings] of exchanges.entries()) {
    for (const { kind, bits, count } of openings) {
      const width = bits[corrupt]!, size = kind === "add" ? width : 1;
      for (let at = 0; width > 0 && at < width * count; at += size) {
        units.push({ exchange, kind, message, offset: at, bits: size });
      }
      message++;
    }
  }
  return units;
}
