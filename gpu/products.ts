/**
 * Products: weights and caches on the device, and which kernels multiply by them. What they compute is defined in `core/reference/engine.ts`.
 *
 * @module
 */

import type { AttentionStep, CacheHandle, Extent, Handle, RecordView, Weights } from "../core/engine.ts";
import { lowMask } from "../core/ring/words.ts";
import { DeviceError } from "../core/errors.ts";
import type { Block } from "./buffers.ts";
import { elementSegments, rowSegments, Spread } from "./extents.ts";
import { perItem, type Runner, total } from "./runner.ts";
import type { Tensor } from "./tensors.ts";

/** Rows from which on a product goes through workgroup memory in tiles. */
const TILED_ROWS = 9;

/** Workgroups that a product is split into, at least: enough to fill a large device. */
const WANTED_GROUPS = 512;

/** Consecutive rows of a matrix, or tokens of a cache, in blocks of one binding each. */
interface Part {
  readonly first: number;
  readonly end: number;
  readonly blocks: readonly Block[];
}

function makeParts(run: Runner, label: string, rows: number, rowWords: number, blocksPerPart: number): Part[] {
  const perPart = Math.floor((run.device.bindingBytes - 512) / (4 * Math.max(1, rowWords))), parts: Part[] = [];
  if (perPart === 0) {
    throw new DeviceError(
      `Cannot make the buffer "${label}" as a row must fit into ${run.device.bindingBytes} bytes: received ${rowWords} words`,
    );
  }
  for (let first = 0; first < rows; first += perPart) {
    const end = Math.min(rows, first + perPart),
      blocks = Array.from({ length: blocksPerPart }, () => run.pool.take(label, 4 * (end - first) * rowWords));
    parts.push({ first, end, blocks });
  }
  return parts;
}

function giveParts(run: Runner, parts: readonly Part[]): void {
  for (const { blocks } of parts) for (const block of blocks) run.pool.give(block);
}

/** A row-major matrix. */
export class Matrix implements Weights {
  constructor(
    readonly parts: readonly Part[],
    readonly inputs: number,
    readonly outputs: number,
    readonly wordsPerElement: 1 | 2,
  ) {}
}

/** Right operands of a product, token after token: x̂ - r (or -r), and -x̂. */
export class Cache implements CacheHandle {
  constructor(public parts: readonly Part[], readonly capacityTokens: number, readonly widthPerToken: number) {}
}

/** Copies a matrix to the device. */
export function weights(
  run: Runner,
  words: Uint32Array,
  inputs: number,
  outputs: number,
  wordsPerElement: 1 | 2,
): Matrix {
  const rowWords = outputs * wordsPerElement;
  if (words.length !== inputs * rowWords) {
    throw new RangeError(
      `Cannot lay out weights as there must be ${inputs * rowWords} words: received ${words.length}`,
    );
  }
  const parts = makeParts(run, `weights of ${inputs} × ${outputs}`, inputs, rowWords, 1);
  for (const { first, end, blocks } of parts) {
    run.batches.write(blocks[0]!, 0, words.subarray(first * rowWords, end * rowWords));
  }
  const matrix = new Matrix(parts, inputs, outputs, wordsPerElement);
  run.owners.collect(matrix, () => giveParts(run, parts));
  return matrix;
}

/** (x - mask)·W + pad mod 2^n; without a pad mod 2^32. */
export function linear(
  run: Runner,
  x: Tensor | null,
  mask: RecordView | null,
  matrix: Matrix,
  pad: RecordView | null,
  rows: number,
): Tensor {
  const { inputs, outputs } = matrix, result = run.owners.tensor(`product of ${rows} × ${outputs}`, rows * outputs);
  if (result.count === 0) return result;
  // Rows go in passes whose temporary tensors fit into a binding.
  const plan = slicesOf(matrix, rows),
    rowWords = Math.max(inputs, outputs * plan.length),
    passRows = Math.max(1, Math.min(rows, Math.floor((run.device.bindingBytes - 512) / (4 * rowWords))));
  for (let first = 0; first < rows; first += passRows) {
    const end = Math.min(rows, first + passRows);
    if (mask === null && x !== null) {
      multiplyRows(run, x, 0, matrix, pad, result, { first, end, slices: plan });
      continue;
    }
    run.owners.temporary(`shares of ${end - first} × ${inputs}`, (end - first) * inputs, (shares) => {
      subtractMask(run, x, mask, shares, first * inputs, end * inputs);
      multiplyRows(run, shares, first * inputs, matrix, pad, result, { first, end, slices: plan });
    });
  }
  return result;
}

