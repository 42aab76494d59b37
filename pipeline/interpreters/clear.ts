/**
 * The clear interpreter: exact integers, the oracle. It asserts every gate's precondition, so an overflow is an error
 * here that names the wire.
 *
 * @module
 */

import { ModelError } from "../../core/errors.ts";
import type { ClearReader } from "../../core/protocols/key.ts";
import type { Gate } from "../../core/protocols/opening.ts";
import type { Context, LocalOp, Primitive, Role } from "../../core/protocols/primitive.ts";
import {
  type Cache,
  elementCount,
  type Inputs,
  type Kind,
  type Kinds,
  leastKnown,
  type Operand,
  type TensorBase,
  type Wire,
  wire,
} from "../../core/protocols/tensor.ts";
import { lowMask } from "../../core/ring/words.ts";

/** What a gate reads. */
export interface Observed {
  /** The gate. */
  readonly path: string;
  /** What the composition says that the value is for. */
  readonly role: Role;
  /** The value. */
  readonly x: TensorBase<"clear">;
  /** The gate's limit, infinite where it declares none. */
  readonly limit: number;
}

/** What the oracle needs beside the gates. */
export interface ClearOptions {
  /** What errors say before a gate's path. */
  readonly place?: string;
  /** Weights and input in the clear. */
  readonly reader: Omit<ClearReader, "coins">;
  /** Coins of dithered rounding that a run has kept, by gate path; fresh ones where absent. */
  readonly coins?: (path: string, bits: number, count: number) => Uint32Array;
  /** Called with every tensor that a gate reads. */
  readonly observe?: (observed: Observed) => void;
}

/** Uniform coins: a sample of what a run would keep. */
function freshCoins(_path: string, bits: number, count: number): Uint32Array {
  const coins = new Uint32Array(count);
  for (let i = 0; i < count; i += 16384) crypto.getRandomValues(coins.subarray(i, i + 16384));
  return coins.map((coin) => (coin & lowMask(bits)) >>> 0);
}

/** Context of the oracle. */
export class ClearContext implements Context<"clear"> {
  /** The oracle sees integers. */
  readonly view = "clear";
  readonly #options: ClearOptions;
  readonly #path: string;
  readonly #role: Role;

  /** Context below an address path. */
  constructor(options: ClearOptions, path = "", role: Role = {}) {
    this.#options = options;
    this.#path = path;
    this.#role = role;
  }

  // deno-lint-ignore require-yield -- the oracle opens nothing
  gate = function* <P, I extends readonly Kind[], K extends Kind>(
    this: ClearContext,
    name: string,
    primitive: Primitive<P, I, K>,
    params: P,
    ...x: Inputs<"clear", I>
  ): Gate<Kinds<"clear">[K]> {
    const path = this.#path + name, { place = "", reader, coins = freshCoins, observe } = this.#options;
    try {
      if (observe !== undefined) {
        const limit = primitive.limit?.(params, x) ?? Infinity;
        for (const tensor of x as readonly Kinds<"clear">[Kind][]) {
          if (tensor.kind !== "cache" && tensor.kind !== "squares") {
            observe({ path, role: this.#role, x: tensor, limit });
          }
        }
      }
      return primitive.clear(params, x, { ...reader, coins: (bits, count) => coins(path, bits, count) });
    } catch (error) {
      if (error instanceof RangeError) {
        throw new ModelError(`Cannot represent the wire ${place}${path}: ${error.message}`, { cause: error });
      }
      throw error;
    }
  }.bind(this) as Context<"clear">["gate"];

  /** Runs a public-linear operation over the integers. */
  local = <P>(op: LocalOp<P>, params: P, ...x: Wire<"clear">[]): Wire<"clear"> => {
    const out = op.shape(params, x), data = new Float64Array(elementCount(out.extent));
    op.apply(params, x, data, true);
    return wire("clear", out, data, leastKnown(x));
  };

  within = (name: string): ClearContext => new ClearContext(this.#options, `${this.#path}${name}/`, this.#role);

  as = (role: Role): ClearContext => new ClearContext(this.#options, this.#path, { ...this.#role, ...role });

  store = (cache: Cache<"clear">, x: Operand<"clear">): void => {
    const data = new Float64Array(cache.data.length + x.data.length);
    data.set(cache.data);
    data.set(x.data, cache.data.length);
    cache.data = data;
    cache.tokens = data.length / cache.width;
  };
}
