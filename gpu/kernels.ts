/**
 * The kernels: their sources, the fragments they need, what they bind, and the fields of their parameters.
 *
 * @module
 */

import bits from "./kernels/_bits.wgsl" with { type: "text" };
import chacha from "./kernels/_chacha.wgsl" with { type: "text" };
import common from "./kernels/_common.wgsl" with { type: "text" };
import flat from "./kernels/_flat.wgsl" with { type: "text" };
import free from "./kernels/_free.wgsl" with { type: "text" };
import given from "./kernels/_given.wgsl" with { type: "text" };
import lookup from "./kernels/_lookup.wgsl" with { type: "text" };
import pairs from "./kernels/_pairs.wgsl" with { type: "text" };
import path from "./kernels/_path.wgsl" with { type: "text" };
import permuted from "./kernels/_permuted.wgsl" with { type: "text" };
import ring from "./kernels/_ring.wgsl" with { type: "text" };
import segments from "./kernels/_segments.wgsl" with { type: "text" };
import spare from "./kernels/_spare.wgsl" with { type: "text" };
import tree from "./kernels/_tree.wgsl" with { type: "text" };
import add from "./kernels/add.wgsl" with { type: "text" };
import addWrap from "./kernels/add_wrap.wgsl" with { type: "text" };
import cacheStore from "./kernels/cache_store.wgsl" with { type: "text" };
import columns from "./kernels/columns.wgsl" with { type: "text" };
import combine from "./kernels/combine.wgsl" with { type: "text" };
import distance from "./kernels/distance.wgsl" with { type: "text" };
import expClip from "./kernels/exp_clip.wgsl" with { type: "text" };
import expDitheredFinish from "./kernels/exp_dithered_finish.wgsl" with { type: "text" };
import expDitheredValues from "./kernels/exp_dithered_values.wgsl" with { type: "text" };
import expFinish from "./kernels/exp_finish.wgsl" with { type: "text" };
import expSymbols from "./kernels/exp_symbols.wgsl" with { type: "text" };
import expand from "./kernels/expand.wgsl" with { type: "text" };
import extend from "./kernels/extend.wgsl" with { type: "text" };
import finishProduct from "./kernels/finish_product.wgsl" with { type: "text" };
import matrixRow from "./kernels/matrix_row.wgsl" with { type: "text" };
import matrixTile from "./kernels/matrix_tile.wgsl" with { type: "text" };
import maximumMerge from "./kernels/maximum_merge.wgsl" with { type: "text" };
import maximumSelect from "./kernels/maximum_select.wgsl" with { type: "text" };
import maximumSymbols from "./kernels/maximum_symbols.wgsl" with { type: "text" };
import mix from "./kernels/mix.wgsl" with { type: "text" };
import multiply from "./kernels/multiply.wgsl" with { type: "text" };
import pack from "./kernels/pack.wgsl" with { type: "text" };
import place from "./kernels/place.wgsl" with { type: "text" };
import rotate from "./kernels/rotate.wgsl" with { type: "text" };
import rowFinish from "./kernels/row_finish.wgsl" with { type: "text" };
import rowSum from "./kernels/row_sum.wgsl" with { type: "text" };
import rowSymbols from "./kernels/row_symbols.wgsl" with { type: "text" };
import scores from "./kernels/scores.wgsl" with { type: "text" };
import shift from "./kernels/shift.wgsl" with { type: "text" };
import spliceBits from "./kernels/splice_bits.wgsl" with { type: "text" };
import spliceFinish from "./kernels/splice_finish.wgsl" with { type: "text" };
import spliceSymbols from "./kernels/splice_symbols.wgsl" with { type: "text" };
import squareSum from "./kernels/square_sum.wgsl" with { type: "text" };
import subtractMask from "./kernels/subtract_mask.wgsl" with { type: "text" };
import truncateFinish from "./kernels/truncate_finish.wgsl" with { type: "text" };
import truncateSymbols from "./kernels/truncate_symbols.wgsl" with { type: "text" };
import unpack from "./kernels/unpack.wgsl" with { type: "text" };
import addWide from "./kernels/add_wide.wgsl" with { type: "text" };
import addWrapWide from "./kernels/add_wrap_wide.wgsl" with { type: "text" };
import extendWide from "./kernels/extend_wide.wgsl" with { type: "text" };
import finishProductWide from "./kernels/finish_product_wide.wgsl" with { type: "text" };
import matrixWide from "./kernels/matrix_wide.wgsl" with { type: "text" };
import multiplyWide from "./kernels/multiply_wide.wgsl" with { type: "text" };
import shiftWide from "./kernels/shift_wide.wgsl" with { type: "text" };
import squareSumWide from "./kernels/square_sum_wide.wgsl" with { type: "text" };
import subtractMaskWide from "./kernels/subtract_mask_wide.wgsl" with { type: "text" };
import truncateFinishWide from "./kernels/truncate_finish_wide.wgsl" with { type: "text" };
import truncateSymbolsWide from "./kernels/truncate_symbols_wide.wgsl" with { type: "text" };
import type { Device } from "./device.ts";

