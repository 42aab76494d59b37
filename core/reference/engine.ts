/**
 * The reference engine: plain loops, the living definition of every operation of {@linkcode Engine}.
 *
 * It reads key bits where they lie and allocates freely. Every other engine must agree with it bit for bit. The operations of gate steps stand in
 * `core/reference/`, one file per gate.
 *
 * @module
 */

import type { CacheHandle, Engine, Handle, KeyMemory, RecordView, Scope, SeedStream, Weights } from "../engine.ts";
import { expandChacha8 } from "../prg/chacha8.ts";
import { packBits, unpackBits } from "../ring/bits.ts";
import { lowMask } from "../ring/words.ts";
import { linear, mix, multiply, multiplyWeights, scores, squareSum, store } from "./products.ts";
import { add, addWrap, columns, distance, extend, rotate, rowSum, shift } from "./local.ts";
import { truncateFinish, truncateSymbols } from "./truncate.ts";
import { maximumMerge, maximumSelect, maximumSymbols } from "./maximum.ts";
import { expDitheredFinish, expDitheredValues } from "./exp_dithered.ts";
import { expClip, expFinish, expSymbols } from "./exp.ts";
import { spliceBits, spliceFinish, spliceSymbols } from "./splice.ts";
import { rowFinish, rowSymbols } from "./row_function.ts";
import { CachedTokens, Cursor, Keys, lowWordsOf, Matrix, Tensor, tensor, words } from "./memory.ts";

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
  expand(seed: Uint8Array, memory: KeyMemory, streams: readonly SeedStream[]): void {
    for (const { nonce, offset, byteLength } of streams) {
      expandChacha8(seed, nonce, (memory as Keys).view(offset, byteLength));
    }
  }

  pack(x: Handle, bits: number): Uint8Array {
    return packBits(bits > 32 ? words(x) : lowWordsOf(x), bits);
  }
  combine(kind: "add" | "xor", mine: Handle | null, count: number, theirs: Uint8Array, bits: number): Handle {
    const wide = bits > 32 ? 2 : 1, other = bits === 0 ? new Uint32Array(count) : unpackBits(theirs, bits, count);
    if (mine !== null && bits === 0) return new Tensor(words(mine).slice(), mine.wordsPerElement); // who receives nothing keeps its share
    const own = mine === null ? new Uint32Array(count * wide) : wide === 1 ? lowWordsOf(mine) : words(mine);
    if (kind === "xor") return tensor(own.map((word, i) => word ^ other[i]!));
    if (wide === 1) {
      const ring = bits === 0 ? 0xffffffff : lowMask(bits);
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

  weights(data: Uint32Array, inputs: number, outputs: number, wordsPerElement: 1 | 2 = 1): Weights {
    return new Matrix(data.slice(), inputs, outputs, wordsPerElement);
  }
  cache(capacityTokens: number, widthPerToken: number): CacheHandle {
    return new CachedTokens(capacityTokens, widthPerToken);
  }
  freeCache(_cache: CacheHandle): void {}

  // What lies between two openings: see core/reference/.
  readonly add = add;
  readonly addWrap = addWrap;
  readonly extend = extend;
  readonly shift = shift;
  readonly expDitheredValues = expDitheredValues;
  readonly expDitheredFinish = expDitheredFinish;
  readonly columns = columns;
  readonly rotate = rotate;
  readonly distance = distance;
  readonly rowSum = rowSum;
  readonly linear = linear;
  readonly multiplyWeights = multiplyWeights;
  readonly multiply = multiply;
  readonly store = store;
  readonly scores = scores;
  readonly mix = mix;
  readonly squareSum = squareSum;
  readonly truncateSymbols = truncateSymbols;
  readonly truncateFinish = truncateFinish;
  readonly maximumSymbols = maximumSymbols;
  readonly maximumSelect = maximumSelect;
  readonly maximumMerge = maximumMerge;
  readonly expSymbols = expSymbols;
  readonly expClip = expClip;
  readonly expFinish = expFinish;
  readonly spliceSymbols = spliceSymbols;
  readonly spliceBits = spliceBits;
  readonly spliceFinish = spliceFinish;
  readonly rowSymbols = rowSymbols;
  readonly rowFinish = rowFinish;
}
