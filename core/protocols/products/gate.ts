/**
 * Products of two wires. With standing shares [r_x], [r_y] (operands) and a free pad,
 *
 *   share of z:  [party 0] x̂·ŷ - x̂·[r_y] - [r_x]·ŷ + pad,      r_z = pad_0 + pad_1 - r_x·r_y   mod 2^n.
 *
 * A standing share is dealt once per element by {@linkcode hold} and serves every product of that element: cached keys
 * and values keep theirs across steps, queries are fresh.
 *
 * An operand may be a wire of a narrower ring of a bits with |x| < 2^(a-2) (`lift`). Its mask in the ring of the
 * product is then r_x - k·2^a·msb(r_x), where k = 1 - msb((x̂ + 2^(a-2)) mod 2^a) is public: the parties make their
 * share of that themselves, and the n - a bits of msb(r_x)·r_y that the result's mask cannot take in, because they
 * depend on k, are given.
 *
 * - **Source:** [Bea91]'s product on masked wires, the triple's last entry in the mask; standing shares and caches are our own
 *
 * @module
 */

import type { AttentionStep, Handle } from "../../engine.ts";
import { addWrap, widen } from "../extend/kernels.ts";
import { type KeyRecord, step, subtractFromPads, writeMasks } from "../key.ts";
import { assertKnownToBoth, assertRing, assertWordRing, type GatePlan, type Primitive } from "../primitive.ts";
import {
  blockCounts,
  type Cache,
  elementCount,
  type Extent,
  type MaskWords,
  maskWords,
  type Operand,
  share,
  type TensorType,
  type View,
} from "../tensor.ts";
import { MULTIPLY, MULTIPLY_ROW } from "./kernels.ts";

function padRecord(extent: Extent, ringBits: number): KeyRecord {
  return { name: "pad", kind: "free", counts: blockCounts(extent), fields: [{ name: "e", bits: ringBits }] };
}

/** The ring of a product: both factors live in it. */
function commonRing(x: Operand<View>, y: Operand<View> | Cache<View>): number {
  assertRing(x.ringBits, "multiply");
  if (x.ringBits !== y.ringBits) {
    throw new RangeError(`Cannot multiply as both rings must be equal: received ${x.ringBits} and ${y.ringBits} bits`);
  }
  return x.ringBits;
}

/** Ring, scale and shape of a product; both factors live in its ring. */
function productOf(x: Operand<View>, y: Operand<View> | Cache<View>, extent: Extent): TensorType {
  return { ringBits: commonRing(x, y), scale: x.scale + y.scale, extent };
}

/**
 * Deals a standing share of a wire's mask.
 *
 * - **Exchanges:** `0`   **Key:** `n` bits per element   **Spec:** SPEC.md §5.4
 */
export const hold: Primitive<Record<never, never>, ["wire"], "operand"> = {
  name: "hold",
  clear: (_p, [x]) => ({ ...x, kind: "operand", standing: null, lift: null }),
  plan(_p, [x]) {
    assertKnownToBoth(x, "hold a wire");
    assertRing(x.ringBits, "hold a wire");
    return {
      out: { ...x, kind: "operand", standing: null, lift: null },
      key: [{ name: "mask", kind: "given", counts: blockCounts(x.extent), fields: [{ name: "r", bits: x.ringBits }] }],
      opens: [],
    };
  },
  deal(_p, [x], key) {
    writeMasks(key.record("mask"), x.ringBits, x.data);
    return { ...x, kind: "operand", standing: null, lift: null };
  },
  // deno-lint-ignore require-yield -- a gate without an exchange
  *run(_p, [x], key) {
    const standing = key.engine.unpack(key.record("mask"), "r");
    return { ...x, kind: "operand", standing, lift: null };
  },
};

/** Parameters of {@linkcode multiply}. */
export interface MultiplyParams {
  /** y has one column, used for the whole row of x. */
  readonly broadcast: boolean;
}

function multiplyExtent(p: MultiplyParams, x: Operand<View>, y: Operand<View>): Extent {
  const want = p.broadcast ? x.extent.cols.length * x.extent.rows : elementCount(x.extent);
  if (elementCount(y.extent) !== want) {
    throw new RangeError(`Cannot multiply as y must have ${want} elements: received ${elementCount(y.extent)}`);
  }
  return x.extent;
}

/** Calls `visit(e, row)` for every element e of the lane and the index of its row. */
function eachElement(extent: Extent, visit: (e: number, row: number) => void): void {
  let e = 0, row = 0;
  for (const cols of extent.cols) {
    for (let i = 0; i < extent.rows; i++, row++) for (let c = 0; c < cols; c++, e++) visit(e, row);
  }
}