/** Shared functions by name: `_name.wgsl`. */
const FRAGMENTS = {
  bits,
  chacha,
  common,
  flat,
  free,
  given,
  lookup,
  pairs,
  path,
  permuted,
  ring,
  segments,
  spare,
  tree,
} as const;

/**
 * What a kernel binds:
 *
 * | binding | is | its parameters |
 * | --- | --- | --- |
 * | `read`, `write` | a part of a tensor | `<name>_base`: index of the first bound word |
 * | `read all`, `write all` | a buffer from its beginning | |
 * | `tables` | public tables (`tables.ts`) in fours of words | |
 * | `record` | key bits, named `given_key`, `free_key` or `common_key` | `given_bits`, …: bits of one element |
 * | `lists` | the segments (`kernels/_segments.wgsl`) | `segment_count` |
 */
export type Binding = "read" | "write" | "read all" | "write all" | "tables" | "record" | "lists";

/** One kernel. */
export interface KernelSpec {
  /** Its WGSL, without the fragments. */
  readonly source: string;
  /** Fragments that precede it. */
  readonly needs: readonly (keyof typeof FRAGMENTS)[];
  /** Storage buffers in the order of their bindings; the parameters follow as the last one, a uniform. */
  readonly bindings: Readonly<Record<string, Binding>>;
  /** Fields of the parameters, all u32: the items, what the bindings say, then its own. */
  readonly params: readonly string[];
}

function kernel(
  source: string,
  needs: KernelSpec["needs"],
  bindings: KernelSpec["bindings"],
  own: readonly string[],
): KernelSpec {
  const entries = Object.entries(bindings),
    bases = entries.filter(([, kind]) => kind === "read" || kind === "write").map(([name]) => `${name}_base`),
    bits = entries.filter(([, kind]) => kind === "record").map(([name]) => `${name.slice(0, -"_key".length)}_bits`),
    segments = entries.some(([, kind]) => kind === "lists") ? ["segment_count"] : [];
  return { source, needs, bindings, params: ["first", "end", ...segments, ...bases, ...bits, ...own] };
}

/** What every gate step needs and reads. */
const STEP_NEEDS = ["ring", "bits", "segments", "given", "free"] as const;
const STEP_KEYS = { given_key: "record", free_key: "record", lists: "lists" } as const;

/** What both attention products bind, and their parameters. */
const ATTENTION = {
  x: "read",
  mask: "read",
  own: "read all",
  negated: "read all",
  free_key: "record",
  lists: "lists",
  result: "write",
} as const;
const ATTENTION_PARAMS = [
  "heads",
  "group_heads",
  "width",
  "per_token",
  "column_first",
  "column_end",
  "ring_mask",
] as const;

/** What both products with a matrix bind, and their parameters. */
const MATRIX = { x: "read", weights: "read all", product: "write" } as const;
const MATRIX_PARAMS = [
  "rows",
  "inputs",
  "outputs",
  "input_first",
  "input_end",
  "slice_first",
  "slice_inputs",
] as const;

