/**
 * Key blocks of the lanes to come, read ahead in the order in which an ideal run starts them.
 *
 * A lane starts when all of its blocks are in engine memory. The window holds at least two lanes whatever their size,
 * so the oldest lane can always run and nothing waits in a circle.
 *
 * @module
 */

import type { Party } from "../../core/channel.ts";
import type { Engine, KeyMemory } from "../../core/engine.ts";
import type { Seed } from "../../core/prg/seed.ts";
import type { Positions } from "../../core/protocols/layers/attention.ts";
import { placeBlocks, type PlacedBlock, seedStreams } from "../interpreters/layout.ts";
import type { SessionPlan } from "./session_plan.ts";

/** Reads a party's key stream. */
export interface KeySource {
  /** Fills `into` from an offset of the stream. */
  read(into: Uint8Array, offset: number): Promise<void>;
}

/** One lane whose keys are wanted. */
export interface LaneAddress {
  /** Number of the request. */
  readonly request: number;
  /** Stage: 0 is the input, 1..L the layers, L+1 the output. */
  readonly stage: number;
  /** Positions of the lane, one block each. */
  readonly positions: Positions;
}

/** A lane's keys in engine memory. */
export interface LoadedLane {
  /** Explicit parts, then seed parts. */
  readonly memory: KeyMemory;
  /** Where each block lies. */
  readonly blocks: readonly PlacedBlock[];
}

/** Name of a lane, for maps. */
export function laneName({ request, stage, positions }: LaneAddress): string {
  return `${request}/${stage}/${positions.from}`;
}

/** What a window works with. */
export interface KeyWindowOptions {
  /** Whose keys. */
  readonly party: Party;
  /** Where they are loaded. */
  readonly engine: Engine;
  /** Layout and offsets. */
  readonly plan: SessionPlan;
  /** The party's session seed. */
  readonly seed: Seed;
  /** The party's key stream. */
  readonly source: KeySource;
  /** Bytes that may be loaded ahead. */
  readonly windowBytes: number;
}

/** Where the blocks of a lane lie in a key memory. */
export function placeLane(plan: SessionPlan, party: Party, lane: LaneAddress): ReturnType<typeof placeBlocks> {
  return placeBlocks(plan.blocksOf(lane.positions).map((position) => plan.layout(lane.stage, position)), party);
}

/** Expands the seed parts of a lane. */
export function expandLane(
  { engine, plan, seed, party }: Pick<KeyWindowOptions, "engine" | "plan" | "seed" | "party">,
  { request, stage, positions }: LaneAddress,
  { memory, blocks }: LoadedLane,
): void {
  const addresses = plan.blocksOf(positions).map((position) => ({ request, stage, position }));
  engine.expand(seed.expose(), memory, seedStreams(blocks, addresses, party));
}

interface Slot {
  readonly lane: LaneAddress;
  readonly bytes: number;
  readonly loaded: PromiseWithResolvers<LoadedLane>;
}

/** Loads lanes in schedule order and hands each out once. */
export class KeyWindow {
  readonly #options: KeyWindowOptions;
  readonly #slots = new Map<string, Slot>();
  readonly #queue: Slot[] = [];
  #heldBytes = 0;
  #heldLanes = 0;
  #loading = false;
  #failure: Error | null = null;

  /** Makes an empty window. */
  constructor(options: KeyWindowOptions) {
    this.#options = options;
  }

  /** Adds lanes to the end of the order. */
  schedule(lanes: readonly LaneAddress[]): void {
    for (const lane of lanes) {
      const { bytes } = placeLane(this.#options.plan, this.#options.party, lane),
        loaded = Promise.withResolvers<LoadedLane>();
      loaded.promise.catch(() => {}); // who takes the lane sees the failure
      const slot = { lane, bytes, loaded };
      this.#slots.set(laneName(lane), slot);
      this.#queue.push(slot);
    }
    void this.#fill();
  }

  /** The keys of a lane, once. */
  take(lane: LaneAddress): Promise<LoadedLane> {
    const name = laneName(lane), slot = this.#slots.get(name);
    if (slot === undefined) {
      return Promise.reject(new Error(`Internal error: the lane ${name} is not scheduled or was taken before`));
    }
    this.#slots.delete(name);
    return slot.loaded.promise;
  }

  /** Gives a lane's memory back. */
  release(loaded: LoadedLane): void {
    this.#heldBytes -= loaded.memory.byteLength;
    this.#heldLanes--;
    this.#options.engine.freeKeyMemory(loaded.memory);
    void this.#fill();
  }

  /** Rejects every lane that is not loaded yet. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const slot of this.#queue.splice(0)) slot.loaded.reject(error);
  }

  async #fill(): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    try {
      while (
        this.#queue.length > 0 &&
        (this.#heldLanes < 2 || this.#heldBytes + this.#queue[0]!.bytes <= this.#options.windowBytes)
      ) {
        const slot = this.#queue.shift()!;
        this.#heldBytes += slot.bytes;
        this.#heldLanes++;
        try {
          slot.loaded.resolve(await this.#load(slot));
        } catch (error) {
          const failure = error instanceof Error ? error : new Error(String(error));
          slot.loaded.reject(failure);
          this.fail(failure);
        }
      }
    } finally {
      this.#loading = false;
    }
  }

  async #load({ lane, bytes }: Slot): Promise<LoadedLane> {
    if (this.#failure !== null) throw this.#failure;
    const { engine, plan, party, source } = this.#options,
      { blocks } = placeLane(plan, party, lane),
      positions = plan.blocksOf(lane.positions),
      memory = engine.keyMemory(bytes),
      loaded = { memory, blocks };
    // Neighbours in the stream are neighbours in memory: read them together.
    for (let first = 0; first < blocks.length;) {
      const offset = plan.offset(party, lane.request, lane.stage, positions[first]!);
      let next = first, length = 0;
      do length += blocks[next++]!.layout.explicitBytes[party]; while (
        next < blocks.length &&
        plan.offset(party, lane.request, lane.stage, positions[next]!) === offset + length
      );
      if (length > 0) await source.read(memory.view(blocks[first]!.explicitAt, length), offset);
      first = next;
    }
    expandLane(this.#options, lane, loaded);
    return loaded;
  }
}
