/**
 * Vectors of the primitives: addresses and streams, flat DPFs, permuted selection, tree DPFs (SPEC.md §3.1 and §4).
 *
 * @module
 */

import { flatEqual, flatLess, flatLookup, flatLookupSigned, genFlat, oneHotBits } from "../../core/fss/flat_dpf.ts";
import {
  choosePermuted,
  dealPermuted,
  permutedBits,
  permutedPath,
  permutedSymbols,
  symbolCount,
} from "../../core/fss/permuted.ts";
import { expandChacha8 } from "../../core/prg/chacha8.ts";
import { address, type StreamAddress } from "../../core/prg/seed.ts";
import { readBits, xorBits } from "../../core/ring/bits.ts";
import { encode, evalLeaf, evalLess, gen, leafBits, type Node, toBytes } from "../reference/tree_dpf.ts";
import { bitsOf, Example, row } from "./example.ts";
import { fixedRandom } from "./gate_vectors.ts";

/** Addresses as nonces, and the beginnings of streams. */
export function streams() {
  const at = (purpose: 0 | 1, stage: number, request: number, position: number) => {
    const stream: StreamAddress = { purpose, stage, request, position };
    return { purpose, stage, request, position, nonce: address(stream).toHex() };
  };
  const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
  const expand = (nonce: string, from: number, length: number): string => {
    const bytes = new Uint8Array(length);
    expandChacha8(seed, Uint8Array.fromHex(nonce), bytes, from / 64);
    return bytes.toHex();
  };
  const addresses = [at(0, 0, 0, 0), at(0, 3, 1, 7), at(1, 0, 0, 5), at(0, 0xffff, 0xffffffff, 0xffffffff)];
  return {
    section: "3.1",
    addresses,
    streams: [[1, 0, 160], [2, 0, 64], [1, 64 * 2 ** 20, 64]].map(([index, from, length]) => {
      const { nonce } = addresses[index!]!;
      return { seed: seed.toHex(), nonce, from, bytes: expand(nonce, from!, length!) };
    }),
  };
}

/** Both halves of one-hots, and what they share at public points. */
export function flatDpf() {
  const cases = ([[1, 0], [1, 1], [3, 5], [3, 7], [5, 19]] as const).map(([k, alpha]) => {
    const random = fixedRandom(`flat ${k} ${alpha}`),
      last = oneHotBits(k),
      seedHalf = random(new Uint8Array(Math.ceil(last / 8)));
    seedHalf[seedHalf.length - 1]! &= 2 ** (last % 8) - 1;
    const explicitHalf = seedHalf.slice(),
      signed = Array.from(new Uint32Array(random(new Uint8Array(8 * 2 ** k)).buffer)),
      table = signed.slice(0, 2 ** k);
    genFlat(explicitHalf, 0, k, alpha);
    const halves = [seedHalf, explicitHalf];
    const points = Array.from({ length: 2 ** k }, (_, u) => ({
      u,
      equal: halves.map((half, parity) => flatEqual({ bytes: half, at: 0, bits: k, parity: parity as 0 | 1 }, u)),
      less: halves.map((half, parity) => flatLess({ bytes: half, at: 0, bits: k, parity: parity as 0 | 1 }, u)),
      lookup: halves.map((half, parity) =>
        flatLookup({ bytes: half, at: 0, bits: k, parity: parity as 0 | 1 }, u, (i) => table[i]!)
      ),
      signedLookup: halves.map((half, parity) =>
        flatLookupSigned({ bytes: half, at: 0, bits: k, parity: parity as 0 | 1 }, u, (i) => signed[i]!)
      ),
    }));
    return {
      k,
      alpha,
      seedHalf: seedHalf.toHex(),
      explicitHalf: explicitHalf.toHex(),
      table,
      signedTable: signed,
      points,
    };
  });
  return { section: "4.1", cases };
}

/** Comparisons, key to opened symbols. */
export function permutedSelection() {
  const cases = ([[[2], 3], [[2, 1], 6], [[3, 2], 27], [[1, 2, 1], 9], [[5, 4, 3], 2748]] as const).map(
    ([chunks, alpha]) => {
      const random = fixedRandom(`permuted ${chunks}`), bits = permutedBits(chunks), count = symbolCount(chunks.length);
      const seedHalf = random(new Uint8Array(Math.ceil(bits / 8)));
      if (bits % 8 > 0) seedHalf[seedHalf.length - 1]! &= 2 ** (bits % 8) - 1;
      const explicitHalf = seedHalf.slice(),
        masks = random(new Uint8Array(4)).subarray(0, 2).map((byte) => byte & (2 ** count - 1));
      const last = dealPermuted(
        {
          flip: (offset) => xorBits(explicitHalf, offset, 1, 1),
          oneHot: (offset, k, digit) => genFlat(explicitHalf, offset, k, digit),
        },
        0,
        chunks,
        alpha,
        masks[0]! ^ masks[1]!,
      );
      const end = 2 ** chunks.reduce((a, b) => a + b, 0),
        points = [...new Set([0, alpha - 1, alpha, alpha + 1, alpha ^ 1, end - 1])];
      return {
        chunks,
        alpha,
        seedHalf: seedHalf.toHex(),
        explicitHalf: explicitHalf.toHex(),
        masks: [...masks],
        points: points.filter((u) => u < end).map((u) => {
          const shares = [seedHalf, explicitHalf].map((half, parity) =>
            permutedSymbols(half, 0, chunks, parity as 0 | 1, u)
          );
          const opened = shares[0]! ^ shares[1]! ^ masks[0]! ^ masks[1]!,
            selected = permutedPath(opened, chunks.length);
          const path = selected >> 1, bit = selected & 1;
          return { u, shares, opened, path, bit, mask: readBits(Uint8Array.of(last), path, 1) };
        }),
      };
    },
  );
  const chosen = [[3, 6], [5, 8], [9, 30], [12, 32], [10, 32], [8, 32], [10, 20], [16, 128], [25, 128], [32, 64]]
    .map(([bits, perPath]) => ({ bits, perPath, chunks: choosePermuted(bits!, perPath!) }));
  return { section: "4.2", cases, chosen };
}

