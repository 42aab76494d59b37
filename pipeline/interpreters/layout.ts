/**
 * Where every key record lies: the layout of a block, computed from the plan alone by dealer and parties.
 *
 * A *block* is the key of one (request, stage, position); of a bidirectional model, of one (request, stage). Each
 * party's block has an explicit part, which stands in its key stream, and a seed part, which it expands from its
 * session seed at the block's address. Records follow in the order of the gates; every record begins at a multiple of
 * 4 bytes.
 *
 * **A record's way from the dealer to a kernel.** Its shape changes where somebody else must not know more of it:
 *
 * ```text
 *  gate's plan     KeyRecord      named fields, elements of each block of a lane
 *                     │ layoutBlock
 *  layout          PlacedRecord   of one block: bits, count, a Place for either party
 *                     │
 *           ┌─────────┴──────────┐
 *  dealer   │ LaneDealer.writer  │ placeBlocks    party
 *        Segment                 │                one block of a record, both halves as bytes
 *           │ Writer             │                all blocks as one run of elements: what a gate's dealer writes
 *        DealtBlock              │                both parties' bytes of a block, as they go into the key streams
 *           └ ─ ─ key stream ─ ─ ┤
 *                             PlacedBlock         where a block's two parts begin in the lane's KeyMemory
 *                                │ recordView
 *                             RecordView          this party's half in all blocks, its fields by name: what engines get
 *                                │
 *                             KeyCursor           one element (reference), or a kernel's arguments (WASM, WebGPU)
 * ```
 *
 * A KeyRecord has no bytes, so that a plan costs nothing; a PlacedRecord no memory, so that layouts are kept once per
 * layer and shared by all requests; a Segment has both halves, which only the dealer may hold; a RecordView one.
 *
 * @module
 */

import type { Party } from "../../core/channel.ts";
import type { SeedStream } from "../../core/engine.ts";
import { address, PURPOSE } from "../../core/prg/seed.ts";
import { fieldPlaces, type KeyRecord, recordBits, type RecordKind, type WeightRef } from "../../core/protocols/key.ts";

/** The part of a party's block that holds its half of a record. */
export interface Place {
  /** Read from the key stream, or expanded from the seed. */
  readonly part: "explicit" | "seed";
  /** Byte offset within that part. */
  readonly offset: number;
}

/** One record of one block. */
export interface PlacedRecord {
  /** Where the halves come from. */
  readonly kind: RecordKind;
  /** Bits of one element. */
  readonly bits: number;
  /** Elements in this block. */
  readonly count: number;
  /** Bytes of either half, a multiple of 4. */
  readonly bytes: number;
  /** Places in the blocks of party 0 and party 1; null where the party holds nothing. */
  readonly places: readonly [Place | null, Place | null];
}

/** The key of one block, for both parties. */
export interface BlockLayout {
  /** By address within the block, `path#record`. */
  readonly records: ReadonlyMap<string, PlacedRecord>;
  /** Bytes in each party's key stream. */
  readonly explicitBytes: readonly [number, number];
  /** Bytes that each party expands from its seed. */
  readonly seedBytes: readonly [number, number];
}

/** One gate of a lane as the plan saw it. */
export interface PlannedGate {
  /** Names from the stage down to the gate. */
  readonly path: string;
  /** Records of the gate's key. */
  readonly records: readonly KeyRecord[];
  /** The weight matrix that the gate multiplies by, if any. */
  readonly weights?: WeightRef | undefined;
}

/** Address of a record within a block. */
export function recordAddress(path: string, record: string): string {
  return `${path}#${record}`;
}

/** Which party holds the explicit half of each given record, by address. */
export type Owners = ReadonlyMap<string, 0 | 1>;

/**
 * Assigns the explicit halves of a stage's given records, counted over all blocks of the session: the largest first,
 * each to the stream that is shorter so far, so that both streams come out nearly equal. The choice is per stage and
 * not per block: a record has one owner in all blocks of a lane.
 *
 * @param before Bits of both streams that this stage shall even out, of another one.
 */
