/**
 * BigInt twin of `core/fss/tree_dpf.ts`: nodes are 128-bit integers, and comparison is a recursion over subtrees.
 * Imports nothing from `core/`. It defines the test vectors.
 */

import { chacha8Block } from "./chacha8.ts";

/** A node of the tree. */
export interface Node {
  readonly seed: bigint;
  readonly control: bigint;
}

/** Correction of one level. */
export interface LevelCorrection {
  readonly seed: bigint;
  readonly controlLeft: bigint;
  readonly controlRight: bigint;
}

/** Corrections of a key, and both parties' nodes on the path to alpha (root first, leaf last). */
export interface GeneratedKey {
  readonly domainBits: number;
  readonly levels: readonly LevelCorrection[];
  readonly leaf: bigint;
  readonly path: readonly (readonly [Node, Node])[];
}

/** Reads little-endian bytes as an integer. */
export function fromBytes(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** Writes an integer as little-endian bytes. */
export function toBytes(value: bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

/** Bits of the leaf that are points of the domain. */
export function leafBits(domainBits: number): number {
  return domainBits < 7 ? 2 ** domainBits : 128;
}

/** Both children of a seed. */
export function children(seed: bigint, salt: Uint8Array): [Node, Node] {
  const key = new Uint8Array(32);
  key.set(toBytes(seed, 16));
  key.set(salt, 16);
  const block = chacha8Block(key, new Uint8Array(12), 0);
  return [
    { seed: fromBytes(block.subarray(0, 16)), control: BigInt(block[32]! & 1) },
    { seed: fromBytes(block.subarray(16, 32)), control: BigInt(block[33]! & 1) },
  ];
}

function descend(node: Node, side: number, correction: LevelCorrection, salt: Uint8Array): Node {
  const child = children(node.seed, salt)[side]!;
  const control = side === 0 ? correction.controlLeft : correction.controlRight;
  return {
    seed: child.seed ^ (node.control * correction.seed),
    control: child.control ^ (node.control * control),
  };
}

/** Generates the corrections of a key at `alpha`. */
export function gen(
  domainBits: number,
  alpha: bigint,
  seeds: readonly [Uint8Array, Uint8Array],
  salt: Uint8Array,
): GeneratedKey {
  let pair: [Node, Node] = [{ seed: fromBytes(seeds[0]), control: 0n }, { seed: fromBytes(seeds[1]), control: 1n }];
  const path = [pair];
  const levels: LevelCorrection[] = [];
  for (let bit = domainBits - 1; bit >= 7; bit--) {
    const keep = Number((alpha >> BigInt(bit)) & 1n);
    const [from0, from1] = [children(pair[0].seed, salt), children(pair[1].seed, salt)];
    const correction = {
      seed: from0[1 - keep]!.seed ^ from1[1 - keep]!.seed,
      controlLeft: from0[0].control ^ from1[0].control ^ BigInt(1 - keep),
      controlRight: from0[1].control ^ from1[1].control ^ BigInt(keep),
    };
    levels.push(correction);
    pair = [descend(pair[0], keep, correction, salt), descend(pair[1], keep, correction, salt)];
    path.push(pair);
  }
  const size = BigInt(leafBits(domainBits));
  const leaf = (pair[0].seed ^ pair[1].seed ^ (1n << (alpha % size))) & ((1n << size) - 1n);
  return { domainBits, levels, leaf, path };
}

/** Serializes corrections: seed corrections, leaf correction, control corrections, from the lowest bit up. */
export function encode(key: GeneratedKey): Uint8Array {
  let whole = 0n;
  let at = 0n;
  const put = (value: bigint, bits: number): void => {
    whole |= value << at;
    at += BigInt(bits);
  };
  for (const level of key.levels) put(level.seed, 128);
  put(key.leaf, leafBits(key.domainBits));
  for (const level of key.levels) put(level.controlLeft | (level.controlRight << 1n), 2);
  return toBytes(whole, Math.ceil(Number(at) / 8));
}

/** One party's leaf block above point `x`, as an integer of `leafBits` bits. */
export function evalLeaf(key: GeneratedKey, party: 0 | 1, seed: Uint8Array, salt: Uint8Array, x: bigint): bigint {
  let node: Node = { seed: fromBytes(seed), control: BigInt(party) };
  key.levels.forEach((correction, i) => {
    node = descend(node, Number((x >> BigInt(key.domainBits - 1 - i)) & 1n), correction, salt);
  });
  return (node.seed ^ (node.control * key.leaf)) & ((1n << BigInt(leafBits(key.domainBits))) - 1n);
}

/** Parity of the low `count` bits. */
function parity(bits: bigint, count: bigint): bigint {
  let odd = 0n;
  for (let i = 0n; i < count; i++) odd ^= (bits >> i) & 1n;
  return odd;
}

/**
 * One party's share of `1{x < alpha}`: the complement, at party 1, of its share of "alpha is at most x".
 *
 * A node's control bits share "alpha is below the node". So, for the subtree of a node, "at most x" is "at most x in the left child" if x is
 * there, else "below the node" XOR "beyond x in the right child"; and "beyond x" is the mirror image.
 */
export function evalLess(key: GeneratedKey, party: 0 | 1, seed: Uint8Array, salt: Uint8Array, x: bigint): bigint {
  const size = BigInt(leafBits(key.domainBits));
  const position = x % size;
  const count = (node: Node, level: number, isBeyond: boolean): bigint => {
    const correction = key.levels[level];
    if (correction === undefined) {
      const leaf = (node.seed ^ (node.control * key.leaf)) & ((1n << size) - 1n);
      return isBeyond ? parity(leaf >> (position + 1n), size - position - 1n) : parity(leaf, position + 1n);
    }
    const isRight = ((x >> BigInt(key.domainBits - 1 - level)) & 1n) === 1n;
    const below = isBeyond === isRight ? 0n : node.control;
    return below ^ count(descend(node, Number(isRight), correction, salt), level + 1, isRight);
  };
  return count({ seed: fromBytes(seed), control: BigInt(party) }, 0, false) ^ BigInt(party);
}