/** Tree DPFs, made by the twin. */
export function treeDpf() {
  const cases = ([[5, 19n], [8, 0n], [10, 0x2a5n], [20, 0xfffffn], [64, 0x0123456789abcdefn]] as const).map(
    ([domainBits, alpha]) => {
      const seeds = [0, 0x10].map((first) => Uint8Array.from({ length: 16 }, (_, i) => first + i)) as [
        Uint8Array,
        Uint8Array,
      ];
      const salt = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i), key = gen(domainBits, alpha, seeds, salt);
      const last = (1n << BigInt(domainBits)) - 1n, size = leafBits(domainBits);
      const points = [...new Set([0n, 1n, alpha - 1n, alpha, alpha + 1n, alpha ^ 128n, last >> 1n, last])];
      return {
        domainBits,
        alpha: `${alpha}`,
        salt: salt.toHex(),
        seeds: seeds.map((seed) => seed.toHex()),
        levels: key.levels.map((level) => ({
          seedCorrection: hex(level.seed, 128),
          controlLeft: Number(level.controlLeft),
          controlRight: Number(level.controlRight),
        })),
        leafCorrection: hex(key.leaf, size),
        pathToAlpha: key.path.map((nodes) => nodes.map(nodeOf)),
        corrections: encode(key).toHex(),
        points: points.filter((x) => x >= 0n && x <= last).map((x) => ({
          x: `${x}`,
          leaves: seeds.map((seed, party) => hex(evalLeaf(key, party as 0 | 1, seed, salt, x), size)),
          less: seeds.map((seed, party) => Number(evalLess(key, party as 0 | 1, seed, salt, x))),
          isEqual: x === alpha,
          isLess: x < alpha,
        })),
      };
    },
  );
  return { section: "4.3", cases };
}

function hex(value: bigint, bits: number): string {
  return toBytes(value, Math.ceil(bits / 8)).toHex();
}

function nodeOf({ seed, control }: Node): { seed: string; control: number } {
  return { seed: hex(seed, 128), control: Number(control) };
}

/** The example of §3.1. */
export function streamExample(): string {
  const { addresses: [, address], streams: [stream] } = streams(),
    spaced = (hex: string): string => hex.replaceAll(/(..)(?=.)/g, "$1 ");
  const { purpose, stage, request, position, nonce } = address!;
  return [
    `purpose ${purpose}, stage ${stage}, request ${request}, position ${position}`,
    `nonce   ${spaced(nonce)}`,
    `seed    ${spaced(stream!.seed.slice(0, 32))}`,
    `        ${spaced(stream!.seed.slice(32))}`,
    `stream  ${spaced(stream!.bytes.slice(0, 32))} …`,
  ].join("\n");
}

/** The example of §4.1. */
export function flatExample(): string {
  const { k, alpha, seedHalf, explicitHalf, table, points } = flatDpf().cases[2]!,
    ring = 256,
    u = 2,
    point = points[u]!;
  const halves = [seedHalf, explicitHalf].map((hex, parity) => {
    const stored = bitsOf(hex, 0, 2 ** k - 1);
    return [...stored, (stored.filter(Boolean).length + parity) % 2];
  });
  const small = table.map((entry) => entry % ring),
    sums = point.lookup.map((sum) => sum % ring),
    above = halves.map((half) => half.slice(u + 1));
  const sign = halves[0]![alpha] === 1 ? 1 : -1, found = small[(u - alpha + 2 ** k) % 2 ** k]!;
  const ex = new Example();
  ex.holds("the lookup", (sign * (sums[0]! - sums[1]!) + 2 * ring) % ring, found);
  ex.holds("less", point.less, above.map((bits) => bits.filter(Boolean).length % 2));
  ex.say(`k = ${k}, α = ${alpha}, party 0 holds the seed half; bit 0 first, the last bit follows from the parity`);
  ex.say();
  ex.table([
    ["", "stored", "whole"],
    ...["party 0", "party 1"].map((party, p) => [party, row(halves[p]!.slice(0, -1)), row(halves[p]!)]),
    ["together", "", row(halves[0]!.map((bit, i) => bit ^ halves[1]![i]!))],
  ]);
  ex.say();
  ex.table([
    [`at u = ${u}`, "party 0", "party 1", "together"],
    [`1{u = α}`, ...point.equal.map(String), `${point.equal[0]! ^ point.equal[1]!}`],
    [`1{u < α}`, ...point.less.map(String), `${point.less[0]! ^ point.less[1]!}`],
    [
      `lookup mod ${ring}`,
      ...sums.map(String),
      `${sums[0]} − ${sums[1]} = s·T[(${u} − ${alpha}) mod ${2 ** k}] = ${sign < 0 ? "−" : ""}${found}`,
    ],
  ]);
  ex.say();
  ex.say(`T = (${small.join(", ")}), s = ${sign < 0 ? "−1: party 1's bit at α is 1" : "1: party 0's bit at α is 1"}`);
  return ex.text();
}
