/**
 * The reference engine: plain loops, the living definition of every operation of {@linkcode Engine}.
 *
 * It reads key bits where they lie and allocates freely. Every other engine must agree with it bit for bit.
 *
 * @module
 */

import type {
  AttentionStep,
  CacheHandle,
  Engine,
  ExpStep,
  Extent,
  Handle,
  KeyMemory,
  MaximumStep,
  RecordView,
  RowStep,
  Scope,
  SpliceStep,
  TruncateStep,
  Weights,
} from "./engine.ts";
import { flatEqual, flatLess, flatLookup, flatPredicate, oneHotBits } from "./fss/flat_dpf.ts";
import { pathCount, permutedBits, permutedPath, permutedSymbols, symbolCount } from "./fss/permuted.ts";
import { evalTreeLess, treeDpf } from "./fss/tree_dpf.ts";
import { expandChacha8 } from "./prg/chacha8.ts";
import { packBits, readBits, readWide, unpackBits } from "./ring/bits.ts";
import { lowMask } from "./ring/words.ts";

class Tensor implements Handle {
  constructor(readonly words: Uint32Array, readonly wordsPerElement: 1 | 2) {}
  get count(): number {
    return this.words.length / this.wordsPerElement;
  }
}

class Keys implements KeyMemory {
  readonly bytes: Uint8Array;
  constructor(readonly byteLength: number) {
    this.bytes = new Uint8Array(byteLength + 16); // reads of 8 bytes may begin at the last one
  }
  view(offset: number, byteLength: number): Uint8Array {
    return this.bytes.subarray(offset, offset + byteLength);
  }
}

class Matrix implements Weights {
  constructor(readonly words: Uint32Array, readonly inputs: number, readonly outputs: number) {}
}

class CachedTokens implements CacheHandle {
  /** Right operands per token: (x̂ - r or -r, -x̂), interleaved by value. */
  readonly pairs: Uint32Array;
  constructor(readonly capacityTokens: number, readonly widthPerToken: number) {
    this.pairs = new Uint32Array(2 * capacityTokens * widthPerToken);
  }
}

function words(x: Handle): Uint32Array {
  return (x as Tensor).words;
}

/** A tensor of 32-bit (or narrower) elements. */
function tensor(data: Uint32Array): Handle {
  return new Tensor(data, 1);
}

/** Where the elements of a record lie, one after the other. */
class Cursor {
  readonly bytes: Uint8Array;
  readonly parity: 0 | 1;
  readonly #record: RecordView;
  #block = 0;
  #first = 0;
  /** Bit offset of the current element. */
  at = 0;
  constructor(record: RecordView) {
    this.bytes = (record.memory as Keys).bytes;
    this.parity = record.parity;
    this.#record = record;
  }
  /** Moves to element e; elements are visited in ascending order. */
  seek(e: number): this {
    const { counts, at, bits } = this.#record;
    while (e >= this.#first + counts[this.#block]!) this.#first += counts[this.#block++]!;
    this.at = 8 * at[this.#block]! + (e - this.#first) * bits;
    return this;
  }
  /** Field of at most 32 bits of the current element, unsigned. */
  field(offset: number, bits: number): number {
    return bits === 0 ? 0 : readBits(this.bytes, this.at + offset, bits);
  }
  wide(offset: number, bits: number): bigint {
    return bits === 0 ? 0n : readWide(this.bytes, this.at + offset, bits);
  }
}

/** All elements of a record with one field of at most 32 bits. */
function recordWords(record: RecordView): Uint32Array {
  const out = new Uint32Array(record.counts.reduce((a, b) => a + b, 0)), cursor = new Cursor(record);
  for (let e = 0; e < out.length; e++) out[e] = cursor.seek(e).field(0, record.bits);
  return out;
}

/** Reduces words mod 2^bits, in place. */
function reduce(data: Uint32Array, bits: number): Uint32Array {
  if (bits > 0 && bits < 32) { for (let i = 0; i < data.length; i++) data[i]! &= lowMask(bits); }
  return data;
}

/** The ring of a gate step, from the width of its free record: `fixedBits` bits and `wordCount` ring elements. No elements, no ring. */
function stepRing(free: RecordView, fixedBits: number, wordCount: number): number {
  return Math.max(0, (free.bits - fixedBits) / wordCount);
}

function matrixProduct(x: Uint32Array, matrix: Matrix): Uint32Array {
  const { inputs, outputs } = matrix, rows = x.length / inputs, out = new Uint32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < inputs; i++) {
      const factor = x[row * inputs + i]!, from = i * outputs, to = row * outputs;
      for (let j = 0; j < outputs; j++) out[to + j]! += Math.imul(factor, matrix.words[from + j]!);
    }
  }
  return out;
}

