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
import path from "./kernels/_path.wgsl" with { type: "text" };
import permuted from "./kernels/_permuted.wgsl" with { type: "text" };
import ring from "./kernels/_ring.wgsl" with { type: "text" };
import segments from "./kernels/_segments.wgsl" with { type: "text" };
import tree from "./kernels/_tree.wgsl" with { type: "text" };
import add from "./kernels/add.wgsl" with { type: "text" };
import cacheStore from "./kernels/cache_store.wgsl" with { type: "text" };
import columns from "./kernels/columns.wgsl" with { type: "text" };
import combine from "./kernels/combine.wgsl" with { type: "text" };
import distance from "./kernels/distance.wgsl" with { type: "text" };
import expClip from "./kernels/exp_clip.wgsl" with { type: "text" };
import expFinish from "./kernels/exp_finish.wgsl" with { type: "text" };
import expSymbols from "./kernels/exp_symbols.wgsl" with { type: "text" };
import expand from "./kernels/expand.wgsl" with { type: "text" };
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
import spliceBits from "./kernels/splice_bits.wgsl" with { type: "text" };
import spliceFinish from "./kernels/splice_finish.wgsl" with { type: "text" };
import spliceSymbols from "./kernels/splice_symbols.wgsl" with { type: "text" };
import squareSum from "./kernels/square_sum.wgsl" with { type: "text" };
import subtractMask from "./kernels/subtract_mask.wgsl" with { type: "text" };
import truncateFinish from "./kernels/truncate_finish.wgsl" with { type: "text" };
import truncateSymbols from "./kernels/truncate_symbols.wgsl" with { type: "text" };
import unpack from "./kernels/unpack.wgsl" with { type: "text" };
import type { Device } from "./device.ts";

/** Shared functions by name: `_name.wgsl`. */
const FRAGMENTS = { bits, chacha, common, flat, free, given, lookup, path, permuted, ring, segments, tree } as const;

/** What a kernel does with a buffer. */
export type Access = "read" | "write";

/** One kernel. */
export interface KernelSpec {
  /** Its WGSL, without the fragments. */
  readonly source: string;
  /** Fragments that precede it. */
  readonly needs: readonly (keyof typeof FRAGMENTS)[];
  /** Storage buffers in the order of their bindings; the parameters follow as the last one, a uniform. */
  readonly bindings: Readonly<Record<string, Access>>;
  /** Fields of the parameters, all u32. */
  readonly params: readonly string[];
}

