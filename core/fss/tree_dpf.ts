/**
 * GGM-tree DPF with early termination: XOR shares of `1{x = alpha}` and `1{x < alpha}` for domains of up to 2^64 points.
 *
 * After [BGI18], with 128-bit leaves that cover 128 consecutive points each. A node is (seed: 4 u32 words, control bit); off the path to
 * `alpha` both parties hold the same node, on it the control bits differ and the seeds are independent.
 *
 * **Node PRG.** One ChaCha8 block with key = node seed (16 bytes) ‖ salt (16 bytes), nonce zero, counter 0. Its words 0-3 are the left seed, 4-7
 * the right seed; bit 0 of byte 32 (word 8, bit 0) is the left control bit, bit 0 of byte 33 (word 8, bit 8) the right one.
 *
 * **Descent.** With `b` bits of domain there are `D = max(0, b - 7)` levels. Level `i` follows bit `b - 1 - i` of `x` (most significant first):
 * `seed' = G_c(seed) ⊕ t·seedCorrection[i]`, `t' = T_c(seed) ⊕ t·controlCorrection[i][c]` for the direction `c` (0 = left). The leaf is
 * `seed ⊕ t·leafCorrection`, and its bit `x mod 128` is the party's share; bit `j` of 4 words is bit `j mod 32` of word `⌊j / 32⌋`.
 *
 * **Corrections**, common to both parties, a bit array of `130·D + 2^min(7,b)` bits:
 *
 * | bits | at bit | holds |
 * | --- | --- | --- |
 * | 128 per level | `128·i` | seed correction of level i |
 * | `2^min(7,b)` | `128·D` | leaf correction |
 * | 2 per level | `128·D + 2^min(7,b) + 2·i` | control corrections of level i: left, then right |
 *
 * A party's key is its root seed (16 bytes, from its own session seed: free) and the corrections; party p's root control bit is p.
 * Points `x` are public: no branch or index of an evaluation depends on a secret. The dealer's descent follows the bits of `alpha`.
 */

import { chacha8Block } from "../prg/chacha8.ts";
import { readBits, writeBits, xorBits } from "../ring/bits.ts";

/** Bits of the input that a leaf resolves: 2^7 = 128 points per leaf. */
export const LEAF_DOMAIN_BITS = 7;

/** Length of a root seed and of a salt. */
export const TREE_SEED_BYTES = 16;

const SEED_BITS = 128;
const SEED_WORDS = 4;

/** Public parameters of a tree DPF. */
export interface TreeDpf {
  /** log2 of the domain size, 1 to 64. */
  readonly domainBits: number;
  /** Number of levels below the root: `max(0, domainBits - 7)`. */
  readonly levels: number;
  /** Length of the corrections, in bits. */
  readonly correctionBits: number;
}

/** What the dealer generates a key from. Everything but the salt is secret. */
export interface TreeDpfSecrets {
  /** Special point, below 2^domainBits. */
  readonly alpha: bigint;
  /** Root seeds of party 0 and party 1, 16 bytes each. */
  readonly seeds: readonly [Uint8Array, Uint8Array];
  /** Session salt, 16 bytes. */
  readonly salt: Uint8Array;
}

/** One party's key. */
export interface TreeDpfKey {
  /** Whose key this is; also the root's control bit. */
  readonly party: 0 | 1;
  /** Root seed, 16 bytes; secret. */
  readonly seed: Uint8Array;
  /** Session salt, 16 bytes; known to both parties. */
  readonly salt: Uint8Array;
  /** Bit array that holds the corrections. */
  readonly corrections: Uint8Array;
  /** Position of the corrections' bit 0. */
  readonly bitOffset: number;
}

/**
 * Returns the parameters of a tree DPF on 2^domainBits points.
 *
 * @throws {RangeError} If `domainBits` is not 1 to 64.
 */
export function treeDpf(domainBits: number): TreeDpf {
  if (!(Number.isInteger(domainBits) && domainBits >= 1 && domainBits <= 64)) {
    throw new RangeError(`Cannot use a tree DPF as its domain must have 1 to 64 bits: received ${domainBits}`);
  }
  const levels = Math.max(0, domainBits - LEAF_DOMAIN_BITS);
  return { domainBits, levels, correctionBits: 130 * levels + leafBitsOf(domainBits) };
}

/** Number of bits of a leaf that are points of the domain. */
function leafBitsOf(domainBits: number): number {
  return 2 ** Math.min(LEAF_DOMAIN_BITS, domainBits);
}

