/**
 * Linear layers whose weights party 0 knows: z = x·W + b mod 2^n in the ring of x, left as a share; and what is done to
 * such a share before it is opened.
 *
 * Ŵ = W + R_w is public to both parties (the client expands it from a seed, the dealer holds R_w). With r_x = r_0 + r_1
 * and free pads e_0, e_1,
 *
 *   party 0:  (x̂ - r_0)·W + e_0        party 1:  -r_1·Ŵ + e_1        r_z = e_0 + e_1 - r_1·R_w.
 *
 * Party 1's product does not use x̂ at all: it can be made before the input exists, and x̂ need not be opened to party
 * 1.
 *
 * - **Runs on:** both parties, locally: the result is a share   **Spec:** SPEC.md §5.1, §5.14
 * - **Exchanges:** `0`   **Sends:** nothing
 * - **Key:** `n` bits per input, explicit at party 0
 * - **Source:** masked weights as in [SIGMA]; the one-sided product and Ŵ from a seed are our own
 *
 * @module
 */

import type { Handle } from "../../engine.ts";
import { signExtend } from "../../ring/words.ts";
import { add, columns, type ColumnsParams, onMasks } from "../local/gate.ts";
import { columnsOf, sum } from "../local/kernels.ts";
import {
  type ConstantRef,
  type KeyReader,
  type KeyRecord,
  type KeyWriter,
  subtractFromPads,
  type WeightRef,
  writeMasks,
} from "../key.ts";
import { type Gate, open, type OpeningSize } from "../opening.ts";
import { assertRing, type Context, type Primitive } from "../primitive.ts";
import {
  blockCounts,
  elementCount,
  type Extent,
  type MaskWords,
  type Share,
  share,
  type TensorType,
  type View,
  type Wire,
  wire,
} from "../tensor.ts";

/** Parameters of {@linkcode linear}. */
export interface LinearParams {
  /** The matrix W. */
  readonly weights: WeightRef;
  /** Fractional bits of the integer weights. */
  readonly weightScale: number;
}

/** Ring, scale and shape of x·W. */
function productOf({ weights, weightScale }: LinearParams, { ringBits, scale, extent }: TensorType): TensorType {
  for (const cols of extent.cols) {
    if (cols !== weights.inputs) {
      throw new RangeError(
        `Cannot multiply by ${weights.name} as rows must have ${weights.inputs} columns: received ${cols}`,
      );
    }
  }
  const cols = extent.cols.map(() => weights.outputs);
  return { ringBits, scale: scale + weightScale, extent: { rows: extent.rows, cols } };
}

function matrixProduct(x: Float64Array, w: Int32Array, { inputs, outputs }: WeightRef): Float64Array {
  const rows = x.length / inputs, out = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    const to = out.subarray(row * outputs, (row + 1) * outputs);
    for (let i = 0; i < inputs; i++) {
      const factor = x[row * inputs + i]!;
      if (factor === 0) continue; // one-hot rows; the oracle may branch on clear values
      const from = i * outputs;
      for (let j = 0; j < outputs; j++) to[j]! += factor * w[from + j]!;
    }
  }
  return out;
}

/**
 * z = x·W as a share.
 *
 * @example A row times a matrix, and its key: 32 bits of each input, at party 0
 * ```ts
 * import { clearOf, costOf } from "sluice/core/protocols/cost.ts";
 * import { linear } from "sluice/core/protocols/linear/gate.ts";
 * import { wire } from "sluice/core/protocols/tensor.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { weights: { name: "w", inputs: 2, outputs: 3 }, weightScale: 0 };
 * const x = wire("clear", { ringBits: 32, scale: 10, extent: { rows: 1, cols: [2] } }, Float64Array.of(10, 100));
 * const z = clearOf(linear, params, [x], { weights: () => Int32Array.of(1, 2, 3, 4, 5, 6) });
 *
 * assertEquals([...z.data], [410, 520, 630]);
 * assertEquals(costOf(linear, params, x), { exchanges: 0, sentBytes: [0, 0], keyBits: 2 * 32 });
 * ```
 */