/** Elements [first, end) of x - mask. */
function subtractMask(
  run: Runner,
  x: Tensor | null,
  mask: RecordView | null,
  shares: Tensor,
  first: number,
  end: number,
): void {
  if (mask === null) throw new Error("Internal error: a product has neither an input nor a mask");
  run.run("subtract_mask", {
    first,
    items: end,
    segments: { counts: mask.counts },
    operands: {
      x: x === null ? null : run.each(x),
      given_key: { record: mask },
      result: { tensor: shares, origin: first, range: (from, to) => [from - first, to - first] },
    },
    params: { has_x: x === null ? 0 : 1 },
  });
}

/** A slice of a matrix part's rows: one partial product. */
interface Slice {
  readonly part: Part;
  readonly count: number;
  readonly inputs: number;
}

/** How a product of `rows` rows is cut along its inputs. */
export function slicesOf(
  { parts, outputs }: Matrix,
  rows: number,
): { readonly length: number; readonly slices: readonly Slice[] } {
  const rowGroups = Math.ceil(rows / (rows < TILED_ROWS ? 4 : 64)),
    groups = Math.ceil(outputs / 64) * rowGroups * parts.length,
    slices = parts.map((part): Slice => {
      const rowCount = part.end - part.first,
        wanted = Math.min(Math.ceil(WANTED_GROUPS / groups), Math.ceil(rowCount / 128)),
        inputs = Math.ceil(rowCount / wanted / 16) * 16;
      return { part, inputs, count: Math.ceil(rowCount / inputs) };
    });
  return { length: total(slices.map(({ count }) => count)), slices };
}

/** Rows [first, end) of the result. */
function multiplyRows(
  run: Runner,
  x: Tensor,
  origin: number,
  { inputs, outputs }: Matrix,
  pad: RecordView | null,
  result: Tensor,
  { first, end, slices }: {
    readonly first: number;
    readonly end: number;
    readonly slices: ReturnType<typeof slicesOf>;
  },
): void {
  const rows = end - first, isTiled = rows >= TILED_ROWS;
  run.owners.temporary(`partial products of ${rows} × ${outputs}`, slices.length * rows * outputs, (product) => {
    let sliceFirst = 0;
    for (const { part, count, inputs: sliceInputs } of slices.slices) {
      run.run(isTiled ? "matrix_tile" : "matrix_row", {
        first,
        items: end,
        operands: {
          x: { tensor: x, origin, range: (from, to) => [from * inputs - origin, to * inputs - origin] },
          weights: { block: part.blocks[0]! },
          product: { tensor: product, origin: first * outputs },
        },
        params: {
          rows,
          inputs,
          outputs,
          input_first: part.first,
          input_end: part.end,
          slice_first: sliceFirst,
          slice_inputs: sliceInputs,
        },
        grid: (from, to) => [Math.ceil(outputs / 64), Math.ceil((to - from) / (isTiled ? 64 : 4)), count],
      });
      sliceFirst += count;
    }
    run.run("finish_product", {
      first: first * outputs,
      items: end * outputs,
      segments: { counts: pad?.counts ?? [result.count] },
      operands: {
        product: { tensor: product, origin: first * outputs },
        given_key: pad === null ? null : { record: pad },
        result: run.each(result),
      },
      params: {
        slices: slices.length,
        count: rows * outputs,
        has_pad: pad === null ? 0 : 1,
        given_bits: 0,
        ring_mask: pad === null ? 0xffffffff : lowMask(pad.bits),
      },
    });
  });
}

/** Share of x·y + pad, y broadcast over the columns where it has one. */
export function multiply(
  run: Runner,
  party: 0 | 1,
  x: Tensor,
  maskX: Tensor,
  y: Tensor,
  maskY: Tensor,
  extent: Extent,
  broadcast: boolean,
  pad: RecordView,
): Tensor {
  const result = run.owners.tensor("product", x.count),
    { segments, rows } = elementSegments(extent),
    range = broadcast ? rows.range((b) => extent.cols[b]!) : perItem(1);
  if (x.count === 0) return result;
  run.run("multiply", {
    segments,
    operands: {
      x: run.each(x),
      mask_x: run.each(maskX),
      y: { tensor: y, range },
      mask_y: { tensor: maskY, range },
      free_key: { record: pad },
      result: run.each(result),
    },
    params: { broadcast: broadcast ? 1 : 0, is_party0: 1 - party, ring_mask: lowMask(pad.bits) },
  });
  return result;
}