/** Calls `visit(e, row)` for every element and its row. */
function eachElement(extent: Extent, visit: (e: number, row: number) => void): void {
  let e = 0, row = 0;
  for (const cols of extent.cols) {
    for (let i = 0; i < extent.rows; i++, row++) for (let c = 0; c < cols; c++, e++) visit(e, row);
  }
}

/** Calls `visit(from, pair, to)` for every result of a tournament level; pair is -1 where the last column is carried over. */
function eachPair(extent: Extent, visit: (from: number, pair: number, to: number) => void): void {
  let from = 0, pair = 0, to = 0;
  for (const cols of extent.cols) {
    for (let row = 0; row < extent.rows; row++, from += cols) {
      for (let c = 0; c + 1 < cols; c += 2) visit(from + c, pair++, to++);
      if (cols % 2 === 1) visit(from + cols - 1, -1, to++);
    }
  }
}

/** Calls `visit(q, k, at)` for every (query head, cached token): offsets of `width` values, and the score's index. */
function eachScore(step: AttentionStep, visit: (q: number, k: number, at: number) => void): void {
  const group = step.heads / step.kvHeads, perToken = step.kvHeads * step.width;
  let at = 0, q = 0;
  for (const cols of step.cols) {
    for (let token = 0; token < step.tokens; token++) {
      for (let head = 0; head < step.heads; head++, q += step.width) {
        const base = Math.floor(head / group) * step.width;
        for (let column = 0; column < cols; column++, at++) visit(q, column * perToken + base, at);
      }
    }
  }
}

/** Party p's share of `bits` public-constant: party 0 adds constants, party 1 does not. */
const signOf = (party: 0 | 1): 1 | -1 => party === 0 ? 1 : -1;

/** Engine of plain loops. */
export class ReferenceEngine implements Engine {
  readonly name = "reference";

