/**
 * The plan interpreter: shapes only. Running a stage under it gives the exact cost of every gate and the layout of its
 * keys, in microseconds.
 *
 * @module
 */

import { sentBytes } from "../../core/protocols/cost.ts";
import type { WeightRef } from "../../core/protocols/key.ts";
import type { Gate, OpeningSize } from "../../core/protocols/opening.ts";
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
import type { PlannedGate } from "./layout.ts";

/** Cost and key records of one gate of a lane. */
export interface GateCost extends PlannedGate {
  /** Name of the primitive. */
  readonly primitive: string;
  /** One entry per exchange. */
  readonly opens: readonly (readonly OpeningSize[])[];
  /** Bytes that each party sends, every tensor rounded up to bytes. */
  readonly sentBytes: readonly [number, number];
}

/** Context of the plan. */
export class PlanContext implements Context<"plan"> {
  /** The plan sees shapes. */
  readonly view = "plan";
  /** Every gate so far, in the order in which it ran. */
  readonly gates: GateCost[];
  readonly #path: string;

  /** Context below an address path; `gates` collects. */
  constructor(gates: GateCost[] = [], path = "") {
    this.gates = gates;
    this.#path = path;
  }

  gate = function* <P, I extends readonly Kind[], K extends Kind>(
    this: PlanContext,
    name: string,
    primitive: Primitive<P, I, K>,
    params: P,
    ...x: Inputs<"plan", I>
  ): Gate<Kinds<"plan">[K]> {
    const { out, key, opens } = primitive.plan(params, x);
    this.gates.push({
      path: this.#path + name,
      primitive: primitive.name,
      records: key,
      opens,
      sentBytes: sentBytes(opens),
      weights: (params as { weights?: WeightRef }).weights,
    });
    for (const exchange of opens) yield exchange.map((opening) => ({ ...opening, share: null }));
    return out;
  }.bind(this) as Context<"plan">["gate"];

  /** Shapes of a public-linear operation. */
  local = <P>(op: LocalOp<P>, params: P, ...x: Wire<"plan">[]): Wire<"plan"> =>
    wire("plan", op.shape(params, x), null, leastKnown(x));

  within = (name: string): PlanContext => new PlanContext(this.gates, `${this.#path}${name}/`);

  as = (): PlanContext => this;

  store = (cache: Cache<"plan">, x: Operand<"plan">): void => {
    cache.tokens += elementCount(x.extent) / cache.width;
  };
}

/** Runs a gate to its end without moving data, and counts its exchanges. */
export function finish<T>(gate: Gate<T>): { value: T; exchanges: number } {
  let exchanges = 0;
  for (let next = gate.next();; next = gate.next([])) {
    if (next.done) return { value: next.value, exchanges };
    exchanges++;
  }
}