/** Position of level `level`'s control corrections: the left one, then the right one. */
function controlOffset(params: TreeDpf, level: number): number {
  return SEED_BITS * params.levels + leafBitsOf(params.domainBits) + 2 * level;
}

/** Throws unless both are 16 bytes long. */
function checkSeed(seed: Uint8Array, salt: Uint8Array): void {
  if (seed.length !== TREE_SEED_BYTES || salt.length !== TREE_SEED_BYTES) {
    throw new RangeError(
      `Cannot use a tree DPF as seed and salt must have ${TREE_SEED_BYTES} bytes: received ${seed.length} and ${salt.length}`,
    );
  }
}

/** A walker at a node: the PRG key (seed words 0-3, salt words 4-7), the control bit, and the node's expansion. */
class Node {
  readonly key = new Uint32Array(2 * SEED_WORDS);
  readonly block = new Uint32Array(16);
  control: number;

  constructor(seed: Uint8Array, salt: Uint8Array, control: number) {
    checkSeed(seed, salt);
    for (let i = 0; i < SEED_WORDS; i++) {
      this.key[i] = readBits(seed, 32 * i, 32);
      this.key[SEED_WORDS + i] = readBits(salt, 32 * i, 32);
    }
    this.control = control;
  }

  /** Expands the node into `block`. */
  expand(): void {
    chacha8Block(this.key, ZERO_NONCE, 0, this.block);
  }

  /** Raw control bit of the child on side `side`, before correction. */
  childControl(side: number): number {
    return (this.block[8]! >>> (8 * side)) & 1;
  }

  /** Moves to the child on side `side` of the expanded node, corrected by level `level`. */
  descend(side: number, level: number, params: TreeDpf, corrections: Uint8Array, bitOffset: number): void {
    const correct = -this.control; // All ones or zero.
    for (let i = 0; i < SEED_WORDS; i++) {
      const correction = readBits(corrections, bitOffset + SEED_BITS * level + 32 * i, 32);
      this.key[i] = this.block[SEED_WORDS * side + i]! ^ (correction & correct);
    }
    const controlCorrection = readBits(corrections, bitOffset + controlOffset(params, level) + side, 1);
    this.control = this.childControl(side) ^ (controlCorrection & correct);
  }

  /** XORs the leaf correction in if the control bit says so, and writes the leaf's bits to `leaf`. */
  finish(params: TreeDpf, corrections: Uint8Array, bitOffset: number, leaf: Uint8Array): void {
    const leafBits = leafBitsOf(params.domainBits);
    for (let at = 0; at < leafBits; at += 32) {
      const width = Math.min(32, leafBits - at);
      const correction = readBits(corrections, bitOffset + SEED_BITS * params.levels + at, width);
      writeBits(leaf, at, width, this.key[at / 32]! ^ (correction & -this.control));
    }
  }
}

const ZERO_NONCE = new Uint32Array(3);

/** Bit `index` of `x`. */
function bitOf(x: bigint, index: number): number {
  return Number((x >> BigInt(index)) & 1n);
}

/**
 * Generates the corrections of a DPF at `alpha`: the same bytes go to both parties.
 *
 * - **Runs on:** dealer   **Cost:** `2·levels` ChaCha8 blocks   **Key size:** `correctionBits` bits, in both keys
 * - **Paper:** [BGI18], the optimized DPF with early termination; the payload is one bit
 *
 * @param params From {@linkcode treeDpf}.
 * @param secrets Point, root seeds (independent and uniform), salt. A pair of root seeds makes one key only.
 * @returns `⌈correctionBits / 8⌉` bytes, padding bits zero; the layout is in the module's documentation.
 * @throws {RangeError} If `alpha` is not a point of the domain (the message does not name it), or a seed or the salt has not 16 bytes.
 *
 * @example A 20-bit comparison
 * ```ts
 * import { evalTreeLess, genTreeDpf, treeDpf } from "sluice/core/fss/tree_dpf.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const params = treeDpf(20);
 * const seeds = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)] as const;
 * const salt = new Uint8Array(16);
 * const corrections = genTreeDpf(params, { alpha: 70_000n, seeds, salt });
 * const less = (party: 0 | 1, x: bigint) =>
 *   evalTreeLess(params, { party, seed: seeds[party], salt, corrections, bitOffset: 0 }, x);
 *
 * assertEquals(less(0, 69_999n) ^ less(1, 69_999n), 1);
 * assertEquals(less(0, 70_000n) ^ less(1, 70_000n), 0);
 * ```
 */