/**
 * Element-wise product, as a share. The operands bring the shares of their masks.
 *
 * - **Exchanges:** `0`   **Key:** `m - n` bits per element, n the ring of x's wire   **Spec:** SPEC.md §5.5
 */
export const multiply: Primitive<MultiplyParams, ["operand", "operand"], "share"> = {
  name: "multiply",
  clear(p, [x, y]) {
    const data = new Float64Array(x.data.length);
    eachElement(multiplyExtent(p, x, y), (e, row) => data[e] = x.data[e]! * y.data[p.broadcast ? row : e]!);
    return share("clear", productOf(x, y, x.extent), data);
  },
  plan(p, [x, y]) {
    const extent = multiplyExtent(p, x, y), n = commonRing(x, y), key = [padRecord(extent, n)];
    if (y.lift !== null) {
      throw new RangeError("Cannot multiply as the second operand's wire must be as wide as its ring");
    }
    if (x.lift !== null) {
      const fields = [{ name: "top", bits: n - x.lift.fromBits }];
      key.push({ name: "given", kind: "given", counts: blockCounts(extent), fields });
    }
    return { out: share("plan", productOf(x, y, extent), null), key, opens: [] };
  },
  deal(p, [x, y], key) {
    const n = x.ringBits, products = maskProducts(p, x, y);
    if (x.lift !== null) {
      const given = key.record("given"), { fromBits } = x.lift, rx = maskWords(x), ry = maskWords(y);
      eachElement(x.extent, (e, row) => {
        given.seek(e);
        given.word(0, n - fromBits, (rx[e]! >>> (fromBits - 1)) * ry[p.broadcast ? row : e]!);
      });
    }
    return share("mask", productOf(x, y, x.extent), subtractFromPads(key, products, n));
  },
  // deno-lint-ignore require-yield -- a gate without an exchange
  *run(p, [x, y], key) {
    const { engine } = key, n = x.ringBits, out = productOf(x, y, x.extent);
    const product = (value: Handle, mask: Handle): Handle =>
      step(key, p.broadcast ? MULTIPLY_ROW : MULTIPLY, {
        reads: { x: value, mask_x: mask, y: y.data, mask_y: standing(y) },
        params: { ring_bits: n },
        ...(p.broadcast ? { extent: x.extent } : {}),
      }).result;
    if (x.lift === null) return share("masked", out, product(x.data, standing(x)));

    const { fromBits, top } = x.lift, subtract = { in_bits: fromBits, shift: fromBits, subtracts: 1, out_bits: n };
    const mask = addWrap(engine, { a: standing(x), x: x.data, c: top! }, subtract);
    const data = product(widen(engine, { x: x.data, top: null }, { in_bits: fromBits, out_bits: n }), mask);
    const rest = engine.unpack(key.record("given"), "top");
    return share("masked", out, addWrap(engine, { a: data, x: x.data, c: rest }, subtract));
  },
};

/** r_x·r_y of every element. */
function maskProducts(p: MultiplyParams, x: Operand<"mask">, y: Operand<"mask">): MaskWords {
  const extent = multiplyExtent(p, x, y);
  if (x.data instanceof BigUint64Array) {
    const rx = x.data, ry = y.data as BigUint64Array, products = new BigUint64Array(rx.length);
    eachElement(extent, (e, row) => products[e] = rx[e]! * ry[p.broadcast ? row : e]!);
    return products;
  }
  const rx = x.data, ry = maskWords(y), products = new Uint32Array(rx.length);
  eachElement(extent, (e, row) => products[e] = Math.imul(rx[e]!, ry[p.broadcast ? row : e]!));
  return products;
}

function standing(x: Operand<"masked">): Handle {
  if (x.standing === null) throw new Error("Internal error: an operand without its standing share");
  return x.standing;
}

/** Parameters of {@linkcode scores} and {@linkcode mix}: the shape of one attention layer. */
export type AttentionParams = AttentionStep;

/**
 * Calls `visit(q, k, at)` for every (query head, cached token) pair: q and k are offsets of `width` values, `at` is the
 * score's index.
 */
function eachPair(p: AttentionParams, visit: (q: number, k: number, at: number) => void): void {
  const group = p.heads / p.kvHeads, perToken = p.kvHeads * p.width;
  let at = 0, q = 0;
  for (const [block, cols] of p.cols.entries()) {
    const start = p.starts[block]!;
    for (let token = 0; token < p.tokens; token++) {
      for (let head = 0; head < p.heads; head++, q += p.width) {
        const base = Math.floor(head / group) * p.width;
        for (let column = 0; column < cols; column++, at++) visit(q, (start + column) * perToken + base, at);
      }
    }
  }
}