/** All kernels by name: file name, label and key. */
export const KERNELS = {
  expand: kernel(expand, ["chacha"], { seed: "read all", key_memory: "write all" }, ["range_count"]),
  place: kernel(place, ["ring", "bits"], { source: "read all", key_memory: "write all" }, [
    "word_first",
    "source_bit",
    "shift",
    "bit_end",
  ]),
  pack: kernel(pack, ["ring"], { x: "read", packed: "write" }, ["count", "bits", "wide"]),
  combine: kernel(combine, ["ring", "bits"], { mine: "read", theirs: "read", opened: "write" }, [
    "bits",
    "wide",
    "is_xor",
    "has_mine",
  ]),
  add: kernel(add, [], { x: "read", y: "read", result: "write" }, ["ring_mask"]),
  shift: kernel(shift, [], { x: "read", result: "write" }, ["in_mask", "by", "out_mask"]),
  extend: kernel(extend, ["ring", "spare"], { x: "read", top: "read", result: "write" }, [
    "in_bits",
    "has_top",
    "ring_mask",
  ]),
  add_wrap: kernel(addWrap, ["ring", "spare"], { a: "read", x: "read", c: "read", result: "write" }, [
    "in_bits",
    "factor",
    "ring_mask",
  ]),
  columns: kernel(columns, ["segments"], { x: "read", lists: "lists", result: "write" }, ["column", "width"]),
  rotate: kernel(rotate, [], { x: "read", angles: "read", result: "write" }, ["heads", "half", "ring_mask"]),
  distance: kernel(distance, ["segments"], { top: "read", x: "read", lists: "lists", result: "write" }, [
    "scale",
    "ring_mask",
  ]),
  row_sum: kernel(rowSum, ["segments"], { x: "read", lists: "lists", result: "write" }, ["ring_mask"]),
  unpack: kernel(unpack, ["ring", "bits", "segments", "given"], {
    given_key: "record",
    lists: "lists",
    result: "write",
  }, ["offset", "bits", "wide"]),
  subtract_mask: kernel(subtractMask, ["ring", "bits", "segments", "given"], {
    x: "read",
    given_key: "record",
    lists: "lists",
    result: "write",
  }, ["has_x"]),
  matrix_tile: kernel(matrixTile, [], MATRIX, MATRIX_PARAMS),
  matrix_row: kernel(matrixRow, [], MATRIX, MATRIX_PARAMS),
  finish_product: kernel(finishProduct, ["ring", "bits", "segments", "given"], {
    product: "read",
    given_key: "record",
    lists: "lists",
    result: "write",
  }, ["slices", "count", "has_pad", "ring_mask"]),
  multiply: kernel(multiply, ["ring", "bits", "segments", "free"], {
    x: "read",
    mask_x: "read",
    y: "read",
    mask_y: "read",
    free_key: "record",
    lists: "lists",
    result: "write",
  }, ["broadcast", "is_party0", "ring_mask"]),
  cache_store: kernel(cacheStore, ["ring"], { x: "read", mask: "read", own: "write all", negated: "write all" }, [
    "cache_at",
    "is_party0",
  ]),
  scores: kernel(scores, ["ring", "bits", "segments", "free"], ATTENTION, ATTENTION_PARAMS),
  mix: kernel(mix, ["ring", "bits", "segments", "free"], ATTENTION, [
    "heads",
    "group_heads",
    "width",
    "per_token",
    "column_first",
    "column_end",
    "ring_mask",
    "is_first",
  ]),
  square_sum: kernel(squareSum, STEP_NEEDS, {
    x: "read",
    ...STEP_KEYS,
    result: "write",
  }, ["ring_bits", "out_bits", "wide", "is_party0"]),
  truncate_symbols: kernel(truncateSymbols, [...STEP_NEEDS, "flat", "permuted"], {
    z: "read",
    ...STEP_KEYS,
    symbols: "write",
  }, ["chunks", "chunk_count", "parity", "raise", "in_bits", "by", "tells", "symbol_count"]),
  truncate_finish: kernel(truncateFinish, [...STEP_NEEDS, "path"], {
    z: "read",
    opened: "read",
    ...STEP_KEYS,
    result: "write",
  }, ["chunk_count", "carries", "out_bits", "wrap_bits", "wrap_at", "in_bits", "by", "adds", "raise", "symbol_count"]),
  maximum_symbols: kernel(maximumSymbols, [...STEP_NEEDS, "pairs", "flat", "permuted"], {
    x: "read",
    ...STEP_KEYS,
    symbols: "write",
  }, ["chunks", "chunk_count", "parity", "bits", "symbol_count"]),
  maximum_select: kernel(maximumSelect, [...STEP_NEEDS, "pairs", "path"], {
    x: "read",
    opened: "read",
    ...STEP_KEYS,
    result: "write",
  }, ["chunk_count", "words_at", "bits", "symbol_count", "is_party0"]),
  maximum_merge: kernel(maximumMerge, ["segments"], { x: "read", selected: "read", lists: "lists", result: "write" }, [
    "ring_mask",
  ]),
  exp_symbols: kernel(expSymbols, [...STEP_NEEDS, "flat", "lookup"], {
    t: "read",
    ...STEP_KEYS,
    tables: "tables",
    symbols: "write",
    values: "write",
  }, ["low", "high", "top", "parity", "negate", "high_table", "ring_bits"]),
  exp_clip: kernel(expClip, ["ring", "bits", "segments", "free"], {
    opened: "read",
    free_key: "record",
    lists: "lists",
    clip: "write",
  }, ["is_party0"]),
  exp_finish: kernel(expFinish, STEP_NEEDS, {
    opened: "read",
    values: "read",
    clip: "read",
    ...STEP_KEYS,
    result: "write",
  }, ["words_at", "ring_bits"]),
  exp_dithered_values: kernel(expDitheredValues, [...STEP_NEEDS, "flat", "lookup"], {
    t: "read",
    ...STEP_KEYS,
    tables: "tables",
    values: "write",
  }, ["skip", "low", "high", "parity", "negate", "high_table", "ring_bits"]),
  exp_dithered_finish: kernel(expDitheredFinish, STEP_NEEDS, {
    values: "read",
    ...STEP_KEYS,
    result: "write",
  }, ["words_at", "ring_bits"]),
  splice_symbols: kernel(spliceSymbols, [...STEP_NEEDS, "flat", "lookup"], {
    x: "read",
    ...STEP_KEYS,
    tables: "tables",
    symbols: "write",
    values: "write",
  }, ["skip", "low", "index", "top", "parity", "negate", "value_bits"]),
  splice_bits: kernel(spliceBits, STEP_NEEDS, {
    opened: "read",
    ...STEP_KEYS,
    result: "write",
  }, ["pairs_at", "is_party0"]),
  splice_finish: kernel(spliceFinish, [...STEP_NEEDS, "spare"], {
    x: "read",
    values: "read",
    opened: "read",
    ...STEP_KEYS,
    result: "write",
  }, ["words_at", "in_bits", "value_bits", "ring_bits", "is_party0"]),
  row_symbols: kernel(rowSymbols, [
    ...STEP_NEEDS,
    "common",
    "flat",
    "permuted",
    "chacha",
    "tree",
  ], {
    v: "read",
    given_key: "record",
    free_key: "record",
    common_key: "record",
    lists: "lists",
    tables: "read all",
    opening: "write all",
  }, [
    "wide",
    "in_bits",
    "group_count",
    "octaves_at",
    "index_bits",
    "parity",
    "party",
    "salt_0",
    "salt_1",
    "salt_2",
    "salt_3",
    "symbols_at",
    "symbols_bits",
    "values_at",
    "ring_bits",
    "rows",
  ]),
  row_finish: kernel(rowFinish, [...STEP_NEEDS, "path"], {
    v: "read",
    opened: "read",
    symbols: "read",
    values: "read",
    ...STEP_KEYS,
    result: "write",
  }, ["wide", "in_bits", "group_count", "octaves_at", "pad_at", "ring_bits"]),
  // Rings above 32 bits.
  add_wide: kernel(addWide, ["ring"], { x: "read", y: "read", result: "write" }, ["ring_bits"]),
  subtract_mask_wide: kernel(subtractMaskWide, ["ring", "bits", "segments", "given"], {
    x: "read",
    given_key: "record",
    lists: "lists",
    result: "write",
  }, ["has_x"]),
  matrix_wide: kernel(matrixWide, ["ring"], { x: "read", weights: "read all", product: "write" }, [
    "rows",
    "inputs",
    "outputs",
    "input_first",
    "input_end",
    "slice_first",
    "slice_inputs",
  ]),
  finish_product_wide: kernel(finishProductWide, ["ring", "bits", "segments", "given"], {
    product: "read",
    given_key: "record",
    lists: "lists",
    result: "write",
  }, ["slices", "count", "has_pad", "ring_bits"]),
  multiply_wide: kernel(multiplyWide, ["ring", "bits", "segments", "free"], {
    x: "read",
    mask_x: "read",
    y: "read",
    mask_y: "read",
    free_key: "record",
    lists: "lists",
    result: "write",
  }, ["broadcast", "is_party0"]),
  square_sum_wide: kernel(squareSumWide, ["ring", "bits", "segments", "given", "free"], {
    x: "read",
    given_key: "record",
    free_key: "record",
    lists: "lists",
    result: "write",
  }, ["ring_bits", "out_bits", "is_party0"]),
  shift_wide: kernel(shiftWide, ["ring"], { x: "read", result: "write" }, ["result_wide", "in_bits", "by", "out_bits"]),
  extend_wide: kernel(extendWide, ["ring", "spare"], { x: "read", top: "read", result: "write" }, [
    "x_wide",
    "top_wide",
    "has_top",
    "in_bits",
    "out_bits",
  ]),
  add_wrap_wide: kernel(addWrapWide, ["ring", "spare"], { a: "read", x: "read", c: "read", result: "write" }, [
    "x_wide",
    "c_wide",
    "result_wide",
    "in_bits",
    "shift",
    "subtracts",
    "out_bits",
  ]),
  truncate_symbols_wide: kernel(
    truncateSymbolsWide,
    ["ring", "bits", "segments", "given", "free", "flat", "permuted"],
    {
      z: "read",
      given_key: "record",
      free_key: "record",
      lists: "lists",
      symbols: "write",
    },
    [
      "z_wide",
      "in_bits",
      "by",
      "raise_low",
      "raise_high",
      "chunks",
      "chunk_count",
      "parity",
      "tells",
      "symbol_count",
    ],
  ),
  truncate_finish_wide: kernel(truncateFinishWide, ["ring", "bits", "segments", "given", "free", "path"], {
    z: "read",
    opened: "read",
    given_key: "record",
    free_key: "record",
    lists: "lists",
    result: "write",
  }, [
    "z_wide",
    "in_bits",
    "by",
    "raise_low",
    "raise_high",
    "result_wide",
    "chunk_count",
    "carries",
    "out_bits",
    "wrap_bits",
    "wrap_at",
    "adds",
    "symbol_count",
  ]),
} as const satisfies Readonly<Record<string, KernelSpec>>;