/** Makes an empty cache. */
export function makeCache(run: Runner, capacityTokens: number, widthPerToken: number): Cache {
  const label = `cache of ${capacityTokens} × ${widthPerToken}`;
  return new Cache(makeParts(run, label, capacityTokens, widthPerToken, 2), capacityTokens, widthPerToken);
}

/** Gives it back. */
export function freeCache(run: Runner, cache: Cache): void {
  giveParts(run, cache.parts);
  cache.parts = [];
}

/** Appends tokens. */
export function store(run: Runner, party: 0 | 1, cache: Cache, fromToken: number, x: Tensor, mask: Tensor): void {
  const { capacityTokens, widthPerToken } = cache, tokens = x.count / widthPerToken;
  if (fromToken + tokens > capacityTokens) {
    throw new RangeError(
      `Cannot store tokens as the cache ends at ${capacityTokens}: received ${tokens} from ${fromToken} on`,
    );
  }
  for (const { first, end, blocks } of cache.parts) {
    const from = Math.max(first, fromToken), to = Math.min(end, fromToken + tokens);
    if (from >= to) continue;
    run.run("cache_store", {
      first: (from - fromToken) * widthPerToken,
      items: (to - fromToken) * widthPerToken,
      operands: { x: run.each(x), mask: run.each(mask), own: { block: blocks[0]! }, negated: { block: blocks[1]! } },
      params: {
        cache_at: (fromToken - first) * widthPerToken,
        is_party0: 1 - party,
      },
    });
  }
}

/** Shares of all scores, or of all mixtures. */
export function attend(
  run: Runner,
  kernel: "scores" | "mix",
  x: Handle,
  mask: Handle,
  cache: Cache,
  step: AttentionStep,
  pad: RecordView,
): Tensor {
  const { heads, kvHeads, width, tokens } = step,
    isScores = kernel === "scores",
    rows = tokens * heads,
    cols = isScores ? step.cols : step.cols.map(() => width),
    scored = rowSegments({ rows, cols: step.cols }).elements,
    counts = cols.map((count) => rows * count),
    result = run.owners.tensor(kernel, total(counts));
  if (result.count === 0) return result;
  const values = step.cols.map(() => rows * width),
    range = isScores
      ? new Spread(counts, values).range((b) => step.cols[b]!)
      : new Spread(counts, step.cols.map((count) => rows * count)).range(() => width);
  for (const { first, end, blocks } of cache.parts) {
    if (first > 0 && step.cols.every((count, b) => step.starts[b]! + count <= first)) break;
    run.run(kernel, {
      segments: {
        counts,
        words: (b) => [isScores ? b * rows : scored.firstWord(b), step.cols[b]!],
        third: (b) => step.starts[b]!,
      },
      operands: {
        x: { tensor: x as Tensor, range },
        mask: { tensor: mask as Tensor, range },
        own: { block: blocks[0]! },
        negated: { block: blocks[1]! },
        free_key: { record: pad },
        result: run.each(result),
      },
      params: {
        heads,
        group_heads: heads / kvHeads,
        width,
        per_token: kvHeads * width,
        column_first: first,
        column_end: end,
        is_first: first === 0 ? 1 : 0,
        ring_mask: lowMask(pad.bits),
      },
    });
  }
  return result;
}

/** Share of Σ x² of every row. */
export function squareSum(
  run: Runner,
  party: 0 | 1,
  x: Tensor,
  extent: Extent,
  inBits: number,
  outBits: number,
  given: RecordView,
  free: RecordView,
): Tensor {
  const { segments, elements } = rowSegments(extent),
    wide = outBits > 32 ? 2 : 1,
    result = run.owners.tensor("square sums", total(segments.counts as number[]), wide);
  run.run("square_sum", {
    segments,
    operands: {
      x: { tensor: x, range: elements.range(() => 1) },
      given_key: { record: given, perItem: (b) => extent.cols[b]! },
      free_key: { record: free },
      result: run.each(result, wide),
    },
    params: { ring_bits: inBits, out_bits: outBits, wide, is_party0: 1 - party },
    itemsPerGroup: 1,
  });
  return result;
}
