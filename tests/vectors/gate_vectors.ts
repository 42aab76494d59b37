/**
 * What a gate's vectors are made of: cases that dealer and parties run, and how the bits of their keys are read.
 *
 * @module
 */

import { expandChacha8 } from "../../core/prg/chacha8.ts";
import { fieldPlaces, type KeyRecord, recordBits } from "../../core/protocols/key.ts";
import type { Primitive } from "../../core/protocols/primitive.ts";
import type { Extent, MaskWords } from "../../core/protocols/tensor.ts";
import { ReferenceEngine } from "../../core/reference/engine.ts";
import { readWide } from "../../core/ring/bits.ts";
import { toBigInts, wordsPerElement } from "../../core/ring/words.ts";
import { recordAddress } from "../../pipeline/interpreters/layout.ts";
import type { GateCost } from "../../pipeline/interpreters/plan.ts";
import {
  assertLaw,
  gate as gateOf,
  type LawCase,
  type LawInput,
  type LawKind,
  type LawMessage,
  type LawResult,
} from "../law.ts";
import { evaluate, type Letters } from "../notation.ts";
import type { Example } from "./example.ts";

/** One case: a composition with all its secrets, and the parameters of its gates by path. The gate that the page is about is at the path `gate`. */
export interface GateCase<I extends readonly LawKind[] = readonly LawKind[]>
  extends Omit<LawCase<I>, "engines" | "random"> {
  /** Name, unique among the gate's cases. */
  readonly name: string;
  /** What every gate of the composition is given, by path. */
  readonly params: Readonly<Record<string, unknown>>;
}

/** A case of inputs whose kinds its composition knows. */
export function gateCase<const I extends readonly LawKind[]>(test: GateCase<I>): GateCase<I> {
  return test;
}

/** An input of a case. */
export function input<K extends LawKind>(
  kind: K,
  ringBits: number,
  scale: number,
  values: readonly number[],
  extent: Extent = { rows: 1, cols: [values.length] },
): LawInput<K> {
  return { kind, ringBits, scale, extent, data: Float64Array.from(values) };
}

/** A case of one gate on one wire. */
export function wireCase<P>(
  name: string,
  primitive: Primitive<P, ["wire"], "wire">,
  params: P,
  x: LawInput<"wire">,
): GateCase {
  return { name, params: { gate: params }, inputs: [x], run: gateOf(primitive, params) };
}

/** Masks of a case that are chosen and not drawn. */
export function masks(...inputs: readonly (readonly number[])[]): { readonly masks: Uint32Array[] } {
  return { masks: inputs.map((values) => Uint32Array.from(values)) };
}

/** Elements of an input. */
export function elements(test: GateCase, i = 0): number {
  return test.inputs[i]!.data.length;
}

/** A gate as its page of SPEC shows it. */
export interface GateVectors {
  /** Its section, which names the page. */
  readonly section: string;
  /** Its folder in `core/protocols/`. */
  readonly folder: string;
  /** The letters of the page, for one case. */
  readonly letters: (test: GateCase) => Letters;
  /** How many of each unit a case has: elements, rows, pairs. */
  readonly counts: (test: GateCase) => Readonly<Record<string, number>>;
  /** The section has no page in the form of a gate's: it deals and opens nothing. */
  readonly free?: true;
  /** Its row in the table of all costs; the gate's name where absent. */
  readonly label?: (test: GateCase) => string;
  /** Fields that hold ring elements, as `record.field`, and how wide these are, or each of them; all others hold bits. */
  readonly words: Readonly<Record<string, string | readonly string[]>>;
  /** The cases; the page's example is the first one. */
  readonly cases: readonly GateCase[];
  /** Writes the page's worked example, from the vector of the first case; what it states it computes again. */
  readonly example?: (ex: Example, vector: CaseVector) => void;
}

/** A ring element: a number up to 32 bits, a decimal string above. */
export type Element = number | string;

/** Bits as hexadecimal bytes, bit i in bit i mod 8 of byte ⌊i/8⌋; or ring elements. */
export type FieldValue = string | readonly Element[];

/** A case as it stands in the file. */
export interface CaseVector {
  readonly name: string;
  readonly letters: Letters;
  readonly gates: readonly { readonly path: string; readonly gate: string; readonly params: unknown }[];
  readonly inputs: readonly InputVector[];
  readonly weights?: readonly WeightsVector[];
  readonly constants?: Readonly<Record<string, readonly number[]>>;
  readonly clientInput?: readonly number[];
  readonly realTokens?: number;
  readonly seeds: readonly string[];
  readonly salt: string;
  readonly blocks: readonly BlockVector[];
  readonly records: readonly RecordVector[];
  readonly exchanges: readonly (readonly OpeningVector[])[];
  readonly result: ResultVector;
}

interface InputVector {
  readonly kind: "wire" | "share";
  readonly ringBits: number;
  readonly scale: number;
  readonly rows: number;
  readonly cols: readonly number[];
  readonly values: readonly number[];
  readonly masks: readonly Element[];
  /** x̂ of a wire, or both halves of a share of it. */
  readonly masked?: readonly Element[];
  readonly shares?: readonly [readonly Element[], readonly Element[]];
}