/** All kernels by name: file name, label and key. */
export const KERNELS = {
  expand: {
    source: expand,
    needs: ["chacha"],
    bindings: { seed: "read", key_memory: "write" },
    params: ["first", "end", "target_at", "word_first", "word_end", "tail_mask"],
  },
  place: {
    source: place,
    needs: ["ring", "bits"],
    bindings: { source: "read", key_memory: "write" },
    params: ["first", "end", "word_first", "source_bit", "shift", "bit_end"],
  },
  pack: {
    source: pack,
    needs: ["ring"],
    bindings: { x: "read", packed: "write" },
    params: ["first", "end", "x_base", "packed_base", "count", "bits", "wide"],
  },
  combine: {
    source: combine,
    needs: ["ring", "bits"],
    bindings: { mine: "read", theirs: "read", opened: "write" },
    params: ["first", "end", "mine_base", "theirs_base", "opened_base", "bits", "wide", "is_xor", "has_mine"],
  },
  add: {
    source: add,
    needs: [],
    bindings: { x: "read", y: "read", result: "write" },
    params: ["first", "end", "x_base", "y_base", "result_base", "ring_mask"],
  },
  columns: {
    source: columns,
    needs: ["segments"],
    bindings: { x: "read", lists: "read", result: "write" },
    params: ["first", "end", "segment_count", "x_base", "result_base", "column", "width"],
  },
  rotate: {
    source: rotate,
    needs: [],
    bindings: { x: "read", angles: "read", result: "write" },
    params: ["first", "end", "x_base", "angles_base", "result_base", "heads", "half", "ring_mask"],
  },
  distance: {
    source: distance,
    needs: ["segments"],
    bindings: { top: "read", x: "read", lists: "read", result: "write" },
    params: ["first", "end", "segment_count", "top_base", "x_base", "result_base", "scale", "ring_mask"],
  },
  row_sum: {
    source: rowSum,
    needs: ["segments"],
    bindings: { x: "read", lists: "read", result: "write" },
    params: ["first", "end", "segment_count", "x_base", "result_base", "ring_mask"],
  },
  unpack: {
    source: unpack,
    needs: ["ring", "bits", "segments", "given"],
    bindings: { given_key: "read", lists: "read", result: "write" },
    params: ["first", "end", "segment_count", "result_base", "given_bits", "offset", "bits", "wide"],
  },
  subtract_mask: {
    source: subtractMask,
    needs: ["ring", "bits", "segments", "given"],
    bindings: { x: "read", given_key: "read", lists: "read", result: "write" },
    params: ["first", "end", "segment_count", "x_base", "result_base", "given_bits", "has_x"],
  },
  matrix_tile: {
    source: matrixTile,
    needs: [],
    bindings: { x: "read", weights: "read", product: "write" },
    params: [
      "first",
      "end",
      "x_base",
      "product_base",
      "rows",
      "inputs",
      "outputs",
      "input_first",
      "input_end",
      "slice_first",
      "slice_inputs",
    ],
  },
  matrix_row: {
    source: matrixRow,
    needs: [],
    bindings: { x: "read", weights: "read", product: "write" },
    params: [
      "first",
      "end",
      "x_base",
      "product_base",
      "rows",
      "inputs",
      "outputs",
      "input_first",
      "input_end",
      "slice_first",
      "slice_inputs",
    ],
  },
  finish_product: {
    source: finishProduct,
    needs: ["ring", "bits", "segments", "given"],
    bindings: { product: "read", given_key: "read", lists: "read", result: "write" },
    params: [
      "first",
      "end",
      "segment_count",
      "product_base",
      "result_base",
      "given_bits",
      "slices",
      "count",
      "has_pad",
      "ring_mask",
    ],
  },
  multiply: {
    source: multiply,
    needs: ["ring", "bits", "segments", "free"],
    bindings: {
      x: "read",
      mask_x: "read",
      y: "read",
      mask_y: "read",
      free_key: "read",
      lists: "read",
      result: "write",
    },
    params: [
      "first",
      "end",
      "segment_count",
      "x_base",
      "mask_x_base",
      "y_base",
      "mask_y_base",
      "result_base",
      "free_bits",
      "broadcast",
      "is_party0",
      "ring_mask",
    ],
  },
  cache_store: {
    source: cacheStore,
    needs: ["ring"],
    bindings: { x: "read", mask: "read", own: "write", negated: "write" },
    params: ["first", "end", "x_base", "mask_base", "cache_at", "is_party0"],
  },
  scores: {
    source: scores,
    needs: ["ring", "bits", "segments", "free"],
    bindings: {
      x: "read",
      mask: "read",
      own: "read",
      negated: "read",
      free_key: "read",
      lists: "read",
      result: "write",
    },
    params: [
      "first",
      "end",
      "segment_count",
      "x_base",
      "mask_base",
      "result_base",
      "free_bits",
      "heads",
      "group_heads",
      "width",
      "per_token",
      "column_first",
      "column_end",
      "ring_mask",
    ],
  },
  mix: {
    source: mix,
    needs: ["ring", "bits", "segments", "free"],
    bindings: {
      x: "read",
      mask: "read",
      own: "read",
      negated: "read",
      free_key: "read",
      lists: "read",
      result: "write",
    },
    params: [
      "first",
      "end",
      "segment_count",
      "x_base",
      "mask_base",
      "result_base",
      "free_bits",
      "heads",
      "group_heads",
      "width",
      "per_token",
      "column_first",
      "column_end",
      "ring_mask",
      "is_first",
    ],
  },
  square_sum: {
    source: squareSum,
    needs: ["ring", "bits", "segments", "given", "free"],
    bindings: { x: "read", given_key: "read", free_key: "read", lists: "read", result: "write" },
    params: [
      "first",
      "end",
      "segment_count",
      "x_base",
      "result_base",
      "given_bits",
      "free_bits",
      "ring_bits",
      "out_bits",
      "wide",
      "is_party0",
    ],
  },
  truncate_symbols: {
    source: truncateSymbols,
    needs: ["ring", "bits", "segments", "given", "free", "flat", "permuted"],
    bindings: { z: "read", given_key: "read", free_key: "read", lists: "read", symbols: "write" },
    params: [
      "first",
      "end",
      "segment_count",
      "z_base",
      "symbols_base",
      "given_bits",
      "free_bits",
      "chunks",
      "chunk_count",
      "parity",
      "raise",
      "in_bits",
      "by",
      "tells",
      "symbol_count",
    ],
  },
  truncate_finish: {
    source: truncateFinish,
    needs: ["ring", "bits", "segments", "given", "free", "path"],
    bindings: { z: "read", opened: "read", given_key: "read", free_key: "read", lists: "read", result: "write" },
    params: [
      "first",
      "end",
      "segment_count",
      "z_base",
      "opened_base",
      "result_base",
      "given_bits",
      "free_bits",
      "chunk_count",
      "carries",
      "out_bits",
      "wrap_bits",
      "wrap_at",
      "in_bits",
      "by",
      "adds",
      "raise",
      "symbol_count",
    ],
  },
  maximum_symbols: {
    source: maximumSymbols,
    needs: ["ring", "bits", "segments", "given", "free", "flat", "permuted"],
    bindings: { x: "read", given_key: "read", free_key: "read", lists: "read", symbols: "write" },
    params: [
      "first",
      "end",
      "segment_count",
      "x_base",
      "symbols_base",
      "given_bits",
      "free_bits",
      "chunks",
      "chunk_count",
      "parity",
      "bits",
      "symbol_count",
    ],
  },
  maximum_select: {
    source: maximumSelect,
    needs: ["ring", "bits", "segments", "given", "free", "path"],
    bindings: { x: "read", opened: "read", given_key: "read", free_key: "read", lists: "read", result: "write" },
    params: [
      "first",
      "end",
      "segment_count",
      "x_base",
      "opened_base",
      "result_base",
      "given_bits",
      "free_bits",
      "chunk_count",
      "words_at",
      "bits",
      "symbol_count",
      "is_party0",
    ],
  },
  maximum_merge: {
    source: maximumMerge,
    needs: ["segments"],
    bindings: { x: "read", selected: "read", lists: "read", result: "write" },
    params: ["first", "end", "segment_count", "x_base", "selected_base", "result_base", "ring_mask"],
  },
  exp_symbols: {
    source: expSymbols,
    needs: ["ring", "bits", "segments", "given", "free", "flat", "lookup"],
    bindings: {
      t: "read",
      given_key: "read",
      free_key: "read",
      lists: "read",
      tables: "read",
      symbols: "write",
      values: "write",
    },
    params: [
      "first",
      "end",
      "segment_count",
      "t_base",
      "symbols_base",
      "values_base",
      "given_bits",
      "free_bits",
      "low",
      "high",
      "top",
      "parity",
      "negate",
      "high_table",
      "ring_bits",
    ],
  },
  exp_clip: {
    source: expClip,
    needs: ["ring", "bits", "segments", "free"],
    bindings: { opened: "read", free_key: "read", lists: "read", clip: "write" },
    params: ["first", "end", "segment_count", "opened_base", "clip_base", "free_bits", "is_party0"],
  },
  exp_finish: {
    source: expFinish,
    needs: ["ring", "bits", "segments", "given", "free"],
    bindings: {
      opened: "read",
      values: "read",
      clip: "read",
      given_key: "read",
      free_key: "read",
      lists: "read",
      result: "write",
    },
    params: [
      "first",
      "end",
      "segment_count",
      "opened_base",
      "values_base",
      "clip_base",
      "result_base",
      "given_bits",
      "free_bits",
      "words_at",
      "ring_bits",
    ],
  },
  splice_symbols: {
    source: spliceSymbols,
    needs: ["ring", "bits", "segments", "given", "free", "flat", "lookup"],
    bindings: {
      x: "read",
      given_key: "read",
      free_key: "read",
      lists: "read",
      tables: "read",
      symbols: "write",
      values: "write",
    },
    params: [
      "first",
      "end",
      "segment_count",
      "x_base",
      "symbols_base",
      "values_base",
      "given_bits",
      "free_bits",
      "low",
      "index",
      "top",
      "parity",
      "negate",
      "ring_bits",
    ],
  },
  splice_bits: {
    source: spliceBits,
    needs: ["ring", "bits", "segments", "given", "free"],
    bindings: { opened: "read", given_key: "read", free_key: "read", lists: "read", result: "write" },
    params: [
      "first",
      "end",
      "segment_count",
      "opened_base",
      "result_base",
      "given_bits",
      "free_bits",
      "pairs_at",
      "is_party0",
    ],
  },
  splice_finish: {
    source: spliceFinish,
    needs: ["ring", "bits", "segments", "given", "free"],
    bindings: {
      x: "read",
      values: "read",
      opened: "read",
      given_key: "read",
      free_key: "read",
      lists: "read",
      result: "write",
    },
    params: [
      "first",
      "end",
      "segment_count",
      "x_base",
      "values_base",
      "opened_base",
      "result_base",
      "given_bits",
      "free_bits",
      "words_at",
      "ring_bits",
      "is_party0",
    ],
  },
  row_symbols: {
    source: rowSymbols,
    needs: ["ring", "bits", "segments", "given", "free", "common", "flat", "permuted", "chacha", "tree"],
    bindings: {
      v: "read",
      given_key: "read",
      free_key: "read",
      common_key: "read",
      lists: "read",
      tables: "read",
      opening: "write",
    },
    params: [
      "first",
      "end",
      "segment_count",
      "v_base",
      "given_bits",
      "free_bits",
      "common_bits",
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
    ],
  },
  row_finish: {
    source: rowFinish,
    needs: ["ring", "bits", "segments", "given", "free", "path"],
    bindings: {
      v: "read",
      opened: "read",
      symbols: "read",
      values: "read",
      given_key: "read",
      free_key: "read",
      lists: "read",
      result: "write",
    },
    params: [
      "first",
      "end",
      "segment_count",
      "v_base",
      "opened_base",
      "symbols_base",
      "values_base",
      "result_base",
      "given_bits",
      "free_bits",
      "wide",
      "in_bits",
      "group_count",
      "octaves_at",
      "pad_at",
      "ring_bits",
    ],
  },
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
        const accesses = Object.values(spec.bindings),
          entries: GPUBindGroupLayoutEntry[] = accesses.map((access, binding) => ({
            binding,
            visibility: GPUShaderStage.COMPUTE,
            buffer: { type: access === "read" ? "read-only-storage" : "storage" },
          }));
        entries.push({ binding: accesses.length, visibility: GPUShaderStage.COMPUTE, buffer: { type: "uniform" } });
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