function scoreExtent(p: AttentionParams): Extent {
  return { rows: p.tokens * p.heads, cols: p.cols };
}

function mixExtent(p: AttentionParams): Extent {
  return { rows: p.tokens, cols: p.cols.map(() => p.heads * p.width) };
}

function assertCached(p: AttentionParams, cache: Cache<View>): void {
  for (const [block, cols] of p.cols.entries()) {
    const end = p.starts[block]! + cols;
    if (end > cache.tokens) throw new RangeError(`Cannot attend to ${end} tokens as the cache holds ${cache.tokens}`);
  }
}

function attentionPlan(
  p: AttentionParams,
  extent: Extent,
  x: Operand<"plan">,
  cache: Cache<"plan">,
): GatePlan<"share"> {
  assertCached(p, cache);
  assertWordRing(x.ringBits, "attend");
  const n = commonRing(x, cache);
  return { out: share("plan", productOf(x, cache, extent), null), key: [padRecord(extent, n)], opens: [] };
}

/**
 * Scores q·k of every query head against the cached keys of its group, as a share: s = Σ_d q_d·k_d over `width`.
 *
 * - **Exchanges:** `0`   **Key:** `0`   **Spec:** SPEC.md §5.6
 */
export const scores: Primitive<AttentionParams, ["operand", "cache"], "share"> = {
  name: "scores",
  clear(p, [q, keys]) {
    const data = new Float64Array(elementCount(scoreExtent(p)));
    eachPair(p, (qAt, kAt, at) => {
      let sum = 0;
      for (let d = 0; d < p.width; d++) sum += q.data[qAt + d]! * keys.data[kAt + d]!;
      data[at] = sum;
    });
    return share("clear", productOf(q, keys, scoreExtent(p)), data);
  },
  plan: (p, [q, keys]) => attentionPlan(p, scoreExtent(p), q, keys),
  deal(p, [q, keys], key) {
    const rq = maskWords(q), rk = keys.data, products = new Uint32Array(elementCount(scoreExtent(p)));
    eachPair(p, (qAt, kAt, at) => {
      let sum = 0;
      for (let d = 0; d < p.width; d++) sum = (sum + Math.imul(rq[qAt + d]!, rk[kAt + d]!)) | 0;
      products[at] = sum;
    });
    return share("mask", productOf(q, keys, scoreExtent(p)), subtractFromPads(key, products, q.ringBits));
  },
  // deno-lint-ignore require-yield -- a gate without an exchange
  *run(p, [q, keys], key) {
    const data = key.engine.scores(q.data, standing(q), keys.data, p, key.record("pad"));
    return share("masked", productOf(q, keys, scoreExtent(p)), data);
  },
};

/**
 * Mixtures p·v of the cached values of every head's group, as a share: z_d = Σ_j p_j·v_{j,d}.
 *
 * - **Exchanges:** `0`   **Key:** `0`   **Spec:** SPEC.md §5.6
 */
export const mix: Primitive<AttentionParams, ["operand", "cache"], "share"> = {
  name: "mix",
  clear(p, [weights, values]) {
    const data = new Float64Array(elementCount(mixExtent(p)));
    eachPair(p, (outAt, vAt, at) => {
      const weight = weights.data[at]!;
      for (let d = 0; d < p.width; d++) data[outAt + d]! += weight * values.data[vAt + d]!;
    });
    return share("clear", productOf(weights, values, mixExtent(p)), data);
  },
  plan: (p, [weights, values]) => attentionPlan(p, mixExtent(p), weights, values),
  deal(p, [weights, values], key) {
    const rp = maskWords(weights), rv = values.data, products = new Uint32Array(elementCount(mixExtent(p)));
    eachPair(p, (outAt, vAt, at) => {
      const weight = rp[at]!;
      for (let d = 0; d < p.width; d++) products[outAt + d]! += Math.imul(weight, rv[vAt + d]!);
    });
    return share("mask", productOf(weights, values, mixExtent(p)), subtractFromPads(key, products, weights.ringBits));
  },
  // deno-lint-ignore require-yield -- a gate without an exchange
  *run(p, [weights, values], key) {
    const data = key.engine.mix(weights.data, standing(weights), values.data, p, key.record("pad"));
    return share("masked", productOf(weights, values, mixExtent(p)), data);
  },
};
