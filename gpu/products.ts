/**
 * Products: weights and caches on the device, and which kernels multiply by them. What they compute is defined in `core/reference/engine.ts`.
 *
 * @module
 */

import type { AttentionStep, CacheHandle, RecordView, Weights } from "../core/engine.ts";
import { lowMask } from "../core/ring/words.ts";
import { DeviceError } from "../core/errors.ts";
import type { Block } from "./buffers.ts";
import { Spread } from "./extents.ts";
import { type Runner, type TensorOperand, total } from "./runner.ts";
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

/** What a product reads besides its matrix: a mask is subtracted from x, or stands alone; a pad is added. */
export interface ProductOperands {
  readonly x: Tensor | null;
  readonly mask: RecordView | null;
  readonly pad: RecordView | null;
  /** Rows of x and of the result. */
  readonly rows: number;
}

/** A temporary tensor that holds elements from `first` on. */
function partOf(tensor: Tensor, first: number): TensorOperand {
  const { wordsPerElement: words } = tensor;
  return { tensor, origin: words * first, range: (from, to) => [words * (from - first), words * (to - first)] };
}

/** (x - mask)·W + pad mod 2^n; without a pad mod 2^32, or 2^64 for a matrix of two words per entry. */
export function linear(run: Runner, matrix: Matrix, operands: ProductOperands): Tensor {
  const { inputs, outputs, wordsPerElement: words } = matrix, { x, mask, pad, rows } = operands;
  const result = run.owners.tensor(`product of ${rows} × ${outputs}`, rows * outputs, words);
  if (result.count === 0) return result;
  // Rows go in passes whose temporary tensors fit into a binding.
  const slices = slicesOf(matrix, rows),
    rowWords = words * Math.max(inputs, outputs * slices.length),
    passRows = Math.max(1, Math.min(rows, Math.floor((run.device.bindingBytes - 512) / (4 * rowWords))));
  for (let first = 0; first < rows; first += passRows) {
    const end = Math.min(rows, first + passRows), pass = { first, end, slices };
    if (mask === null) {
      if (x === null) throw new Error("Internal error: a product has neither an input nor a mask");
      multiplyRows(run, matrix, { x: partOf(x, 0), pad, result }, pass);
      continue;
    }
    run.owners.temporary(`shares of ${end - first} × ${inputs}`, (end - first) * inputs, words, (tensor) => {
      const shares = partOf(tensor, first * inputs);
      run.run("subtract_mask", {
        first: first * inputs,
        items: end * inputs,
        segments: { counts: mask.counts },
        operands: { x: x && run.each(x), given_key: { record: mask }, result: shares },
        params: { has_x: x === null ? 0 : 1, x_words: words, result_words: words },
      }, words === 2);
      multiplyRows(run, matrix, { x: shares, pad, result }, pass);
    });
  }
  return result;
}

/** A slice of a matrix part's rows: one partial product. */
interface Slice {
  readonly part: Part;
  readonly count: number;
  readonly inputs: number;
}

/** How a product of `rows` rows is cut along its inputs. */
function slicesOf(
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
  { inputs, outputs, wordsPerElement: words }: Matrix,
  { x, pad, result }: { readonly x: TensorOperand; readonly pad: RecordView | null; readonly result: Tensor },
  { first, end, slices }: {
    readonly first: number;
    readonly end: number;
    readonly slices: ReturnType<typeof slicesOf>;
  },
): void {
  const rows = end - first,
    isTiled = words === 1 && rows >= TILED_ROWS,
    label = `partial products of ${rows} × ${outputs}`;
  const name = words === 2 ? "matrix_wide" : isTiled ? "matrix_tile" : "matrix_row";
  run.owners.temporary(label, slices.length * rows * outputs, words, (tensor) => {
    const product = { tensor, origin: words * first * outputs };
    let sliceFirst = 0;
    for (const { part, count, inputs: sliceInputs } of slices.slices) {
      run.run(name, {
        first,
        items: end,
        operands: {
          x: { ...x, range: (from, to) => x.range!(from * inputs, to * inputs) },
          weights: { block: part.blocks[0]! },
          product,
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
      }, words === 2);
      sliceFirst += count;
    }
    run.run("finish_product", {
      first: first * outputs,
      items: end * outputs,
      segments: { counts: pad?.counts ?? [result.count] },
      operands: { product, given_key: pad && { record: pad }, result: run.each(result) },
      params: {
        product_words: words,
        result_words: words,
        slices: slices.length,
        count: rows * outputs,
        has_pad: pad === null ? 0 : 1,
        given_bits: 0,
        ring_bits: pad?.bits ?? 32 * words,
      },
    }, words === 2);
  });
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
export function store(
  run: Runner,
  cache: Cache,
  { party, fromToken, x, mask }: {
    readonly party: 0 | 1;
    readonly fromToken: number;
    readonly x: Tensor;
    readonly mask: Tensor;
  },
): void {
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
  step: AttentionStep,
  { x, mask, cache, pad }: {
    readonly x: Tensor;
    readonly mask: Tensor;
    readonly cache: Cache;
    readonly pad: RecordView;
  },
): Tensor {
  const { heads, kvHeads, width, tokens } = step,
    isScores = kernel === "scores",
    rows = tokens * heads,
    cols = isScores ? step.cols : step.cols.map(() => width),
    scored = new Spread(step.cols.map(() => rows), step.cols.map((count) => rows * count)),
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
        x: { tensor: x, range },
        mask: { tensor: mask, range },
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