  upload(data: Uint32Array, wordsPerElement: 1 | 2 = 1): Handle {
    return new Tensor(data.slice(), wordsPerElement);
  }
  download(x: Handle): Uint32Array {
    return words(x).slice();
  }
  #scope: Scope | null = null;
  begin(): Scope {
    const parent = this.#scope; // the garbage collector frees: scopes only keep their order
    const scope: Scope = {
      parent,
      end: () => {
        if (this.#scope === scope) this.#scope = parent;
      },
    };
    return this.#scope = scope;
  }
  enter(scope: Scope | null): Scope | null {
    const before = this.#scope;
    this.#scope = scope;
    return before;
  }
  keyMemory(byteLength: number): KeyMemory {
    return new Keys(byteLength);
  }
  freeKeyMemory(_memory: KeyMemory): void {}
  expand(seed: Uint8Array, nonce: Uint8Array, memory: KeyMemory, offset: number, byteLength: number): void {
    expandChacha8(seed, nonce, (memory as Keys).view(offset, byteLength));
  }

  pack(x: Handle, bits: number): Uint8Array {
    return packBits(words(x), bits);
  }
  combine(kind: "add" | "xor", mine: Handle | null, count: number, theirs: Uint8Array, bits: number): Handle {
    const wide = bits > 32 ? 2 : 1, other = bits === 0 ? new Uint32Array(count) : unpackBits(theirs, bits, count);
    const own = mine === null ? new Uint32Array(count * wide) : words(mine);
    if (kind === "xor") return tensor(own.map((word, i) => word ^ other[i]!));
    if (wide === 1) {
      const ring = bits === 0 ? 0xffffffff : lowMask(bits); // who receives nothing keeps its share
      return tensor(own.map((word, i) => (word + other[i]!) & ring));
    }
    const out = new Uint32Array(own.length), high = bits === 64 ? 0xffffffff : lowMask(bits - 32);
    for (let i = 0; i < own.length; i += 2) {
      const low = own[i]! + other[i]!;
      out[i] = low;
      out[i + 1] = (own[i + 1]! + other[i + 1]! + (low > 0xffffffff ? 1 : 0)) & high;
    }
    return new Tensor(out, 2);
  }

  add(x: Handle, y: Handle, bits: number): Handle {
    const a = words(x), b = words(y), ring = lowMask(bits);
    return tensor(a.map((word, i) => (word + b[i]!) & ring));
  }
  columns(x: Handle, extent: Extent, from: number, to: number): Handle {
    const data = words(x), out = new Uint32Array(extent.cols.length * extent.rows * (to - from));
    let base = 0, at = 0;
    for (const cols of extent.cols) {
      for (let row = 0; row < extent.rows; row++, base += cols) {
        for (let c = from; c < to; c++) out[at++] = data[base + c]!;
      }
    }
    return tensor(out);
  }
  rotate(x: Handle, angles: Int32Array, heads: number, width: number, bits: number): Handle {
    const data = words(x),
      out = new Uint32Array(data.length),
      half = width / 2,
      perToken = heads * width,
      ring = lowMask(bits);
    for (let token = 0; token * perToken < data.length; token++) {
      for (let head = 0; head < heads; head++) {
        const at = token * perToken + head * width;
        for (let j = 0; j < half; j++) {
          const cos = angles[2 * (token * half + j)]!,
            sin = angles[2 * (token * half + j) + 1]!,
            a = data[at + j]!,
            b = data[at + half + j]!;
          out[at + j] = (Math.imul(cos, a) - Math.imul(sin, b)) & ring;
          out[at + half + j] = (Math.imul(cos, b) + Math.imul(sin, a)) & ring;
        }
      }
    }
    return tensor(out);
  }
  distance(top: Handle, x: Handle, extent: Extent, scale: number, bits: number): Handle {
    const data = words(x), tops = words(top), out = new Uint32Array(data.length), ring = lowMask(bits);
    eachElement(extent, (e, row) => out[e] = (((tops[row]! + 1) << scale) - data[e]!) & ring);
    return tensor(out);
  }
  rowSum(x: Handle, extent: Extent, bits: number): Handle {
    const data = words(x), out = new Uint32Array(extent.cols.length * extent.rows), ring = lowMask(bits);
    eachElement(extent, (e, row) => out[row] = (out[row]! + data[e]!) & ring);
    return tensor(out);
  }

  unpack(record: RecordView, offset: number, bits: number): Handle {
    const count = record.counts.reduce((a, b) => a + b, 0),
      wide = bits > 32 ? 2 : 1,
      out = new Uint32Array(count * wide),
      cursor = new Cursor(record);
    for (let e = 0; e < count; e++) {
      cursor.seek(e);
      out[e * wide] = cursor.field(offset, Math.min(bits, 32));
      if (wide === 2) out[e * wide + 1] = cursor.field(offset + 32, bits - 32);
    }
    return new Tensor(out, wide);
  }

  weights(data: Uint32Array, inputs: number, outputs: number): Weights {
    return new Matrix(data.slice(), inputs, outputs);
  }
  linear(x: Handle | null, mask: RecordView | null, weights: Weights, pad: RecordView): Handle {
    const pads = recordWords(pad), count = pads.length / weights.outputs * weights.inputs;
    const masks = mask === null ? new Uint32Array(count) : recordWords(mask),
      data = x === null ? new Uint32Array(count) : words(x);
    const product = matrixProduct(data.map((word, i) => word - masks[i]!), weights as Matrix);
    return tensor(reduce(product.map((word, i) => word + pads[i]!), pad.bits));
  }
  multiplyWeights(x: Handle, weights: Weights): Handle {
    return tensor(matrixProduct(words(x), weights as Matrix));
  }
  multiply(
    party: 0 | 1,
    x: Handle,
    maskX: Handle,
    y: Handle,
    maskY: Handle,
    extent: Extent,
    broadcast: boolean,
    pad: RecordView,
  ): Handle {
    const out = recordWords(pad), a = words(x), ra = words(maskX), b = words(y), rb = words(maskY);
    eachElement(extent, (e, row) => {
      const j = broadcast ? row : e, both = party === 0 ? Math.imul(a[e]!, b[j]!) : 0;
      out[e] = out[e]! + both - Math.imul(a[e]!, rb[j]!) - Math.imul(ra[e]!, b[j]!);
    });
    return tensor(reduce(out, pad.bits));
  }
  cache(capacityTokens: number, widthPerToken: number): CacheHandle {
    return new CachedTokens(capacityTokens, widthPerToken);
  }
  freeCache(_cache: CacheHandle): void {}
  store(party: 0 | 1, cache: CacheHandle, fromToken: number, x: Handle, mask: Handle): void {
    const { pairs, widthPerToken } = cache as CachedTokens,
      data = words(x),
      r = words(mask),
      base = 2 * fromToken * widthPerToken;
    for (let i = 0; i < data.length; i++) {
      pairs[base + 2 * i] = (party === 0 ? data[i]! : 0) - r[i]!;
      pairs[base + 2 * i + 1] = -data[i]!;
    }
  }
  scores(q: Handle, maskQ: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle {
    const out = recordWords(pad), data = words(q), r = words(maskQ), { pairs } = cache as CachedTokens;
    eachScore(step, (qAt, kAt, at) => {
      let sum = out[at]!;
      for (let d = 0; d < step.width; d++) {
        sum =
          (sum + Math.imul(data[qAt + d]!, pairs[2 * (kAt + d)]!) + Math.imul(r[qAt + d]!, pairs[2 * (kAt + d) + 1]!)) |
          0;
      }
      out[at] = sum;
    });
    return tensor(reduce(out, pad.bits));
  }
  mix(p: Handle, maskP: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle {
    const out = recordWords(pad), data = words(p), r = words(maskP), { pairs } = cache as CachedTokens;
    eachScore(step, (outAt, vAt, at) => {
      for (let d = 0; d < step.width; d++) {
        out[outAt + d]! += Math.imul(data[at]!, pairs[2 * (vAt + d)]!) + Math.imul(r[at]!, pairs[2 * (vAt + d) + 1]!);
      }
    });
    return tensor(reduce(out, pad.bits));
  }
  squareSum(party: 0 | 1, x: Handle, extent: Extent, outBits: number, given: RecordView, free: RecordView): Handle {
    const data = words(x),
      sums = new Array<bigint>(extent.cols.length * extent.rows).fill(0n),
      key = new Cursor(given),
      pads = new Cursor(free);
    const n = (3 * outBits - 1 - given.bits) / 2, top = BigInt(n + 1), half = 1n << BigInt(n - 2);
    eachElement(extent, (e, row) => {
      key.seek(e);
      const shifted = BigInt.asUintN(n, BigInt(data[e]!) + half),
        u = shifted - half,
        k = 1n - (shifted >> BigInt(n - 1));
      const r = key.wide(0, outBits),
        b = key.wide(outBits, outBits - n),
        br = key.wide(outBits + (outBits - n), outBits - n - 1);
      sums[row]! += (party === 0 ? u * u : 0n) - 2n * u * r +
        k * (((u * b) << top) - (br << top) + (b << BigInt(2 * n)));
    });
    const wide = outBits > 32 ? 2 : 1, out = new Uint32Array(wide * sums.length);
    sums.forEach((sum, row) => {
      const value = BigInt.asUintN(outBits, sum + pads.seek(row).wide(0, outBits));
      out[wide * row] = Number(value & 0xffffffffn);
      if (wide === 2) out[2 * row + 1] = Number(value >> 32n);
    });
    return new Tensor(out, wide);
  }

  truncateSymbols(step: TruncateStep, z: Handle, given: RecordView, free: RecordView): Handle {
    const data = words(z),
      out = new Uint32Array(data.length),
      key = new Cursor(given),
      pads = new Cursor(free),
      count = symbolCount(step.chunks.length);
    for (let e = 0; e < data.length; e++) {
      key.seek(e);
      const shifted = raised(step, data[e]!),
        tells = step.full && step.wrapBits > 0 ? 1 - (shifted >>> (step.inBits - 1)) : 0;
      const symbols = permutedSymbols(key.bytes, key.at, step.chunks, key.parity, shifted % 2 ** step.by);
      out[e] = symbols ^ pads.seek(e).field(0, count) ^ (tells << count);
    }
    return tensor(out);
  }
  truncateFinish(step: TruncateStep, z: Handle, opened: Handle, given: RecordView, free: RecordView): Handle {
    const data = words(z),
      symbols = words(opened),
      out = new Uint32Array(data.length),
      key = new Cursor(given),
      pads = new Cursor(free);
    const { chunks, outBits: m, inBits: n, by, wrapBits } = step,
      count = symbolCount(chunks.length),
      paths = pathCount(chunks.length);
    const carries = permutedBits(chunks), ring = lowMask(m);
    for (let e = 0; e < data.length; e++) {
      key.seek(e);
      const selected = permutedPath(symbols[e]!, chunks.length), path = selected >>> 1, bit = selected & 1;
      let sum = pads.seek(e).field(count, m) - (1 - 2 * bit) * key.field(carries + path * m, m);
      if (wrapBits > 0 && ((symbols[e]! >>> count) & 1) === 1) {
        sum += key.field(carries + paths * m, wrapBits) * 2 ** (n - by);
      }
      if (step.adds) sum += Math.floor(raised(step, data[e]!) / 2 ** by) - 2 ** (n - 2 - by) - bit;
      out[e] = sum & ring;
    }
    return tensor(out);
  }

  maximumSymbols(step: MaximumStep, x: Handle, given: RecordView, free: RecordView): Handle {
    const data = words(x),
      out: number[] = [],
      key = new Cursor(given),
      pads = new Cursor(free),
      count = symbolCount(step.chunks.length),
      low = 2 ** (step.bits - 1) - 1;
    eachPair(step.extent, (from, pair) => {
      if (pair < 0) return;
      key.seek(pair);
      const d = (data[from]! - data[from + 1]!) & low;
      out.push(permutedSymbols(key.bytes, key.at, step.chunks, key.parity, d) ^ pads.seek(pair).field(0, count));
    });
    return tensor(Uint32Array.from(out));
  }
  maximumSelect(
    party: 0 | 1,
    step: MaximumStep,
    x: Handle,
    opened: Handle,
    given: RecordView,
    free: RecordView,
  ): Handle {
    const data = words(x),
      symbols = words(opened),
      out: number[] = [],
      key = new Cursor(given),
      pads = new Cursor(free);
    const { bits, chunks } = step,
      ring = lowMask(bits),
      select = permutedBits(chunks),
      paths = pathCount(chunks.length),
      count = symbolCount(chunks.length);
    eachPair(step.extent, (from, pair) => {
      if (pair < 0) return;
      key.seek(pair);
      const d = (data[from]! - data[from + 1]!) & ring,
        selected = permutedPath(symbols[pair]!, chunks.length),
        j = selected >>> 1;
      const g = (selected & 1) ^ (d >>> (bits - 1)), word = (i: number): number => key.field(select + i * bits, bits);
      let sum = pads.seek(pair).field(count, bits) + (1 - 2 * g) * Math.imul(d, word(j)) - g * word(paths + j);
      if (party === 0) sum += g * d;
      if (j > 0) sum -= word(2 * paths + j - 1);
      out.push(sum & ring);
    });
    return tensor(Uint32Array.from(out));
  }
  maximumMerge(step: MaximumStep, x: Handle, selected: Handle): Handle {
    const data = words(x), chosen = words(selected), out: number[] = [], ring = lowMask(step.bits);
    eachPair(step.extent, (from, pair) => out.push(pair < 0 ? data[from]! : (data[from + 1]! + chosen[pair]!) & ring));
    return tensor(Uint32Array.from(out));
  }

  expSymbols(
    party: 0 | 1,
    step: ExpStep,
    t: Handle,
    given: RecordView,
    free: RecordView,
  ): { symbols: Handle; values: Handle } {
    const data = words(t),
      symbols = new Uint32Array(data.length),
      values = new Uint32Array(3 * data.length),
      key = new Cursor(given),
      pads = new Cursor(free);
    const [low, high, top] = step.digits,
      sign = signOf(party),
      highMask = 2 ** high - 1,
      topSize = 2 ** top,
      n = stepRing(free, 5, 4);
    for (let e = 0; e < data.length; e++) {
      key.seek(e);
      pads.seek(e);
      const { bytes, at, parity } = key,
        t0 = data[e]! & (2 ** low - 1),
        t1 = (data[e]! >>> low) & highMask,
        t2 = data[e]! >>> (low + high);
      const highAt = at + oneHotBits(low), topAt = highAt + oneHotBits(high);
      const equal = (b: number): number => flatEqual(bytes, topAt, top, parity, (t2 + topSize - b) % topSize);
      symbols[e] =
        (flatLess(bytes, at, low, parity, t0) | (flatLess(bytes, highAt, high, parity, t1) << 1) | (equal(0) << 2) |
          (equal(1) << 3)) ^ pads.field(0, 4);
      values[3 * e] = sign * flatLookup(bytes, at, low, parity, t0, (i) => step.lowTable[i]!) + pads.field(5, n);
      for (const b of [0, 1]) {
        values[3 * e + 1 + b] = sign * flatLookup(bytes, highAt, high, parity, (t1 - b) & highMask, (i) =>
              step.highTable[i]!) + pads.field(5 + n + n * b, n);
      }
    }
    return { symbols: tensor(symbols), values: tensor(reduce(values, n)) };
  }
  expClip(party: 0 | 1, _step: ExpStep, symbols: Handle, _given: RecordView, free: RecordView): Handle {
    const opened = words(symbols), out = new Uint32Array(opened.length), pads = new Cursor(free);
    for (let e = 0; e < opened.length; e++) {
      // g = E_0 ⊕ l·(E_0 ⊕ E_1) in masked bits; the product of both mask bits went into the result's mask.
      const s = opened[e]!, l = (s >>> 1) & 1, e0 = (s >>> 2) & 1, d = e0 ^ (s >>> 3), mine = pads.seek(e).field(0, 4);
      const rhoL = (mine >>> 1) & 1, rhoD = ((mine >>> 2) ^ (mine >>> 3)) & 1;
      out[e] = pads.field(4, 1) ^ (d & rhoL) ^ (l & rhoD) ^ (party === 0 ? e0 ^ (l & d) : 0);
    }
    return tensor(out);
  }
  expFinish(step: ExpStep, symbols: Handle, values: Handle, clip: Handle, given: RecordView, free: RecordView): Handle {
    const opened = words(symbols),
      v = words(values),
      clips = words(clip),
      out = new Uint32Array(opened.length),
      key = new Cursor(given),
      pads = new Cursor(free);
    const base = step.digits.reduce((bits, k) => bits + oneHotBits(k), 0), n = stepRing(free, 5, 4);
    for (let e = 0; e < opened.length; e++) {
      key.seek(e);
      const c = opened[e]! & 1,
        vLow = v[3 * e]!,
        v0 = v[3 * e + 1]!,
        v1 = v[3 * e + 2]!,
        own = c === 1 ? v1 : v0,
        step01 = (c === 1 ? -1 : 1) * (v1 - v0);
      // Monomials S, S·ρ_c, A_0, A_1, S·m_low, S·m_low·ρ_c, m_low·A_0, m_low·A_1; the second eight carry the clip's mask bit.
      const polynomial = (from: number): number => {
        const word = (i: number): number => key.field(base + n * (from + i), n);
        return Math.imul(Math.imul(own, vLow), word(0)) + Math.imul(Math.imul(step01, vLow), word(1)) -
          Math.imul(vLow, word(2 + c)) - Math.imul(own, word(4)) -
          Math.imul(step01, word(5)) + word(6 + c);
      };
      const g = clips[e]!;
      out[e] = pads.seek(e).field(5 + 3 * n, n) + g * polynomial(0) + (1 - 2 * g) * polynomial(8);
    }
    return tensor(reduce(out, n));
  }

  spliceSymbols(
    party: 0 | 1,
    step: SpliceStep,
    x: Handle,
    given: RecordView,
    free: RecordView,
  ): { symbols: Handle; values: Handle } {
    const data = words(x),
      symbols = new Uint32Array(data.length),
      values = new Uint32Array(2 * data.length),
      key = new Cursor(given),
      pads = new Cursor(free);
    const [low, index, top] = step.digits,
      indexMask = 2 ** index - 1,
      topMask = 2 ** top - 1,
      window = 2 ** (low + index - 1),
      n = stepRing(free, 11, 3);
    for (let e = 0; e < data.length; e++) {
      key.seek(e);
      pads.seek(e);
      const { bytes, at, parity } = key,
        x0 = data[e]!,
        raisedX = (x0 + window) >>> 0,
        indexAt = at + oneHotBits(low),
        topAt = indexAt + oneHotBits(index);
      const lo = x0 & (2 ** low - 1), signIndex = (x0 >>> low) & indexMask, signTop = (x0 >>> (low + index)) & topMask;
      const windowIndex = (raisedX >>> low) & indexMask, windowTop = (raisedX >>> (low + index)) & topMask;
      const bits = [
        flatLess(bytes, at, low, parity, lo),
        flatLess(bytes, indexAt, index, parity, windowIndex),
        flatEqual(bytes, topAt, top, parity, windowTop),
        flatEqual(bytes, topAt, top, parity, (windowTop - 1) & topMask),
        flatLess(bytes, indexAt, index, parity, signIndex),
        flatEqual(bytes, indexAt, index, parity, signIndex),
        flatPredicate(bytes, topAt, top, parity, (r) => ((signTop - r) & topMask) > topMask >> 1),
        flatPredicate(bytes, topAt, top, parity, (r) => ((signTop - 1 - r) & topMask) > topMask >> 1),
      ];
      symbols[e] = bits.reduce((word: number, bit, i) => word | (bit << i), 0) ^ pads.field(0, 8);
      for (const b of [0, 1]) {
        values[2 * e + b] =
          signOf(party) * flatLookup(bytes, indexAt, index, parity, (windowIndex - b) & indexMask, (i) =>
              step.table[i]!) + pads.field(11 + n * b, n);
      }
    }
    return { symbols: tensor(symbols), values: tensor(reduce(values, n)) };
  }
  spliceBits(party: 0 | 1, step: SpliceStep, symbols: Handle, given: RecordView, free: RecordView): Handle {
    const opened = words(symbols),
      out = new Uint32Array(opened.length),
      key = new Cursor(given),
      pads = new Cursor(free);
    const pairs = step.digits.reduce((bits, k) => bits + oneHotBits(k), 0);
    for (let e = 0; e < opened.length; e++) {
      const s = opened[e]!, mine = pads.seek(e).field(0, 8), own = pads.field(8, 3), pair = key.seek(e).field(pairs, 6);
      const bit = (word: number, at: number): number => (word >>> at) & 1;
      // Public masked symbols, and this party's shares of their mask bits.
      const [c, w, e0, q, l, s0] = [bit(s, 0), bit(s, 1), bit(s, 2), bit(s, 5), bit(s, 4), bit(s, 6)],
        de = e0 ^ bit(s, 3),
        ds = s0 ^ bit(s, 7);
      const [rc, rw, re0, rq, rl] = [bit(mine, 0), bit(mine, 1), bit(mine, 2), bit(mine, 5), bit(mine, 4)];
      const rde = re0 ^ bit(mine, 3), rds = bit(mine, 6) ^ bit(mine, 7);
      const [qc, qs, cs, we, wc, ec] = [0, 1, 2, 3, 4, 5].map((at) => bit(pair, at)) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      const constant = party === 0 ? 1 : 0;
      // neg = S_0 ⊕ l·DS ⊕ q·c·DS, without the monomials of mask bits alone.
      const neg = (constant & (s0 ^ (l & ds) ^ (q & c & ds))) ^ (ds & rl) ^ (l & rds) ^ (c & ds & rq) ^ (q & ds & rc) ^
        (q & c & rds) ^ (ds & qc) ^ (c & qs) ^ (q & cs);
      // in = E_0 ⊕ w·DE and w_1 = in·c.
      const inside = (constant & (e0 ^ (w & de))) ^ (de & rw) ^ (w & rde);
      const upper = (constant & ((e0 & c) ^ (w & de & c))) ^ (c & re0) ^ (e0 & rc) ^ (de & c & rw) ^ (w & c & rde) ^
        (w & de & rc) ^ (c & we) ^ (de & wc) ^ (w & ec);
      out[e] = own ^ neg ^ ((inside ^ upper) << 1) ^ (upper << 2);
    }
    return tensor(out);
  }
  spliceFinish(
    party: 0 | 1,
    step: SpliceStep,
    x: Handle,
    values: Handle,
    bits: Handle,
    given: RecordView,
    free: RecordView,
  ): Handle {
    const data = words(x),
      v = words(values),
      opened = words(bits),
      out = new Uint32Array(data.length),
      key = new Cursor(given),
      pads = new Cursor(free);
    const base = step.digits.reduce((sum, k) => sum + oneHotBits(k), 0) + 6, n = stepRing(free, 11, 3);
    for (let e = 0; e < data.length; e++) {
      key.seek(e);
      const word = (i: number): number => key.field(base + n * i, n), pos = opened[e]! & 1;
      let sum = pads.seek(e).field(11 + 2 * n, n) + (1 - 2 * pos) * Math.imul(data[e]!, word(0)) - pos * word(1) +
        (party === 0 ? pos * data[e]! : 0);
      for (const b of [0, 1]) {
        const w = (opened[e]! >>> (1 + b)) & 1, value = v[2 * e + b]!;
        sum -= w * Math.imul(value, word(2)) + (1 - 2 * w) * Math.imul(value, word(3 + 2 * b)) - w * word(4 + 2 * b);
      }
      out[e] = sum;
    }
    return tensor(reduce(out, n));
  }

  rowSymbols(
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
  rowFinish(
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
}

/** ẑ + addend + 2^(n-2) mod 2^n (or its low bits, where the party holds only these). */
function raised(step: TruncateStep, word: number): number {
  return (word + step.addend + 2 ** (step.inBits - 2)) % 2 ** step.inBits;
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