interface WeightsVector {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** W, R_w and Ŵ = W + R_w, row-major. */
  readonly values: readonly number[];
  readonly masks: readonly Element[];
  readonly masked: readonly Element[];
}

interface BlockVector {
  readonly address: { readonly request: number; readonly stage: number; readonly position: number };
  /** Parts of party 0's and party 1's block. */
  readonly explicit: readonly string[];
  readonly seedPart: readonly string[];
}

/** A record: where its halves lie in each block, and its fields with the values of all elements. */
export interface RecordVector {
  readonly path: string;
  readonly kind: KeyRecord["kind"];
  readonly bits: number;
  readonly counts: readonly number[];
  /** Of every block, where party 0's and party 1's half begin: `["explicit" or "seedPart", byte]`. */
  readonly places: readonly (readonly ([string, number] | null)[])[];
  readonly fields: readonly {
    readonly name: string;
    readonly bits: number;
    /** Width of its words, or of each of them. */
    readonly wordBits?: number | readonly number[];
    /** Of every element party 0's half, party 1's, and what they are together. */
    readonly elements: readonly (readonly [FieldValue | null, FieldValue | null, FieldValue])[];
  }[];
}

/** One opening of one exchange. */
export interface OpeningVector {
  readonly kind: "add" | "xor";
  /** Bits that party 0 and party 1 receive. */
  readonly bits: readonly [number, number];
  readonly count: number;
  /** What party 0 and party 1 sent. */
  readonly sent: readonly string[];
  /** What party 0 and party 1 then know. */
  readonly opened: readonly (readonly Element[] | null)[];
}

interface ResultVector {
  readonly ringBits: number;
  readonly scale: number;
  readonly knownTo: "both" | "party0";
  readonly masked: readonly Element[];
  readonly mask: readonly Element[];
  readonly values: readonly number[];
}

/** A repeatable stand-in for the system's generator: streams of a named seed, one after the other. */
export function fixedRandom(name: string): (bytes: Uint8Array) => Uint8Array {
  const seed = new Uint8Array(32), nonce = new Uint32Array(3);
  new TextEncoder().encodeInto(name, seed);
  return (bytes) => {
    nonce[0]!++;
    expandChacha8(seed, new Uint8Array(nonce.buffer), bytes);
    return bytes;
  };
}

/** Runs a case and writes down what every machine had. */
export async function caseVector(gate: GateVectors, test: GateCase): Promise<CaseVector> {
  const random = fixedRandom(`${gate.section} ${test.name}`), letters = gate.letters(test);
  const run = await assertLaw({ ...test, engines: [new ReferenceEngine(), new ReferenceEngine()], random });
  return {
    name: test.name,
    letters,
    gates: run.gates.map(({ path, primitive }) => ({ path, gate: primitive, params: test.params[path] ?? {} })),
    inputs: test.inputs.map((_, i) => inputVector(test, run, i)),
    ...(test.weights && { weights: Object.values(test.weights).map((weights) => weightsVector(weights, run)) }),
    ...(test.constants && {
      constants: Object.fromEntries(Object.entries(test.constants).map(([name, values]) => [name, [...values]])),
    }),
    ...(test.clientInput && { clientInput: [...test.clientInput] }),
    ...(test.realTokens !== undefined && { realTokens: test.realTokens }),
    seeds: run.seeds.map((seed) => seed.expose().toHex()),
    salt: run.salt.toHex(),
    blocks: run.blocks.map(({ explicit, seed }, b) => {
      const { request, position, stage } = run.addresses[b]!;
      return {
        address: { request, stage, position },
        explicit: explicit.map((bytes) => bytes.toHex()),
        seedPart: seed.map((bytes) => bytes.toHex()),
      };
    }),
    records: run.gates.flatMap((planned) =>
      planned.records.map((record) => recordVector(gate.words, letters, run, planned, record))
    ),
    exchanges: run.exchanged.map((messages) => messages.map(openingVector)),
    result: {
      ringBits: run.clear.ringBits,
      scale: run.clear.scale,
      knownTo: run.clear.knownTo,
      masked: elementsOf(run.masked[0], run.clear.ringBits),
      mask: masksOf(run.mask),
      values: [...run.clear.data],
    },
  };
}

/** Ring elements from words of an engine. */
function elementsOf(words: Uint32Array, ringBits: number): Element[] {
  return toBigInts(words, ringBits).map((value) => element(value, ringBits));
}

function element(value: bigint, ringBits: number): Element {
  return ringBits <= 32 ? Number(value) : `${value}`;
}

function masksOf(masks: MaskWords): Element[] {
  return masks instanceof BigUint64Array ? Array.from(masks, String) : [...masks];
}

