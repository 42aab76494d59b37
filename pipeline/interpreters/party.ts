/**
 * A party's interpreter: runs gates on masked values with the keys of one lane.
 *
 * @module
 */

import type { Engine, Handle, KeyMemory, RecordView, Weights } from "../../core/engine.ts";
import type { Party } from "../../core/channel.ts";
import { KeyError } from "../../core/errors.ts";
import { fieldPlaces, findRecord, type KeyReader, type KeyRecord, type WeightRef } from "../../core/protocols/key.ts";
import type { Gate } from "../../core/protocols/opening.ts";
import type { Context, LocalOp, Primitive } from "../../core/protocols/primitive.ts";
import {
  type Cache,
  elementCount,
  type Inputs,
  type Kind,
  type Kinds,
  leastKnown,
  type Operand,
  type Wire,
  wire,
} from "../../core/protocols/tensor.ts";
import { type PlacedBlock, recordAddress } from "./layout.ts";

/** What a party needs to run the gates of one lane. */
export interface PartyLane {
  /** Whose lane. */
  readonly party: Party;
  /** The party's arithmetic. */
  readonly engine: Engine;
  /** The lane's keys. */
  readonly memory: KeyMemory;
  /** Where each block lies in `memory`. */
  readonly blocks: readonly PlacedBlock[];
  /** Session salt of the tree DPF's node PRG, 16 bytes. */
  readonly salt: Uint8Array;
  /** W at party 0, Ŵ at party 1. */
  readonly weights: (ref: WeightRef) => Weights;
  /** Party 1's products made ahead, by gate path. */
  readonly prepared: ReadonlyMap<string, Handle>;
  /** Party 0's secret vectors by name; null at party 1. */
  readonly constants: ((name: string) => Int32Array) | null;
  /** The client's input of this lane. */
  readonly input: Handle | null;
  /** How many tokens of the client's text are real; null at party 0. */
  readonly realTokens: number | null;
  /** Takes the public coins of dithered rounding, packed, by gate path; null where nobody keeps them. */
  readonly keepCoins:
    | ((path: string, coins: Uint8Array | Promise<Uint8Array>, bits: number, count: number) => void)
    | null;
}

/** Finds a record of a lane in all of its blocks. */
export function recordView(
  lane: Pick<PartyLane, "party" | "memory" | "blocks">,
  path: string,
  { name: record, fields }: Pick<KeyRecord, "name" | "fields">,
): RecordView {
  const counts: number[] = [], at: number[] = [], address = recordAddress(path, record);
  let bits = 0, parity: 0 | 1 = 0;
  for (const block of lane.blocks) {
    const placed = block.layout.records.get(address), place = placed?.places[lane.party];
    counts.push(placed?.count ?? 0);
    at.push(place ? (place.part === "explicit" ? block.explicitAt : block.seedAt) + place.offset : 0);
    if (!placed) continue;
    if (!place) throw new KeyError(`Cannot read the key of ${path} as party ${lane.party} holds no half of ${record}`);
    bits = placed.bits;
    parity = place.part === "explicit" ? 1 : 0;
  }
  return { memory: lane.memory, bits, counts, at, parity, fields: fieldPlaces(fields) };
}

function handlesOf(tensor: Kinds<"masked">[Kind]): Handle[] {
  if (tensor.kind === "squares") return [...handlesOf(tensor.sum), ...handlesOf(tensor.operand)];
  if (tensor.kind === "cache") return [];
  const handles = tensor.kind === "operand" ? [tensor.data, tensor.standing, tensor.lift?.top] : [tensor.data];
  return handles.filter((handle) => handle !== null && handle !== undefined);
}

/** Context of a party. */
export class PartyContext implements Context<"masked"> {
  /** A party sees masked values. */
  readonly view = "masked";
  readonly #lane: PartyLane;
  readonly #path: string;

  /** Context of a lane below an address path. */
  constructor(lane: PartyLane, path = "") {
    this.#lane = lane;
    this.#path = path;
  }

  gate = function* <P, I extends readonly Kind[], K extends Kind>(
    this: PartyContext,
    name: string,
    primitive: Primitive<P, I, K>,
    params: P,
    ...x: Inputs<"masked", I>
  ): Gate<Kinds<"masked">[K]> {
    const lane = this.#lane, { engine } = lane, path = this.#path + name;
    const { key: records } = primitive.plan(params, x as unknown as Inputs<"plan", I>);
    const views = new Map<string, RecordView>();
    const reader: KeyReader = {
      party: lane.party,
      engine,
      salt: lane.salt,
      record: (name) => {
        let view = views.get(name);
        if (view === undefined) views.set(name, view = recordView(lane, path, findRecord(records, name)));
        return view;
      },
      weights: lane.weights,
      prepared: () => lane.prepared.get(path) ?? null,
      constants: ({ name, from, count }) =>
        lane.constants === null ? null : Uint32Array.from(lane.constants(name).subarray(from, from + count)),
      input: () => lane.input,
      realTokens: () => lane.realTokens,
      keepCoins: lane.keepCoins === null
        ? null
        : (coins, bits) => lane.keepCoins!(path, engine.pack(coins, bits), bits, coins.count),
    };
    // What a gate makes belongs to its own scope and goes when it ends; only the result stays with the lane.
    const scope = engine.begin(), gate = primitive.run(params, x, reader);
    let next = gate.next();
    while (!next.done) {
      engine.enter(scope.parent);
      const openings = next.value, theirs = yield openings;
      engine.enter(scope);
      next = gate.next(
        openings.map(({ kind, share, count, bits }, i) =>
          engine.combine(kind, share, count, theirs[i]!, bits[lane.party]!)
        ),
      );
    }
    scope.end(handlesOf(next.value));
    return next.value;
  }.bind(this) as Context<"masked">["gate"];

  /** Runs a public-linear operation on masked values. */
  local = <P>(op: LocalOp<P>, params: P, ...x: Wire<"masked">[]): Wire<"masked"> =>
    wire("masked", op.shape(params, x), op.run(params, x, this.#lane.engine), leastKnown(x));

  within = (name: string): PartyContext => new PartyContext(this.#lane, `${this.#path}${name}/`);

  as = (): PartyContext => this;

  store = (cache: Cache<"masked">, x: Operand<"masked">): void => {
    this.#lane.engine.store(this.#lane.party, cache.data, cache.tokens, x.data, x.standing!);
    cache.tokens += elementCount(x.extent) / cache.width;
  };
}
