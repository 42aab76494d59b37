/**
 * The arithmetic that one party needs between two openings, as an interface: `core/reference/` defines what every operation means, `cpu/` and `gpu/`
 * make it fast, and all of them must agree bit for bit.
 *
 * Calls enqueue and return handles; only {@linkcode Engine.pack} and {@linkcode Engine.download} may wait. Memory, openings and products with matrices and
 * caches are an engine's own; everything else is a {@linkcode Kernel} that a gate brings along and {@linkcode Engine.step} runs. An element has one word in
 * rings of up to 32 bits and two words above; `pack` and `combine` may take fewer bits than an element has.
 *
 * @module
 */

import type { Kernel, KernelCall } from "./kernel.ts";
import type { Handle, KeyMemory, RecordView } from "./memory.ts";

export type { Extent, FieldPlace, Handle, KeyMemory, RecordView } from "./memory.ts";

/** One key stream of a seed, and where in a key memory it goes; streams of one call do not overlap. */
export interface SeedStream {
  /** Nonce of the stream, 12 bytes. */
  readonly nonce: Uint8Array;
  /** First byte of the memory. */
  readonly offset: number;
  /** Bytes of the stream. */
  readonly byteLength: number;
}

/** Weights in the engine's own layout. */
export interface Weights {
  /** Rows of the matrix. */
  readonly inputs: number;
  /** Columns of the matrix. */
  readonly outputs: number;
  /** Words of an entry, and of what it is multiplied by: 1 for rings up to 32 bits, 2 (low word first) above. */
  readonly wordsPerElement: 1 | 2;
}

/** Shape of one attention product: every block holds `tokens` tokens, `heads` query heads share `kvHeads` cached heads of `width`. */
export interface AttentionStep {
  /** Tokens of every block. */
  readonly tokens: number;
  /** Query heads of a token. */
  readonly heads: number;
  /** Key and value heads of a token; divides `heads`. */
  readonly kvHeads: number;
  /** Values of one head. */
  readonly width: number;
  /** Columns (cached tokens) that block b attends to. */
  readonly cols: readonly number[];
  /** First cached token that block b attends to: 0, or where its window begins. */
  readonly starts: readonly number[];
}

/** Cached keys or values of one layer and request in the right-operand form of a product (`core/protocols/products/gate.ts`). */
export interface CacheHandle {
  /** Tokens that there is room for. */
  readonly capacityTokens: number;
}

/** Owner of the handles that are made while it is current. */
export interface Scope {
  /** The scope that was current when this one was made. */
  readonly parent: Scope | null;
  /** Frees every handle that this scope owns, except `kept`, which pass to the parent (with none: to nobody, they live on). If it is current, the parent becomes so. */
  end(kept: readonly Handle[]): void;
}

/** Batched arithmetic of one party. */
export interface Engine {
  /** Name of the engine, for reports. */
  readonly name: string;

  // --- memory -----------------------------------------------------------------------------------------------------------
  /** Copies words to the engine. */
  upload(words: Uint32Array, wordsPerElement?: 1 | 2): Handle;
  /** Copies words back. */
  download(x: Handle): Uint32Array | Promise<Uint32Array>;
  /** Makes a scope and makes it current; handles belong to the scope that is current when they are made (with none: to nobody). */
  begin(): Scope;
  /** Makes `scope` current and returns the one that was. */
  enter(scope: Scope | null): Scope | null;
  /** Makes room for the keys of a lane. */
  keyMemory(byteLength: number): KeyMemory;
  /** Gives it back. */
  freeKeyMemory(memory: KeyMemory): void;
  /** Fills parts of a key memory with ChaCha8 key streams of a seed of 32 bytes. */
  expand(seed: Uint8Array, memory: KeyMemory, streams: readonly SeedStream[]): void;

  // --- openings ---------------------------------------------------------------------------------------------------------
  /** Packs the low `bits` bits of every element, little-endian, padded with zeros to a byte. */
  pack(x: Handle, bits: number): Uint8Array | Promise<Uint8Array>;
  /**
   * mine + theirs mod 2^bits ("add"; no share of mine counts as 0), or mine XOR theirs ("xor", where `mine` keeps the bits above `bits`). With 0 bits mine as it
   * is. `theirs` is a packed tensor of `count` values: who takes it from the peer has checked its length and its padding.
   */
  combine(kind: "add" | "xor", mine: Handle | null, count: number, theirs: Uint8Array, bits: number): Handle;

  // --- key material ---------------------------------------------------------------------------------------------------------
  /** A field of every element of a record, of up to 64 bits, or its lowest `bits` ones. */
  unpack(record: RecordView, field: string, bits?: number): Handle;

  // --- products -------------------------------------------------------------------------------------------------------------
  /** Puts a row-major (inputs × outputs) matrix of one or two words per entry into the engine's layout. */
  weights(words: Uint32Array, inputs: number, outputs: number, wordsPerElement?: 1 | 2): Weights;
  /** (x - r)·W + e for party 0, -r·W + e for party 1 (x = null), mod 2^n; `mask` holds r (null: zero) and `pad` holds e, n bits per element. */
  linear(x: Handle | null, mask: RecordView | null, weights: Weights, pad: RecordView): Handle;
  /** x·W mod 2^32 or, of a matrix of two words per entry, mod 2^64: the dealer's product of masks, row-major (rows × inputs). */
  multiplyWeights(x: Handle, weights: Weights): Handle;
  /** Makes an empty cache of right operands. */
  cache(capacityTokens: number, widthPerToken: number): CacheHandle;
  /** Gives it back. */
  freeCache(cache: CacheHandle): void;
  /** Appends tokens to a cache as right operands: (party 0: x̂ - r, party 1: -r) and -x̂. */
  store(party: 0 | 1, cache: CacheHandle, fromToken: number, x: Handle, mask: Handle): void;
  /** Share of every score Σ_d q_d·k_d + pad of the block's tokens and heads against its columns. */
  scores(q: Handle, maskQ: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle;
  /** Share of Σ_j p_j·v_j + pad of the block's tokens and heads. */
  mix(p: Handle, maskP: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle;

  // --- steps of gates -------------------------------------------------------------------------------------------------------
  /** Runs a kernel on every item of its call; what it writes, by name. */
  step<R extends string, W extends string, P extends string, T extends string>(
    kernel: Kernel<R, W, P, T>,
    call: KernelCall<R, P, T>,
  ): Readonly<Record<W, Handle>>;
}
