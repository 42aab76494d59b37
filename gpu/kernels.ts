/**
 * All kernels of the GPU engine: its own for memory, openings and products, and those of the gates.
 *
 * @module
 */

import { GATE_KERNELS } from "../core/protocols/kernels.ts";
import cacheStore from "./kernels/cache_store.wgsl" with { type: "text" };
import combine from "./kernels/combine.wgsl" with { type: "text" };
import expand from "./kernels/expand.wgsl" with { type: "text" };
import finishProduct from "./kernels/finish_product.wgsl" with { type: "text" };
import matrixRow from "./kernels/matrix_row.wgsl" with { type: "text" };
import matrixTile from "./kernels/matrix_tile.wgsl" with { type: "text" };
import matrixWide from "./kernels/matrix_wide.wgsl" with { type: "text" };
import mix from "./kernels/mix.wgsl" with { type: "text" };
import pack from "./kernels/pack.wgsl" with { type: "text" };
import place from "./kernels/place.wgsl" with { type: "text" };
import scores from "./kernels/scores.wgsl" with { type: "text" };
import subtractMask from "./kernels/subtract_mask.wgsl" with { type: "text" };
import unpack from "./kernels/unpack.wgsl" with { type: "text" };
import { type Binding, type KernelSpec, recordBindings, spec, specOf } from "./specs.ts";

const READ = (holds: string): Binding => ({ kind: "read", holds }),
  WRITE = (holds: string): Binding => ({ kind: "write", holds }),
  READ_RING = (holds: string): Binding => ({ kind: "read", holds, ring: true }),
  WRITE_RING = (holds: string): Binding => ({ kind: "write", holds, ring: true }),
  GIVEN = recordBindings(["given"]),
  GIVEN_BITS = { given_bits: "bits of one record" };

/** What both attention products bind, and their parameters. */
const ATTENTION: KernelSpec["bindings"] = {
  x: READ("masked values"),
  mask: READ("shares of their masks, secret"),
  own: { kind: "read all", holds: "right operands: masked values minus masks, or minus masks" },
  negated: { kind: "read all", holds: "right operands: masked values, negated" },
  ...recordBindings(["free"]),
  result: WRITE("share, secret"),
};
const ATTENTION_PARAMS = {
  free_bits: "bits of one free record",
  heads: "query heads of a token",
  group_heads: "query heads that share a cached one",
  width: "values of a head",
  per_token: "cached values of a token",
  column_first: "first column whose token is bound",
  column_end: "column behind the last",
  ring_mask: "2^n - 1",
};

/** What the products with a matrix bind, and their parameters. */
const MATRIX: KernelSpec["bindings"] = {
  x: READ("masked values or shares"),
  weights: { kind: "read all", holds: "a part of the weights" },
  product: WRITE("partial products"),
};
const MATRIX_PARAMS = {
  rows: "rows of x",
  inputs: "columns of x",
  outputs: "columns of the weights",
  input_first: "row of the weights that is bound first",
  input_end: "row of the weights behind the last",
  slice_first: "index of the first partial product",
  slice_inputs: "rows of the weights that a slice covers",
};

/** The engine's own kernels. */
export const OWN_KERNELS: readonly KernelSpec[] = [
  spec("expand", expand, {
    seed: { kind: "read all", holds: "seed, ranges and nonces" },
    key_memory: { kind: "write all", holds: "key bits, secret" },
  }, { range_count: "ranges in `seed`" }),
  spec("place", place, {
    source: { kind: "read all", holds: "bytes to copy" },
    key_memory: { kind: "write all", holds: "key bits, secret" },
  }, {
    word_first: "first word of `key_memory` to write",
    source_bit: "bit of `source` that the first word begins with, plus 32",
    shift: "bits of the first word to keep",
    bit_end: "bits of the last word to write",
  }),
  spec("pack", pack, { x: READ("share, secret"), packed: WRITE("packed share, secret") }, {
    count: "elements",
    bits: "bits of an element to pack",
    wide: "words of an element, 1 or 2",
  }),
  spec("combine", combine, {
    mine: READ_RING("this party's share, secret"),
    theirs: READ("the peer's packed share"),
    opened: WRITE_RING("opened values"),
  }, {
    bits: "bits of a packed element, 0 to 64",
    mine_words: "words of an element of `mine`, 1 or 2",
    opened_words: "words of an opened element, 1 or 2",
    is_xor: "1 for XOR, 0 for addition",
    has_mine: "1 where there is `mine`",
  }),
  spec("unpack", unpack, { ...GIVEN, result: WRITE_RING("key words, secret") }, {
    ...GIVEN_BITS,
    offset: "first bit of the field",
    bits: "bits of the field",
    result_words: "words of a result, 1 or 2",
  }),
  spec("subtract_mask", subtractMask, {
    x: READ_RING("masked value"),
    ...GIVEN,
    result: WRITE_RING("share, secret"),
  }, { ...GIVEN_BITS, x_words: "words of an element, 1 or 2", result_words: "the same", has_x: "0 for -r alone" }),
  spec("matrix_tile", matrixTile, MATRIX, MATRIX_PARAMS, "main"),
  spec("matrix_row", matrixRow, MATRIX, MATRIX_PARAMS, "main"),
  spec("matrix_wide", matrixWide, MATRIX, MATRIX_PARAMS, "main"),
  spec("finish_product", finishProduct, {
    product: READ_RING("partial products"),
    ...GIVEN,
    result: WRITE_RING("share, secret"),
  }, {
    ...GIVEN_BITS,
    product_words: "words of an element, 1 or 2",
    result_words: "the same",
    slices: "partial products",
    count: "elements of a partial product",
    has_pad: "0 where nothing is added",
    ring_bits: "n",
  }),
  spec("cache_store", cacheStore, {
    x: READ("masked values"),
    mask: READ("shares of their masks, secret"),
    own: { kind: "write all", holds: "masked values minus masks, or minus masks" },
    negated: { kind: "write all", holds: "masked values, negated" },
  }, { cache_at: "index of the first cached value", is_party0: "1 for party 0" }),
  spec("scores", scores, ATTENTION, ATTENTION_PARAMS),
  spec("mix", mix, ATTENTION, { ...ATTENTION_PARAMS, is_first: "1 for the part of the cache that adds the pad" }),
];

/** All kernels by name. */
export const KERNELS: ReadonlyMap<string, KernelSpec> = new Map(
  [...OWN_KERNELS, ...GATE_KERNELS.map(({ kernel, source }) => specOf(kernel, source))].map((
    made,
  ) => [made.name, made]),
);
