/**
 * The arithmetic that one party needs between two openings, as an interface: `core/reference/engine.ts` defines what every operation means, `cpu/` and `gpu/`
 * make it fast, and all of them must agree bit for bit.
 *
 * Calls enqueue and return handles; only {@linkcode Engine.pack} and {@linkcode Engine.download} may wait. Every operation of a *gate step* works on a whole
 * lane: the elements of all of its blocks in order, one key record per block.
 *
 * An element has one word in rings of up to 32 bits and two words above; `pack` and `combine` may take fewer bits than an element has. Rings above 32 bits are
 * for `add`, `columns`, `shift`, `extend`, `addWrap`, `linear`, `multiply`, `squareSum` and truncation, and for what row functions read.
 *
 * An operation that no ring is named for learns its ring Z_{2^n} from the width of its records, and reduces what it returns:
 *
 * | operations                          | width of a record in bits                                     |
 * | ----------------------------------- | ------------------------------------------------------------- |
 * | `linear`, `multiply`, `scores`, `mix` | `pad`: n                                                    |
 * | `expSymbols`, `expFinish`           | `free`: 5 + 4n                                                |
 * | `expDitheredValues`, `expDitheredFinish` | `free`: 3n                                               |
 * | `rowSymbols`, `rowFinish`           | `free`: 128 + G - 1 + G·w + (2G + 1)·n for G groups of at most w symbols |
 */

/** A tensor in engine memory: `count` elements of `wordsPerElement` u32 words. Opaque to everything but its engine. */
export interface Handle {
  /** Elements. */
  readonly count: number;
  /** 1 for rings up to 32 bits, 2 (low word first) above. */
  readonly wordsPerElement: 1 | 2;
}

/** Key bytes of one lane in engine memory: explicit blocks read from the key stream, then what seeds expand to. */
export interface KeyMemory {
  /** Size in bytes. */
  readonly byteLength: number;
  /** A view to read file bytes into; not to be kept past the next engine call. */
  view(offset: number, byteLength: number): Uint8Array;
}

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

/** One record of a gate's key: `bits` bits for each of `counts[b]` elements of block b, packed from byte `at[b]` of `memory` on. */
export interface RecordView {
  /** Where the bits are. */
  readonly memory: KeyMemory;
  /** Bits of one element. */
  readonly bits: number;
  /** Elements of each block. */
  readonly counts: readonly number[];
  /** Byte offset of each block's record. */
  readonly at: readonly number[];
  /** 1 where this party holds the explicit half: then its one-hot vectors have odd parity. */
  readonly parity: 0 | 1;
}

/** A comparison by permuted selection (`core/fss/permuted.ts`): chunk sizes in bits, lowest chunk first. */
export interface PermutedChunks {
  /** Chunk sizes in bits, lowest first. */
  readonly chunks: readonly number[];
}

/** Truncation of `inBits`-bit values by `by` bits into `outBits` bits; see `core/protocols/truncate/gate.ts`. */
export interface TruncateStep extends PermutedChunks {
  /** Ring of the input, in bits. */
  readonly inBits: number;
  /** Bits to drop. */
  readonly by: number;
  /** Ring of the result, in bits. */
  readonly outBits: number;
  /** Public constant added before the shift: 2^(by-1) rounds to nearest, 0 is floor. */
  readonly addend: number;
  /** Width of the wrap correction, 0 where the result does not need it. */
  readonly wrapBits: number;
  /** This party holds all bits of the masked input (the other one its low `by` bits). */
  readonly full: boolean;
  /** This party adds the public part of the result (exactly one party does). */
  readonly adds: boolean;
}

/** Rows of one lane: `rows` rows in each block, `cols[b]` columns in block b. */
export interface Extent {
  /** Rows of every block. */
  readonly rows: number;
  /** Columns of each block. */
  readonly cols: readonly number[];
}

/** One tournament level over `bits`-bit values; see `core/protocols/maximum/gate.ts`. */
export interface MaximumStep extends PermutedChunks {
  /** Ring of the values, in bits. */
  readonly bits: number;
  /** Extent of the input; pairs are neighbouring columns. */
  readonly extent: Extent;
}

/** Exponential by digits; see `core/protocols/exp/gate.ts`. */
export interface ExpStep {
  /** Digit sizes in bits, lowest first. */
  readonly digits: readonly [low: number, high: number, top: number];
  /** Public table of the low digit. */
  readonly lowTable: Uint32Array;
  /** Public table of the high digit; the last entry is 0. */
  readonly highTable: Uint32Array;
}

