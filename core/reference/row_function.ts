/**
 * A function of one value per row, step by step.
 *
 * @module
 */

import type { Handle, RecordView, RowStep } from "../engine.ts";
import { flatLookup, oneHotBits } from "../fss/flat_dpf.ts";
import { pathCount, permutedBits, permutedPath, permutedSymbols, symbolCount } from "../fss/permuted.ts";
import { evalTreeLess, treeDpf } from "../fss/tree_dpf.ts";
import { Cursor, reduce, signOf, stepRing, tensor, words } from "./memory.ts";

/** {@linkcode Engine.rowSymbols}, as loops. */
export function rowSymbols(
  party: 0 | 1,
  step: RowStep,
  v: Handle,
  given: RecordView,
  free: RecordView,
  common: RecordView,
): { thresholds: Handle; symbols: Handle; values: Handle } {
  const { groups, indexBits, inBits } = step,
    rows = v.count,
    layout = rowLayout(step, free),
    tree = treeDpf(inBits - 1),
    size = 2 ** indexBits;
  const thresholds = new Uint32Array(rows),
    symbols = new Uint32Array(rows * groups.length),
    values = new Uint32Array(2 * rows * groups.length);
  const key = new Cursor(given), pads = new Cursor(free), corrections = new Cursor(common);
  for (let row = 0; row < rows; row++) {
    key.seek(row);
    pads.seek(row);
    corrections.seek(row);
    const value = rowValue(v, row), seed = Uint8Array.from({ length: 16 }, (_, i) => pads.field(8 * i, 8));
    let reached = pads.field(128, groups.length - 1);
    for (let g = 1; g < groups.length; g++) {
      const point = BigInt.asUintN(inBits - 1, value - (1n << BigInt(groups[g]!.fromBit)));
      const less = evalTreeLess(tree, {
        party,
        seed,
        salt: step.salt,
        corrections: corrections.bytes,
        bitOffset: corrections.at,
      }, point);
      reached ^= less << (g - 1);
    }
    thresholds[row] = reached;
    groups.forEach((group, g) => {
      const at = key.at + layout.groups[g]!.at, i = row * groups.length + g;
      const low = Number(BigInt.asUintN(group.shift, value)),
        index = Number(BigInt.asUintN(indexBits, value >> BigInt(group.shift)));
      symbols[i] = permutedSymbols(key.bytes, at, group.chunks, key.parity, low) ^
        pads.field(layout.symbols + g * layout.width, symbolCount(group.chunks.length));
      for (const b of [0, 1]) {
        const sum = flatLookup(
          key.bytes,
          key.at + layout.groups[g]!.hot,
          indexBits,
          key.parity,
          (index + size - b) % size,
          (j) => group.table[j]!,
        );
        values[2 * i + b] = signOf(party) * sum +
          pads.field(layout.values + layout.ringBits * (2 * g + b), layout.ringBits);
      }
    });
  }
  return {
    thresholds: tensor(thresholds),
    symbols: tensor(symbols),
    values: tensor(reduce(values, layout.ringBits)),
  };
}

/** {@linkcode Engine.rowFinish}, as loops. */
export function rowFinish(
  step: RowStep,
  v: Handle,
  thresholds: Handle,
  symbols: Handle,
  values: Handle,
  given: RecordView,
  free: RecordView,
): Handle {
  const { groups, inBits } = step,
    rows = v.count,
    layout = rowLayout(step, free),
    n = layout.ringBits,
    out = new Uint32Array(rows),
    key = new Cursor(given),
    pads = new Cursor(free);
  for (let row = 0; row < rows; row++) {
    key.seek(row);
    const value = rowValue(v, row);
    // Masked 1{v >= 2^fromBit} of every group; the first is public, and beyond the last there is nothing.
    const reached = groups.map((group, g) => {
      if (g === 0) return 1;
      const sign = Number(BigInt.asUintN(inBits, value - (1n << BigInt(group.fromBit))) >> BigInt(inBits - 1));
      return ((words(thresholds)[row]! >>> (g - 1)) & 1) ^ sign ^ 1;
    });
    let sum = pads.seek(row).field(layout.pad, n);
    groups.forEach((group, g) => {
      const i = row * groups.length + g,
        selected = permutedPath(words(symbols)[i]!, group.chunks.length),
        c = selected & 1,
        m = reached[g]! ^ (reached[g + 1] ?? 0);
      const word = (j: number): number => key.field(layout.groups[g]!.words + n * j, n),
        path = 6 + 4 * (selected >>> 1);
      const v0 = words(values)[2 * i]!, difference = words(values)[2 * i + 1]! - v0, ms = 1 - 2 * m, cs = 1 - 2 * c;
      // [m·s]·v_0 - [m·s·μ_0], then [m·c·s]·(v_1 - v_0) - [m·c·s·(μ_1 - μ_0)].
      sum += Math.imul(m * word(0) + ms * word(1), v0) - (m * word(2) + ms * word(3));
      sum += Math.imul(
        m * c * word(0) + m * cs * word(path) + ms * c * word(1) + ms * cs * word(path + 1),
        difference,
      );
      sum -= m * c * word(4) + m * cs * word(path + 2) + ms * c * word(5) + ms * cs * word(path + 3);
    });
    out[row] = sum;
  }
  return tensor(reduce(out, n));
}

/** A row's value as an unsigned integer. */
function rowValue(v: Handle, row: number): bigint {
  const data = words(v);
  return v.wordsPerElement === 1 ? BigInt(data[row]!) : BigInt(data[2 * row]!) | (BigInt(data[2 * row + 1]!) << 32n);
}

/** Bit offsets within one row's given and free records. */
function rowLayout(step: RowStep, free: RecordView) {
  const count = step.groups.length,
    width = Math.max(...step.groups.map((group) => symbolCount(group.chunks.length)));
  const symbols = 128 + count - 1,
    values = symbols + count * width,
    ringBits = stepRing(free, values, 2 * count + 1);
  let at = 0;
  const groups = step.groups.map((group) => {
    const hot = at + permutedBits(group.chunks),
      first = hot + oneHotBits(step.indexBits),
      place = { at, hot, words: first };
    at = first + ringBits * (6 + 4 * pathCount(group.chunks.length));
    return place;
  });
  return { groups, width, ringBits, symbols, values, pad: values + 2 * ringBits * count };
}