/** Name of a kernel. */
export type KernelName = keyof typeof KERNELS;

/** A kernel, ready to run. */
export interface Pipeline {
  /** The compiled kernel. */
  readonly pipeline: GPUComputePipeline;
  /** Layout of its bindings. */
  readonly layout: GPUBindGroupLayout;
  /** Its specification. */
  readonly spec: KernelSpec;
}

/** Whole source of a kernel: fragments, then its file. */
export function sourceOf(spec: KernelSpec): string {
  return [...spec.needs.map((name) => FRAGMENTS[name]), spec.source].join("\n");
}

/** Compiles kernels when they are first used. */
export class Pipelines {
  readonly #made = new Map<KernelName, Pipeline>();
  constructor(readonly device: Device) {}

  /** The kernel of that name. */
  get(name: KernelName): Pipeline {
    let made = this.#made.get(name);
    if (made === undefined) this.#made.set(name, made = this.#make(name));
    return made;
  }

  #make(name: KernelName): Pipeline {
    const spec: KernelSpec = KERNELS[name], { gpu } = this.device;
    return this.device.guard(
      "validation",
      () => {
        const kinds = Object.values(spec.bindings),
          entries: GPUBindGroupLayoutEntry[] = kinds.map((kind, binding) => ({
            binding,
            visibility: GPUShaderStage.COMPUTE,
            buffer: { type: kind.startsWith("write") ? "storage" : "read-only-storage" },
          }));
        entries.push({ binding: kinds.length, visibility: GPUShaderStage.COMPUTE, buffer: { type: "uniform" } });
        const layout = gpu.createBindGroupLayout({ label: name, entries }),
          module = gpu.createShaderModule({ label: name, code: sourceOf(spec) }),
          pipeline = gpu.createComputePipeline({
            label: name,
            layout: gpu.createPipelineLayout({ label: name, bindGroupLayouts: [layout] }),
            compute: { module, entryPoint: "main" },
          });
        return { pipeline, layout, spec };
      },
      (error) => `Cannot compile the kernel ${name} as the device must accept it: received ${error.message}`,
    );
  }
}