/** Exponential whose digits are not carried into each other; see `core/protocols/exp_dithered/gate.ts`. */
export interface ExpDitheredStep {
  /** Low bits of t that no digit reads. */
  readonly skip: number;
  /** Digit sizes in bits, lowest first. */
  readonly digits: readonly [low: number, high: number];
  /** Public table of the low digit's difference d, -2^low < d < 2^low, at d mod 2^(low+1). */
  readonly lowTable: Uint32Array;
  /** Public table of the high digit's difference mod 2^high. */
  readonly highTable: Uint32Array;
}

/** A ramp or a step minus a windowed table; see `core/protocols/splice/gate.ts`. */
export interface SpliceStep {
  /** Low bits of x that no digit reads. */
  readonly skip: number;
  /** Sizes in bits of the digits above them, lowest first. */
  readonly digits: readonly [low: number, index: number, top: number];
  /** Public table of the bump; both end entries are 0. */
  readonly table: Uint32Array;
  /** Ring of the ramp's x, in bits; for a step that of the result. */
  readonly inBits: number;
  /** Ring of the opened table values, in bits. */
  readonly valueBits: number;
  /** Ring of the result, in bits. */
  readonly ringBits: number;
}

/**
 * A term that counts only where the mask of x may have wrapped: a + sign·k·c·2^shift mod 2^outBits, k = 1 - msb((x̂ + 2^(inBits-2)) mod 2^inBits).
 */
export interface WrapStep {
  /** Ring of x, in bits, at least 2. */
  readonly inBits: number;
  /** Bits that the term is shifted by. */
  readonly shift: number;
  /** Whether the term is added or subtracted. */
  readonly sign: 1 | -1;
  /** Ring of the result, in bits. */
  readonly outBits: number;
}

/** One octave group of a row function; see `core/protocols/row_function/gate.ts`. */
export interface RowGroup extends PermutedChunks {
  /** The values in [2^fromBit, next group's 2^fromBit) belong to this group. */
  readonly fromBit: number;
  /** Bits that the index drops. */
  readonly shift: number;
  /** Public table of the group. */
  readonly table: Uint32Array;
}

/** A function of one value per row, by octave groups; see `core/protocols/row_function/gate.ts`. */
export interface RowStep {
  /** Ring of the values, in bits. */
  readonly inBits: number;
  /** Bits of every group's index. */
  readonly indexBits: number;
  /** Octave groups, lowest first. */
  readonly groups: readonly RowGroup[];
  /** Session salt of the tree DPF's node PRG, 16 bytes. */
  readonly salt: Uint8Array;
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

  // --- public-linear operations on masked values, mod 2^bits ----------------------------------------------------------------
  /** x + y mod 2^bits, element by element. */
  add(x: Handle, y: Handle, bits: number): Handle;
  /** Columns [from, to) of every row, for `extent` of x. */
  columns(x: Handle, extent: Extent, from: number, to: number): Handle;
  /** RoPE with rotate-half pairs: out = cos·x ∓ sin·x_partner mod 2^bits; `angles` holds (cos, sin) per block, token and pair, as signed integers. */
  rotate(x: Handle, angles: Int32Array, heads: number, width: number, bits: number): Handle;
  /** ((top + 1)·2^scale - x) mod 2^bits with one `top` per row. */
  distance(top: Handle, x: Handle, extent: Extent, scale: number, bits: number): Handle;
  /** Sum of every row mod 2^bits. */
  rowSum(x: Handle, extent: Extent, bits: number): Handle;
  /** ((x mod 2^inBits) ≫ by) mod 2^bits. */
  shift(x: Handle, inBits: number, by: number, bits: number): Handle;
  /**
   * The masked value of a ring read in a wider one, from < to, with its spare bit: ((x + 2^(from-2)) mod 2^from) - 2^(from-2) + top·2^from mod 2^to with a
   * `top` of to - from bits; without it the wrap of the mask is still missing.
   */
  extend(x: Handle, from: number, top: Handle | null, to: number): Handle;
  /** a + sign·k(x)·c·2^shift mod 2^outBits, element by element, with c of the result's ring or a narrower one; see {@linkcode WrapStep}. */
  addWrap(step: WrapStep, a: Handle, x: Handle, c: Handle): Handle;

  // --- key material ---------------------------------------------------------------------------------------------------------
  /** Field [offset, offset + bits) of every element of a record, as words; `bits` ≤ 64. */
  unpack(record: RecordView, offset: number, bits: number): Handle;