export const linear: Primitive<LinearParams, ["wire"], "share"> = {
  name: "linear",
  clear(p, [x], reader) {
    return share("clear", productOf(p, x), matrixProduct(x.data, reader.weights(p.weights), p.weights));
  },
  plan(p, [x]) {
    assertRing(x.ringBits, `multiply by ${p.weights.name}`);
    const n = x.ringBits, out = productOf(p, x);
    const key: KeyRecord[] = [
      { name: "mask", kind: "given0", counts: blockCounts(x.extent), fields: [{ name: "r", bits: n }] },
      { name: "pad", kind: "free", counts: blockCounts(out.extent), fields: [{ name: "e", bits: n }] },
    ];
    return { out: share("plan", out, null), key, opens: [] };
  },
  deal(p, [x], key) {
    const { data: r, ringBits: n } = x;
    writeMasks(key.record("mask"), n, r);
    return share("mask", productOf(p, x), padProduct(key, p.weights, r.length / p.weights.inputs, n));
  },
  // deno-lint-ignore require-yield -- a gate without an exchange
  *run(p, [x], key) {
    const party0 = key.party === 0;
    const data = key.prepared() ??
      key.engine.linear(party0 ? x.data : null, key.record("mask"), key.weights(p.weights), key.record("pad"));
    return share("masked", productOf(p, x), data);
  },
};

/** Parameters of {@linkcode addConstants}. */
export interface ConstantParams {
  /** The vector; it repeats over the elements, whose count is a multiple of its own. */
  readonly constants: ConstantRef;
}

/**
 * Adds a secret vector of party 0 to a share: a bias, or learned positions. Party 0 adds it to its half; the mask
 * stays. No key, no message.
 */
export const addConstants: Primitive<ConstantParams, ["share"], "share"> = {
  name: "constants",
  clear(p, [z], reader) {
    const values = reader.constants(p.constants);
    return { ...z, data: z.data.map((value, e) => value + values[e % values.length]!) };
  },
  plan(p, [z]) {
    if (elementCount(z.extent) % p.constants.count !== 0) {
      throw new RangeError(
        `Cannot add ${p.constants.name} as its ${p.constants.count} elements must repeat a whole number of times: received ${
          elementCount(z.extent)
        }`,
      );
    }
    return { out: z, key: [], opens: [] };
  },
  deal: (_p, [z]) => z,
  // deno-lint-ignore require-yield -- a gate without an exchange
  *run(p, [z], key) {
    const values = key.constants(p.constants);
    if (values === null) return z;
    const repeated = new Uint32Array(elementCount(z.extent));
    for (let at = 0; at < repeated.length; at += values.length) repeated.set(values, at);
    const vector = z.ringBits > 32 ? key.engine.upload(signExtend(repeated), 2) : key.engine.upload(repeated);
    return { ...z, data: sum(key.engine, z.data, vector, z.ringBits) };
  },
};

/** The dealer's r_z = e_0 + e_1 - r_1·R_w mod 2^n, with party 1's half r_1 of the record "mask". */
function padProduct(key: KeyWriter, weights: WeightRef, rows: number, ringBits: number): MaskWords {
  return subtractFromPads(key, key.maskProduct(weights, key.clientHalf("mask"), rows), ringBits);
}

/** Parameters of {@linkcode embed} and {@linkcode input}. */
export interface InputParams {
  /** Rows and columns of the input. */
  readonly extent: Extent;
  /** Ring of the input and of the result. */
  readonly ringBits: number;
  /** Fractional bits of the input. */
  readonly scale: number;
}

/**
 * The client's input times a matrix, without key bytes: x̂ = x + r_1 with a mask from party 1's seed alone, sent to
 * party 0 only; party 0 answers x̂·W + e_0 and party 1 adds e_1 - r_1·Ŵ. For one-hot rows this is a private embedding
 * lookup.
 *
 * - **Exchanges:** `1`   **Sends:** `[0, n]` bits per input   **Key:** `0`   **Spec:** SPEC.md §5.2
 */
export const embed: Primitive<InputParams & LinearParams, [], "share"> = {
  name: "embed",
  clear(p, _x, reader) {
    return share("clear", productOf(p, p), matrixProduct(reader.input(), reader.weights(p.weights), p.weights));
  },
  plan(p) {
    assertRing(p.ringBits, `multiply by ${p.weights.name}`);
    const out = productOf(p, p);
    const key: KeyRecord[] = [
      { name: "mask", kind: "own1", counts: blockCounts(p.extent), fields: [{ name: "r", bits: p.ringBits }] },
      { name: "pad", kind: "free", counts: blockCounts(out.extent), fields: [{ name: "e", bits: p.ringBits }] },
    ];
    return { out: share("plan", out, null), key, opens: [toParty0(p)] };
  },
  deal(p, _x, key) {
    const data = padProduct(key, p.weights, elementCount(p.extent) / p.weights.inputs, p.ringBits);
    return share("mask", productOf(p, p), data);
  },
  *run(p, _x, key) {
    const { engine, party } = key, own = key.input(), pad = key.record("pad"), weights = key.weights(p.weights);
    const masked = own === null ? null : addMask(own, key, p.ringBits);
    const [x] = yield* open(toParty0(p), masked);
    const data = party === 0
      ? engine.linear(x, null, weights, pad)
      : key.prepared() ?? engine.linear(null, key.record("mask"), weights, pad);
    return share("masked", productOf(p, p), data);
  },
};