export function assignOwners(gates: readonly PlannedGate[], before: readonly [number, number] = [0, 0]): Owners {
  const owners = new Map<string, 0 | 1>(),
    totalBits = [...before],
    open: { readonly address: string; readonly bits: number }[] = [];
  for (const gate of gates) {
    for (const record of gate.records) {
      const bits = recordBits(record.fields) * record.counts.reduce((a, b) => a + b, 0);
      if (record.kind === "given0") totalBits[0]! += bits;
      if (record.kind === "client") totalBits[1]! += bits;
      if (record.kind === "given") open.push({ address: recordAddress(gate.path, record.name), bits });
    }
  }
  // A stable sort: equal sizes keep the order of the gates.
  for (const { address, bits } of open.sort((a, b) => b.bits - a.bits)) {
    const owner = totalBits[0]! <= totalBits[1]! ? 0 : 1;
    totalBits[owner]! += bits;
    owners.set(address, owner);
  }
  return owners;
}

/**
 * Lays out block `block` of a lane. A record without elements in this block takes no place, so the layout does not
 * depend on how positions are grouped into lanes.
 */
export function layoutBlock(gates: readonly PlannedGate[], block: number, owners: Owners): BlockLayout {
  const records = new Map<string, PlacedRecord>(),
    explicitBytes: [number, number] = [0, 0],
    seedBytes: [number, number] = [0, 0];
  for (const gate of gates) {
    for (const record of gate.records) {
      const count = record.counts[block]!, bits = recordBits(record.fields), bytes = 4 * Math.ceil(count * bits / 32);
      if (count === 0 || bits === 0) continue;
      const address = recordAddress(gate.path, record.name);
      if (records.has(address)) throw new Error(`Internal error: two gates share the address ${address}`);
      const place = (party: 0 | 1, part: "explicit" | "seed"): Place => {
        const totals = part === "explicit" ? explicitBytes : seedBytes, offset = totals[party];
        totals[party] += bytes;
        return { part, offset };
      };
      records.set(address, {
        kind: record.kind,
        bits,
        count,
        bytes,
        places: halves(record.kind, owners.get(address) ?? 0, place),
      });
    }
  }
  return { records, explicitBytes, seedBytes };
}

function halves(
  kind: RecordKind,
  owner: 0 | 1,
  place: (party: 0 | 1, part: "explicit" | "seed") => Place,
): [Place | null, Place | null] {
  switch (kind) {
    case "given":
      return owner === 0 ? [place(0, "explicit"), place(1, "seed")] : [place(0, "seed"), place(1, "explicit")];
    case "given0":
      return [place(0, "explicit"), place(1, "seed")];
    case "free":
      return [place(0, "seed"), place(1, "seed")];
    case "own1":
      return [null, place(1, "seed")];
    case "client":
      return [null, place(1, "explicit")];
    case "common":
      return [place(0, "explicit"), place(1, "explicit")];
  }
}

/** Bit offset of a field within its record. */
export function fieldOffset({ name, fields }: KeyRecord, field: string): number {
  const place = fieldPlaces(fields)[field];
  if (place === undefined) throw new Error(`Internal error: ${name} has no field ${field}`);
  return place.at;
}

/** Address of a block within a session. */
export interface BlockAddress {
  /** Number of the request. */
  readonly request: number;
  /** Position within the request. */
  readonly position: number;
  /** Stage: 0 is the input, 1..L the layers, L+1 the output. */
  readonly stage: number;
}

/** One block's place in a lane's key memory. */
export interface PlacedBlock {
  /** Records of the block. */
  readonly layout: BlockLayout;
  /** Byte offset of the explicit part. */
  readonly explicitAt: number;
  /** Byte offset of the seed part. */
  readonly seedAt: number;
}

/** Where a party's blocks lie in a memory of `bytes` bytes: all explicit parts, then all seed parts. */
export function placeBlocks(
  layouts: readonly BlockLayout[],
  party: Party,
): { readonly blocks: PlacedBlock[]; readonly bytes: number; readonly explicitBytes: number } {
  const explicitBytes = layouts.reduce((sum, layout) => sum + layout.explicitBytes[party], 0);
  let explicitAt = 0, seedAt = explicitBytes;
  const blocks = layouts.map((layout) => {
    const block = { layout, explicitAt, seedAt };
    explicitAt += layout.explicitBytes[party];
    seedAt += layout.seedBytes[party];
    return block;
  });
  return { blocks, bytes: seedAt, explicitBytes };
}

/** What fills the seed parts of a party's blocks. */
export function seedStreams(
  blocks: readonly PlacedBlock[],
  addresses: readonly BlockAddress[],
  party: Party,
): SeedStream[] {
  return blocks.map(({ layout, seedAt }, b) => ({
    nonce: address({ purpose: PURPOSE.key, ...addresses[b]! }),
    offset: seedAt,
    byteLength: layout.seedBytes[party],
  }));
}
