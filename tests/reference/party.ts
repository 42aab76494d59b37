/**
 * A second implementation's party: it has a seed, an address, its explicit parts and the records' places, as the vectors of gates give them, and reads
 * fields by name. Imports nothing from `core/`.
 */

import { chacha8Block } from "./chacha8.ts";

/** What the vector of a gate's case says of keys. */
export interface KeyedCase {
  readonly seeds: readonly string[];
  readonly blocks: readonly {
    readonly address: { readonly request: number; readonly stage: number; readonly position: number };
    readonly explicit: readonly string[];
    readonly seedPart: readonly string[];
  }[];
  readonly records: readonly {
    readonly path: string;
    readonly bits: number;
    readonly counts: readonly number[];
    readonly places: readonly (readonly (readonly [string, number] | readonly (string | number)[] | null)[])[];
    readonly fields: readonly { readonly name: string; readonly bits: number }[];
  }[];
}

/** The nonce of a block's seed part, SPEC.md §3.1. */
export function nonceOf(purpose: number, stage: number, request: number, position: number): Uint8Array {
  const littleEndian = (value: number, bytes: number): number[] =>
    Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256);
  return Uint8Array.from([
    purpose,
    0,
    ...littleEndian(stage, 2),
    ...littleEndian(request, 4),
    ...littleEndian(position, 4),
  ]);
}

/** The first bytes of a stream. */
export function stream(seed: Uint8Array, nonce: Uint8Array, length: number): Uint8Array {
  const bytes: number[] = [];
  for (let block = 0; bytes.length < length; block++) bytes.push(...chacha8Block(seed, nonce, block));
  return Uint8Array.from(bytes.slice(0, length));
}

/** One party of one case. */
export class Party {
  readonly party: 0 | 1;
  readonly #case: KeyedCase;
  /** Both parts of every block. */
  readonly #parts: readonly Readonly<Record<string, Uint8Array>>[];

  constructor(party: 0 | 1, keyed: KeyedCase) {
    this.party = party;
    this.#case = keyed;
    this.#parts = keyed.blocks.map(({ address, explicit, seedPart }) => {
      const nonce = nonceOf(0, address.stage, address.request, address.position);
      return {
        explicit: Uint8Array.fromHex(explicit[party]!),
        seedPart: stream(Uint8Array.fromHex(keyed.seeds[party]!), nonce, seedPart[party]!.length / 2),
      };
    });
  }

  /** What this party's seed expands to in a block. */
  seedPart(block: number): Uint8Array {
    return this.#parts[block]!.seedPart!;
  }

  /** Whether this party holds the explicit half of a record. */
  isExplicit(record: string): boolean {
    return this.#find(record).places[0]![this.party]![0] === "explicit";
  }

  /** Bits of a field of element e, bit 0 first. */
  bits(record: string, field: string, e: number): number[] {
    const { bits, counts, places, fields } = this.#find(record);
    let block = 0;
    while (e >= counts[block]!) e -= counts[block++]!;
    const [part, byte] = places[block]![this.party] as [string, number], bytes = this.#parts[block]![part]!;
    const at = fields.slice(0, fields.findIndex(({ name }) => name === field)).reduce((sum, { bits }) => sum + bits, 0);
    const from = 8 * byte + bits * e + at;
    return Array.from(
      { length: fields.find(({ name }) => name === field)!.bits },
      (_, i) => (bytes[Math.floor((from + i) / 8)]! >> ((from + i) % 8)) & 1,
    );
  }

  /** Words of a field, of so many bits each. */
  words(record: string, field: string, e: number, wordBits: number): bigint[] {
    if (wordBits === 0) return [];
    const bits = this.bits(record, field, e);
    return Array.from(
      { length: bits.length / wordBits },
      (_, w) => toInteger(bits.slice(w * wordBits, (w + 1) * wordBits)),
    );
  }

  #find(record: string): KeyedCase["records"][number] {
    return this.#case.records.find(({ path }) => path === record)!;
  }
}

/** The integer of bits, bit 0 first. */
export function toInteger(bits: readonly number[]): bigint {
  return bits.reduceRight((value, bit) => 2n * value + BigInt(bit), 0n);
}

/** The low bits of an integer, bit 0 first. */
export function toBits(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number((value >> BigInt(i)) & 1n));
}