function inputVector(test: GateCase, run: LawResult, i: number): InputVector {
  const { kind, ringBits, scale, extent, data } = test.inputs[i]!, masks = run.masks[i]!;
  const ring = (value: bigint): Element => element(BigInt.asUintN(ringBits, value), ringBits);
  const masked = Array.from(data, (value, e) => BigInt(value) + BigInt(masks[e]!));
  const other = Array.from(run.inputShares[i]!, BigInt);
  return {
    kind,
    ringBits,
    scale,
    rows: extent.rows,
    cols: extent.cols,
    values: [...data],
    masks: masksOf(masks),
    ...(kind === "wire"
      ? { masked: masked.map(ring) }
      : { shares: [masked.map((value, e) => ring(value - other[e]!)), other.map(ring)] as const }),
  };
}

function weightsVector(
  { ref, data, wordsPerElement: width = 1 }: NonNullable<LawCase["weights"]>[string],
  run: LawResult,
): WeightsVector {
  const bits = 32 * width, masks = toBigInts(run.weightMasks.get(ref.name)!, bits);
  const ring = (value: bigint): Element => element(BigInt.asUintN(bits, value), bits);
  return {
    ...ref,
    values: [...data],
    masks: masks.map(ring),
    masked: masks.map((mask, i) => ring(mask + BigInt(data[i]!))),
  };
}

function recordVector(
  words: GateVectors["words"],
  letters: Letters,
  { blocks }: LawResult,
  { path }: GateCost,
  { name, kind, fields, counts }: KeyRecord,
): RecordVector {
  const address = recordAddress(path, name), placed = blocks.map(({ layout }) => layout.records.get(address));
  const fieldsAt = fieldPlaces(fields);
  return {
    path: address,
    kind,
    bits: recordBits(fields),
    counts,
    places: placed.map((record) =>
      record === undefined
        ? []
        : record.places.map((place) =>
          place && [place.part === "explicit" ? "explicit" : "seedPart", place.offset] as [string, number]
        )
    ),
    fields: fields.map((field) => {
      const { at } = fieldsAt[field.name]!, widths = widthsOf(words[`${name}.${field.name}`], letters, field.bits);
      const elements = blocks.flatMap(({ explicit, seed }, b) =>
        Array.from({ length: counts[b]! }, (_, e) => {
          const halves = [0, 1].map((party) => {
            const place = placed[b]?.places[party];
            if (!place) return null;
            const bytes = (place.part === "explicit" ? explicit : seed)[party]!;
            return bitsAt(bytes, 8 * place.offset + e * placed[b]!.bits + at, field.bits);
          });
          return fieldValues(halves, kind, field.bits, widths);
        })
      );
      const wordBits = new Set(widths).size > 1 ? widths : widths[0];
      return { name: field.name, bits: field.bits, ...(wordBits !== undefined && { wordBits }), elements };
    }),
  };
}

/** The widths of a field's words; none where it holds bits. */
function widthsOf(words: GateVectors["words"][string] | undefined, letters: Letters, bits: number): number[] {
  if (words === undefined) return [];
  if (typeof words !== "string") return words.map((width) => evaluate(width, letters)).filter((width) => width > 0);
  const width = evaluate(words, letters);
  return width === 0 ? [] : Array.from({ length: bits / width }, () => width);
}

/** Bits of a bit array, as an integer. */
function bitsAt(bytes: Uint8Array, from: number, bits: number): bigint {
  const padded = new Uint8Array(bytes.length + 8);
  padded.set(bytes);
  let value = 0n;
  for (let at = 0; at < bits; at += 32) {
    value |= readWide(padded, from + at, Math.min(32, bits - at)) << BigInt(at);
  }
  return value;
}

/** Both halves of a field and what they are together: the sum of words, the XOR of bits, or what one party knows whole. */
function fieldValues(
  halves: readonly (bigint | null)[],
  kind: KeyRecord["kind"],
  bits: number,
  widths: readonly number[],
): [FieldValue | null, FieldValue | null, FieldValue] {
  const split = (value: bigint): bigint[] =>
    widths.map((width) => {
      const word = BigInt.asUintN(width, value);
      value >>= BigInt(width);
      return word;
    });
  const form = (value: bigint): FieldValue =>
    widths.length > 0
      ? split(value).map((word, i) => element(word, widths[i]!))
      : Uint8Array.from({ length: Math.ceil(bits / 8) }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn)).toHex();
  const [a, b] = halves, alone = a === null || b === null || kind === "common";
  const together = alone
    ? form((b ?? a)!)
    : widths.length > 0
    ? split(a!).map((word, i) => element(BigInt.asUintN(widths[i]!, word + split(b!)[i]!), widths[i]!))
    : form(a! ^ b!);
  return [a === null ? null : form(a!), b === null ? null : form(b!), together];
}

function openingVector({ kind, bits, count, sent, opened }: LawMessage): OpeningVector {
  return {
    kind,
    bits,
    count,
    sent: sent.map((bytes) => bytes.toHex()),
    opened: opened.map((words, party) => {
      if (words === null) return null;
      const size = words.length / Math.max(1, count);
      return size === wordsPerElement(32)
        ? [...words]
        : toBigInts(words, 64).map((value) => element(value, bits[party]!));
    }),
  };
}