  // --- products -------------------------------------------------------------------------------------------------------------
  /** Puts a row-major (inputs × outputs) matrix of one or two words per entry into the engine's layout. */
  weights(words: Uint32Array, inputs: number, outputs: number, wordsPerElement?: 1 | 2): Weights;
  /** (x - r)·W + e for party 0, -r·W + e for party 1 (x = null), mod 2^n; `mask` holds r (null: zero) and `pad` holds e, n bits per element. */
  linear(x: Handle | null, mask: RecordView | null, weights: Weights, pad: RecordView): Handle;
  /** x·W mod 2^32 or, of a matrix of two words per entry, mod 2^64: the dealer's product of masks, row-major (rows × inputs). */
  multiplyWeights(x: Handle, weights: Weights): Handle;
  /** Share of x·y + pad with y broadcast over the columns where it has one: [party 0] x̂ŷ - x̂·r_y - r_x·ŷ + pad mod 2^n. */
  multiply(
    party: 0 | 1,
    x: Handle,
    maskX: Handle,
    y: Handle,
    maskY: Handle,
    extent: Extent,
    broadcast: boolean,
    pad: RecordView,
  ): Handle;
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
  /** Share of Σ x² of every row into Z_{2^outBits} plus pad, from wires in Z_{2^inBits}; `given` holds r, b and b·r (`core/protocols/squares/gate.ts`). */
  squareSum(
    party: 0 | 1,
    x: Handle,
    extent: Extent,
    inBits: number,
    outBits: number,
    given: RecordView,
    free: RecordView,
  ): Handle;

  // --- gate steps: symbols are XOR shares of masked bits, one word per element --------------------------------------------------
  /** Exchange 1 of a truncation: the comparison's symbols under their mask bits and, from the party that holds all of ẑ, msb(ẑ⁺) above them. */
  truncateSymbols(step: TruncateStep, z: Handle, given: RecordView, free: RecordView): Handle;
  /** Exchange 2: the share of y + pad + (r ≫ by). */
  truncateFinish(step: TruncateStep, z: Handle, opened: Handle, given: RecordView, free: RecordView): Handle;
  /** Exchange 1 of a maximum: the symbols of d̂ mod 2^(bits-1) for each pair. */
  maximumSymbols(step: MaximumStep, x: Handle, given: RecordView, free: RecordView): Handle;
  /** Share of g·(a - b) + pad for each pair. */
  maximumSelect(
    party: 0 | 1,
    step: MaximumStep,
    x: Handle,
    opened: Handle,
    given: RecordView,
    free: RecordView,
  ): Handle;
  /** b + selected for each pair, the odd one carried over. */
  maximumMerge(step: MaximumStep, x: Handle, selected: Handle): Handle;
  /** Exchange 1 of an exponential: four symbols and three signed table values per element. */
  expSymbols(
    party: 0 | 1,
    step: ExpStep,
    t: Handle,
    given: RecordView,
    free: RecordView,
  ): { symbols: Handle; values: Handle };
  /** Exchange 2: the clip bit under its pad. */
  expClip(party: 0 | 1, step: ExpStep, symbols: Handle, given: RecordView, free: RecordView): Handle;
  /** Exchange 3: the value under its pad. */
  expFinish(step: ExpStep, symbols: Handle, values: Handle, clip: Handle, given: RecordView, free: RecordView): Handle;
  /** Exchange 1 of a dithered exponential: two signed table values per element. */
  expDitheredValues(party: 0 | 1, step: ExpDitheredStep, t: Handle, given: RecordView, free: RecordView): Handle;
  /** Exchange 2: the value under its pad. */
  expDitheredFinish(step: ExpDitheredStep, values: Handle, given: RecordView, free: RecordView): Handle;
  /** Exchange 1 of a splice: eight symbols and two signed table values per element. */
  spliceSymbols(
    party: 0 | 1,
    step: SpliceStep,
    x: Handle,
    given: RecordView,
    free: RecordView,
  ): { symbols: Handle; values: Handle };
  /** Exchange 2: the bits neg, w_0, w_1 under their pads. */
  spliceBits(party: 0 | 1, step: SpliceStep, symbols: Handle, given: RecordView, free: RecordView): Handle;
  /** Exchange 3: the value under its pad; x is the masked input for a ramp, the public constant 2 for a step. */
  spliceFinish(
    party: 0 | 1,
    step: SpliceStep,
    x: Handle,
    values: Handle,
    bits: Handle,
    given: RecordView,
    free: RecordView,
  ): Handle;
  /** Exchange 1 of a row function: thresholds, the symbols of every group, two signed table values of every group. */
  rowSymbols(
    party: 0 | 1,
    step: RowStep,
    v: Handle,
    given: RecordView,
    free: RecordView,
    common: RecordView,
  ): { thresholds: Handle; symbols: Handle; values: Handle };
  /** Exchange 2: the value under its pad. */
  rowFinish(
    step: RowStep,
    v: Handle,
    thresholds: Handle,
    symbols: Handle,
    values: Handle,
    given: RecordView,
    free: RecordView,
  ): Handle;
}