/**
 * The client's input as a wire: x̂ = x + r_1, sent to party 0.
 *
 * - **Exchanges:** `1`   **Sends:** `[0, n]` bits per input   **Key:** `0`   **Spec:** SPEC.md §5.2
 */
export const input: Primitive<InputParams, [], "wire"> = {
  name: "input",
  clear: (p, _x, reader) => wire("clear", p, reader.input()),
  plan(p) {
    assertRing(p.ringBits, "take an input");
    return {
      out: wire("plan", p, null),
      key: [{ name: "mask", kind: "own1", counts: blockCounts(p.extent), fields: [{ name: "r", bits: p.ringBits }] }],
      opens: [toParty0(p)],
    };
  },
  deal: (p, _x, key) => wire("mask", p, key.clientHalf("mask")),
  *run(p, _x, key) {
    const own = key.input(), masked = own === null ? null : addMask(own, key, p.ringBits);
    const [data] = yield* open(toParty0(p), masked);
    return wire("masked", p, data);
  },
};

/** Party 1's x̂ = x + r_1 mod 2^n. */
function addMask(x: Handle, key: KeyReader, ringBits: number): Handle {
  return sum(key.engine, x, key.engine.unpack(key.record("mask"), "r"), ringBits);
}

function toParty0(p: InputParams): OpeningSize[] {
  return [{ kind: "add", count: elementCount(p.extent), bits: [p.ringBits, 0] }];
}

/** Numbers of an affine layer: a matrix and, if it has one, a bias of party 0. */
export interface AffineParams extends LinearParams {
  /** The bias at the scale of the product, or null. */
  readonly bias: ConstantRef | null;
}

/** x·W + b as a share. No exchange. */
export function* affine<V extends View>(ctx: Context<V>, name: string, p: AffineParams, x: Wire<V>): Gate<Share<V>> {
  const product = yield* ctx.gate(name, linear, { weights: p.weights, weightScale: p.weightScale }, x);
  return p.bias === null ? product : yield* ctx.gate(`${name}_bias`, addConstants, { constants: p.bias }, product);
}

/** Parameters of {@linkcode shareColumns}. */
export interface ShareColumnsParams extends ColumnsParams {
  /** Fractional bits that these columns have beyond those of the whole share. */
  readonly moreScale: number;
}

/** Columns [from, to) of every row of a share: each side slices what it has. No key, no message. */
export const shareColumns: Primitive<ShareColumnsParams, ["share"], "share"> = {
  name: "columns",
  clear(p, [z]) {
    const out = narrowed(p, z), data = new Float64Array(elementCount(out.extent));
    columns.apply(p, [z], data, true);
    return share("clear", out, data);
  },
  plan(p, [z]) {
    return { out: share("plan", narrowed(p, z), null), key: [], opens: [] };
  },
  deal: (p, [z]) => share("mask", narrowed(p, z), onMasks(columns, p, [z])),
  // deno-lint-ignore require-yield -- a gate without an exchange
  *run(p, [z], key) {
    return share("masked", narrowed(p, z), columnsOf(key.engine, z, z.extent, p));
  },
};

function narrowed(p: ShareColumnsParams, { ringBits, scale, extent: { rows, cols } }: TensorType): TensorType {
  return { ringBits, scale: scale + p.moreScale, extent: { rows, cols: cols.map(() => p.to - p.from) } };
}

/** x + y of two shares of one ring and scale: each side adds what it has. No key, no message. */
export const addShares: Primitive<Record<never, never>, ["share", "share"], "share"> = {
  name: "add",
  clear: (_p, [x, y]) => ({ ...x, data: x.data.map((value, e) => value + y.data[e]!) }),
  plan(_p, [x, y]) {
    add.shape({}, [x, y]);
    return { out: x, key: [], opens: [] };
  },
  deal: (p, [x, y]) => ({ ...x, data: onMasks(add, p, [x, y]) }),
  // deno-lint-ignore require-yield -- a gate without an exchange
  *run(_p, [x, y], key) {
    return { ...x, data: sum(key.engine, x.data, y.data, x.ringBits) };
  },
};