export function genTreeDpf(params: TreeDpf, secrets: TreeDpfSecrets): Uint8Array {
  const { domainBits, levels, correctionBits } = params;
  const { alpha, seeds, salt } = secrets;
  if (!(alpha >= 0n && alpha < 1n << BigInt(domainBits))) {
    throw new RangeError(`Cannot generate a tree DPF as alpha must be below 2^${domainBits}: received another value`);
  }
  const node0 = new Node(seeds[0], salt, 0);
  const node1 = new Node(seeds[1], salt, 1);
  const corrections = new Uint8Array(Math.ceil(correctionBits / 8));
  for (let level = 0; level < levels; level++) {
    node0.expand();
    node1.expand();
    const keep = bitOf(alpha, domainBits - 1 - level);
    // The child that alpha does not enter becomes the same node for both parties.
    const lost = SEED_WORDS * (1 - keep);
    for (let i = 0; i < SEED_WORDS; i++) {
      writeBits(corrections, SEED_BITS * level + 32 * i, 32, node0.block[lost + i]! ^ node1.block[lost + i]!);
    }
    const controlLeft = node0.childControl(0) ^ node1.childControl(0) ^ keep ^ 1;
    const controlRight = node0.childControl(1) ^ node1.childControl(1) ^ keep;
    writeBits(corrections, controlOffset(params, level), 2, controlLeft | (controlRight << 1));
    node0.descend(keep, level, params, corrections, 0);
    node1.descend(keep, level, params, corrections, 0);
  }
  const leafOffset = SEED_BITS * levels;
  const leafBits = leafBitsOf(domainBits);
  for (let at = 0; at < leafBits; at += 32) {
    writeBits(corrections, leafOffset + at, Math.min(32, leafBits - at), node0.key[at / 32]! ^ node1.key[at / 32]!);
  }
  xorBits(corrections, leafOffset + Number(alpha & BigInt(leafBits - 1)), 1, 1);
  return corrections;
}

/** A walk's result: the leaf's bits, the position of `x` in it, and the parity share that the comparison gathered on the way. */
interface Walk {
  readonly leaf: Uint8Array;
  readonly position: number;
  /** Share of the leaves left of the current leaf (prefix mode) or of everything up to its end (suffix mode). */
  readonly gathered: number;
  readonly isSuffix: boolean;
}

/** Walks from the root to the leaf of `x`. */
function walk(params: TreeDpf, key: TreeDpfKey, x: bigint): Walk {
  const { domainBits, levels } = params;
  if (!(x >= 0n && x < 1n << BigInt(domainBits))) {
    throw new RangeError(
      `Cannot evaluate a tree DPF as the point must be below 2^${domainBits}: received another value`,
    );
  }
  const node = new Node(key.seed, key.salt, key.party);
  let gathered = 0;
  let last = 0;
  for (let level = 0; level < levels; level++) {
    const side = bitOf(x, domainBits - 1 - level);
    // A node's control bits share "alpha is below it": a turn swaps counting up to x for counting beyond x, and back.
    if (side !== last) gathered ^= node.control;
    last = side;
    node.expand();
    node.descend(side, level, params, key.corrections, key.bitOffset);
  }
  const leafBits = leafBitsOf(domainBits);
  const leaf = new Uint8Array(Math.ceil(leafBits / 8));
  node.finish(params, key.corrections, key.bitOffset, leaf);
  return { leaf, position: Number(x & BigInt(leafBits - 1)), gathered, isSuffix: last === 1 };
}

/**
 * Compares at a point: an XOR share of `1{x < alpha}`.
 *
 * The share of `1{alpha <= x}` is the parity of all leaf bits up to `x`. In prefix mode the walk counts leaves up to `x` in the current subtree,
 * in suffix mode those beyond `x`; it starts in prefix mode, a step to the left sets prefix mode, a step to the right suffix mode, and when
 * the mode changes the control bit of the node being left is XORed in. The leaf adds its bits `0..q` (prefix) or those above `q` (suffix), with
 * `q = x mod 128`. Party 1 complements its result.
 *
 * - **Runs on:** each party, locally   **Cost:** `levels` ChaCha8 blocks
 *
 * @throws {RangeError} If `x` is not a point of the domain, a length is not 16 bytes, or the corrections leave their array.
 */
export function evalTreeLess(params: TreeDpf, key: TreeDpfKey, x: bigint): 0 | 1 {
  const { leaf, position, gathered, isSuffix } = walk(params, key, x);
  const leafBits = leafBitsOf(params.domainBits);
  let share = gathered ^ key.party;
  for (let i = isSuffix ? position + 1 : 0; i < (isSuffix ? leafBits : position + 1); i++) {
    share ^= readBits(leaf, i, 1);
  }
  return share as 0 | 1;
}
