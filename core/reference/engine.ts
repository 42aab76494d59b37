/**
 * The reference engine: plain loops, the living definition of every operation of {@linkcode Engine}.
 *
 * It reads key bits where they lie and allocates freely. Every other engine must agree with it bit for bit. A kernel of a gate brings its definition along.
 *
 * @module
 */

import type { CacheHandle, Engine, Handle, KeyMemory, RecordView, Scope, SeedStream, Weights } from "../engine.ts";
import { expandChacha8 } from "../prg/chacha8.ts";
import { packBits, unpackBits } from "../ring/bits.ts";
import { wordsPerElement } from "../ring/words.ts";
import { placeOf } from "../kernel.ts";
import { linear, mix, multiplyWeights, scores, store } from "./products.ts";
import { step } from "./step.ts";
import { CachedTokens, elements, integers, Keys, lowWordsOf, Matrix, recordIntegers, Tensor, words } from "./memory.ts";

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
    // Who receives nothing keeps its share.
    if (mine !== null && bits === 0) return new Tensor(words(mine).slice(), mine.wordsPerElement);
    const other = new Tensor(
      bits === 0 ? new Uint32Array(count) : unpackBits(theirs, bits, count),
      wordsPerElement(bits),
    );
    if (kind === "xor") {
      const own = mine === null ? new Uint32Array(count) : lowWordsOf(mine);
      return new Tensor(own.map((word, i) => word ^ words(other)[i]!), 1);
    }
    const own = mine === null ? new Array<bigint>(count).fill(0n) : integers(mine);
    return elements(integers(other).map((word, i) => word + own[i]!), bits || 32);
  }

  unpack(record: RecordView, field: string, bits?: number): Handle {
    return elements(recordIntegers(record, field, bits), bits ?? placeOf(record, field).bits);
  }

  weights(data: Uint32Array, inputs: number, outputs: number, wordsPerElement: 1 | 2 = 1): Weights {
    return new Matrix(data.slice(), inputs, outputs, wordsPerElement);
  }
  cache(capacityTokens: number, widthPerToken: number): CacheHandle {
    return new CachedTokens(capacityTokens, widthPerToken);
  }
  freeCache(_cache: CacheHandle): void {}

  // What lies between two openings: see core/reference/.
  readonly linear = linear;
  readonly multiplyWeights = multiplyWeights;
  readonly store = store;
  readonly scores = scores;
  readonly mix = mix;
  readonly step = step;
}
