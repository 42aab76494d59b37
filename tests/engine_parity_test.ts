/**
 * Every engine against the reference engine, bit for bit: each operation on random tensors and random key bits, several ragged blocks, odd widths, both
 * parities and both parties. Key bits need not be dealt: what an operation does to arbitrary bits is defined.
 */

import { assertEquals } from "@std/assert";
import type {
  CacheHandle,
  Engine,
  Extent,
  Handle,
  RecordView,
  RowGroup,
  RowStep,
  SeedStream,
  SpliceStep,
} from "../core/engine.ts";
import { oneHotBits } from "../core/fss/flat_dpf.ts";
import { choosePermuted, pathCount, permutedBits, symbolCount } from "../core/fss/permuted.ts";
import { treeDpf } from "../core/fss/tree_dpf.ts";
import { expFormula } from "../core/protocols/exp/formula.ts";
import { lowMask, signExtend } from "../core/ring/words.ts";
import { ReferenceEngine } from "../core/reference/engine.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import { createGpuEngine, findAdapter } from "../gpu/mod.ts";

/** An engine under test. */
interface Subject {
  readonly name: string;
  /** There is nothing to run it on. */
  readonly isMissing?: boolean;
  /** It knows gate steps in the ring of 32 bits only. */
  readonly isWordOnly?: boolean;
  /** Its bindings are too small for large tables. */
  readonly isSmall?: boolean;
  make(): Promise<{ engine: Engine; close(): void }>;
}

const ADAPTER = await findAdapter(), isGpuMissing = ADAPTER === null && Deno.env.get("REQUIRE_GPU") !== "1";

Deno.test(`webgpu runs on ${ADAPTER ?? "no adapter"}`, { ignore: isGpuMissing }, async () => {
  const engine = await createGpuEngine();
  assertEquals(engine.adapterName, ADAPTER);
  engine.close();
});

function gpuSubject(name: string, bindingBytes?: number): Subject {
  return {
    name,
    isMissing: isGpuMissing,
    isSmall: bindingBytes !== undefined,
    make: async () => {
      const engine = await createGpuEngine({ bindingBytes });
      return { engine, close: () => engine.close() };
    },
  };
}

const SUBJECTS: readonly Subject[] = [
  {
    name: "wasm",
    isWordOnly: true,
    make: async () => {
      const engine = await createWasmEngine();
      return { engine, close: () => engine.close() };
    },
  },
  {
    name: "wasm, 2 threads",
    isWordOnly: true,
    make: async () => {
      const engine = await createWasmEngine({ threads: 2, parallelNs: 0 });
      return { engine, close: () => engine.close() };
    },
  },
  gpuSubject("webgpu"),
  gpuSubject("webgpu, small bindings", 12288),
];

/** The same inputs for two engines: a kit draws from its own generator, seeded alike. */
class Kit {
  #state: number;
  constructor(readonly engine: Engine, seed: number) {
    this.#state = seed | 0;
  }
  /** A random u32 (splitmix). */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return (x ^ (x >>> 15)) >>> 0;
  }
  /** An integer in [from, to]. */
  int(from: number, to: number): number {
    return from + this.next() % (to - from + 1);
  }
  bit(): 0 | 1 {
    return (this.next() & 1) as 0 | 1;
  }
  words(count: number, bits = 32): Uint32Array {
    return Uint32Array.from({ length: count }, () => this.next() & lowMask(bits));
  }
  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.next());
  }
  tensor(count: number, bits = 32): Handle {
    return this.engine.upload(this.words(count, bits));
  }
  wide(count: number, bits: number): Handle {
    return this.engine.upload(
      Uint32Array.from({ length: 2 * count }, (_, i) => this.next() & (i % 2 === 0 ? 0xffffffff : lowMask(bits - 32))),
      2,
    );
  }
  /** Ragged columns of a few blocks. */
  extent(): Extent {
    return { rows: this.int(1, 5), cols: Array.from({ length: this.int(1, 4) }, () => this.int(1, 23)) };
  }
  /** Random key bits: blocks in any place, not aligned to words. */
  record(bits: number, counts: readonly number[], parity: 0 | 1 = this.bit()): RecordView {
    const at: number[] = [];
    let byteLength = this.int(0, 5);
    for (const count of counts) {
      at.push(byteLength);
      byteLength += Math.ceil(bits * count / 8) + this.int(0, 3);
    }
    const memory = this.engine.keyMemory(byteLength);
    memory.view(0, byteLength).set(this.bytes(byteLength));
    return { memory, bits, counts, at, parity };
  }
}

type Result = Handle | Uint8Array;

async function read(engine: Engine, results: readonly Result[]): Promise<unknown[]> {
  return await Promise.all(results.map(async (result) => {
    if (result instanceof Uint8Array) return result;
    return { words: await engine.download(result), count: result.count, wordsPerElement: result.wordsPerElement };
  }));
}

/** Rings at the edges of one and of two words. */
const EDGES = [2, 31, 32, 33, 63, 64], EDGE_PAIRS = EDGES.flatMap((from) => EDGES.map((to) => [from, to] as const));
const EXTENSIONS = EDGE_PAIRS.filter(([from, to]) => from < to && to > 32),
  WRAPS = EDGE_PAIRS.filter((rings) => Math.max(...rings) > 32);

function counts(extent: Extent): number[] {
  return extent.cols.map((cols) => cols * extent.rows);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

for (const subject of SUBJECTS) {
  /** Runs `operation` with many seeds on both engines. */
  const parity = (
    name: string,
    rounds: number,
    operation: (kit: Kit, round: number) => readonly Result[] | Promise<readonly Result[]>,
  ): void => {
    Deno.test(`${subject.name} equals the reference: ${name}`, { ignore: subject.isMissing ?? false }, async () => {
      const { engine, close } = await subject.make();
      try {
        const reference = new ReferenceEngine();
        for (let round = 0; round < rounds; round++) {
          const scope = engine.begin();
          const expected = await read(reference, await operation(new Kit(reference, round), round));
          const actual = await read(engine, await operation(new Kit(engine, round), round));
          assertEquals(actual, expected, `round ${round}`);
          scope.end([]);
        }
      } finally {
        close();
      }
    });
  };

  /** A ring for a gate step. */
  const ring = (kit: Kit): number => subject.isWordOnly ? 32 : kit.int(14, 32);

  parity("expand()", 40, (kit, round) => {
    // Streams one behind the other, most of them from word to word as those of a lane, with bytes between them that stay.
    const streams: SeedStream[] = [], isByWords = round % 2 === 0;
    let bytes = isByWords ? 4 * kit.int(0, 10) : kit.int(0, 40);
    for (let i = kit.int(1, 9); i > 0; i--) {
      const byteLength = kit.int(0, 3) === 0 ? kit.int(0, 70) : kit.int(1, 9000);
      streams.push({ nonce: kit.bytes(12), offset: bytes, byteLength });
      bytes += byteLength + kit.int(0, 5);
      if (isByWords) bytes = 4 * Math.ceil(bytes / 4);
    }
    const memory = kit.engine.keyMemory(bytes + 9);
    memory.view(0, bytes + 9).fill(0xa5);
    kit.engine.expand(kit.bytes(32), memory, streams);
    return [kit.engine.unpack({ memory, bits: 8, counts: [bytes + 9], at: [0], parity: 0 }, 0, 8)];
  });

  parity("pack() and combine()", 80, async (kit, round) => {
    const bits = round < 64 ? round + 1 : kit.int(1, 32), count = kit.int(1, 150), { engine } = kit;
    const x = bits > 32 ? kit.wide(count, 64) : kit.tensor(count),
      own = bits > 32 ? kit.wide(count, bits) : kit.tensor(count);
    const packed = await engine.pack(x, bits),
      results: Result[] = [
        packed,
        engine.combine("add", own, count, packed, bits),
        engine.combine("add", null, count, packed, bits),
      ];
    if (bits <= 32) {
      results.push(
        engine.combine("xor", own, count, packed, bits),
        engine.combine("add", own, count, new Uint8Array(0), 0),
      );
    }
    return results;
  });

  parity("add(), columns(), rotate(), distance(), rowSum()", 20, (kit) => {
    const { engine } = kit,
      extent = kit.extent(),
      count = sum(counts(extent)),
      bits = kit.int(1, 32),
      x = kit.tensor(count, bits),
      y = kit.tensor(count, bits);
    const narrowest = Math.min(...extent.cols),
      from = kit.int(0, narrowest - 1),
      heads = kit.int(1, 3),
      half = kit.int(1, 9),
      tokens = kit.int(1, 4);
    const angles = Int32Array.from(kit.words(2 * tokens * half), (word) => word % 5000 - 2500),
      turned = kit.tensor(tokens * heads * 2 * half, bits);
    return [
      engine.add(x, y, bits),
      engine.columns(x, extent, from, kit.int(from + 1, narrowest)),
      engine.rotate(turned, angles, heads, 2 * half, bits),
      engine.distance(kit.tensor(extent.rows * extent.cols.length, bits), x, extent, kit.int(0, bits - 1), bits),
      engine.rowSum(x, extent, bits),
    ];
  });

  parity("unpack()", 40, (kit) => {
    const bits = kit.int(1, 64),
      offset = kit.int(0, 70),
      record = kit.record(offset + bits + kit.int(0, 40), [kit.int(1, 30), 0, kit.int(1, 30)]);
    return [kit.engine.unpack(record, offset, bits)];
  });

  parity("linear() and multiplyWeights()", 16, (kit, round) => {
    const { engine } = kit,
      inputs = round === 0 ? 1500 : kit.int(1, 70),
      outputs = kit.int(1, 70),
      rows = [kit.int(1, 6), kit.int(1, 3)];
    const weights = engine.weights(kit.words(inputs * outputs), inputs, outputs), x = kit.tensor(sum(rows) * inputs);
    const n = ring(kit),
      mask = kit.record(n, rows.map((count) => count * inputs)),
      pad = kit.record(n, rows.map((count) => count * outputs));
    return [
      engine.linear(x, mask, weights, pad),
      engine.linear(null, mask, weights, pad),
      engine.linear(x, null, weights, pad),
      engine.multiplyWeights(x, weights),
    ];
  });

  parity("multiply()", 12, (kit, round) => {
    const { engine } = kit,
      extent = kit.extent(),
      count = sum(counts(extent)),
      rows = extent.rows * extent.cols.length,
      party = (round % 2) as 0 | 1;
    const x = kit.tensor(count), maskX = kit.tensor(count), pad = kit.record(ring(kit), counts(extent));
    return [
      engine.multiply(party, x, maskX, kit.tensor(count), kit.tensor(count), extent, false, pad),
      engine.multiply(party, x, maskX, kit.tensor(rows), kit.tensor(rows), extent, true, pad),
    ];
  });

  parity("store(), scores() and mix()", 16, (kit, round) => {
    const { engine } = kit,
      kvHeads = kit.int(1, 3),
      heads = kvHeads * kit.int(1, 3),
      width = kit.int(1, 21),
      tokens = kit.int(1, 3),
      party = (round % 2) as 0 | 1;
    const cached = kit.int(4, 20),
      perToken = kvHeads * width,
      cols = Array.from({ length: kit.int(1, 3) }, () => kit.int(1, cached));
    const cache: CacheHandle = engine.cache(cached + 3, perToken), first = kit.int(1, cached - 1);
    engine.store(party, cache, 0, kit.tensor(first * perToken), kit.tensor(first * perToken));
    engine.store(party, cache, first, kit.tensor((cached - first) * perToken), kit.tensor((cached - first) * perToken));
    const starts = cols.map((count) => kit.int(0, cached - count)),
      step = { tokens, heads, kvHeads, width, cols, starts },
      queries = cols.length * tokens * heads * width,
      rows = tokens * heads,
      scored = sum(cols) * rows,
      n = ring(kit);
    const results = [
      engine.scores(
        kit.tensor(queries),
        kit.tensor(queries),
        cache,
        step,
        kit.record(n, cols.map((count) => count * rows)),
      ),
      engine.mix(kit.tensor(scored), kit.tensor(scored), cache, step, kit.record(n, cols.map(() => rows * width))),
    ];
    return results;
  });

  parity("squareSum()", 16, (kit, round) => {
    const extent = kit.extent(),
      n = kit.int(14, 31),
      bits = round === 0 ? 64 : kit.int(subject.isWordOnly ? 33 : n + 2, 64);
    const x = kit.tensor(sum(counts(extent)), n),
      given = kit.record(bits + (bits - n) + (bits - n - 1), counts(extent)),
      pad = kit.record(bits, extent.cols.map(() => extent.rows));
    return [kit.engine.squareSum((round % 2) as 0 | 1, x, extent, n, bits, given, pad)];
  });

  parity("truncateSymbols() and truncateFinish()", 60, (kit, round) => {
    const { engine } = kit,
      inBits = kit.int(8, 32),
      by = kit.int(1, inBits - 2),
      outBits = kit.int(1, 32),
      blocks = [kit.int(1, 40), kit.int(1, 9)];
    const chunks = choosePermuted(by, outBits),
      wrapBits = Math.max(0, outBits - (inBits - by)),
      full = round % 3 !== 0,
      symbols = symbolCount(chunks.length);
    const step = {
      chunks,
      inBits,
      by,
      outBits,
      addend: round % 2 === 0 ? 2 ** (by - 1) : 0,
      wrapBits,
      full,
      adds: full && round % 2 === 0,
    };
    const z = kit.tensor(sum(blocks), full ? inBits : by), opened = kit.tensor(sum(blocks), symbols + 1);
    const given = kit.record(permutedBits(chunks) + pathCount(chunks.length) * outBits + wrapBits, blocks),
      free = kit.record(symbols + outBits, blocks);
    return [engine.truncateSymbols(step, z, given, free), engine.truncateFinish(step, z, opened, given, free)];
  });

  /** A tensor of any ring. */
  const ringTensor = (kit: Kit, count: number, bits: number): Handle =>
    bits > 32 ? kit.wide(count, bits) : kit.tensor(count, bits);

  parity("pack() and combine() of fewer bits than an element has", 30, async (kit) => {
    const bits = kit.int(1, 32), count = kit.int(1, 150), { engine } = kit, x = kit.wide(count, 48);
    const packed = await engine.pack(x, bits);
    return [
      packed,
      engine.combine("add", x, count, packed, bits),
      engine.combine("add", x, count, new Uint8Array(0), 0),
    ];
  });

  parity("add() and columns() above 32 bits", 20, (kit) => {
    const { engine } = kit, extent = kit.extent(), count = sum(counts(extent)), bits = kit.int(33, 64);
    const x = kit.wide(count, bits), narrowest = Math.min(...extent.cols), from = kit.int(0, narrowest - 1);
    return [
      engine.add(x, kit.wide(count, bits), bits),
      engine.columns(x, extent, from, kit.int(from + 1, narrowest)),
    ];
  });

  parity("linear() and multiplyWeights() above 32 bits", 24, (kit, round) => {
    const { engine } = kit,
      inputs = round === 0 ? 900 : kit.int(1, 70),
      outputs = kit.int(1, 70),
      rows = round === 1 ? [70, 3] : [kit.int(1, 6), kit.int(1, 3)],
      n = round % 4 === 0 ? 64 : kit.int(33, 64);
    // Every other matrix has entries that are signed words.
    const entries = round % 2 === 0 ? kit.words(2 * inputs * outputs) : signExtend(kit.words(inputs * outputs));
    const weights = engine.weights(entries, inputs, outputs, 2),
      x = kit.wide(sum(rows) * inputs, n),
      mask = kit.record(n, rows.map((count) => count * inputs)),
      pad = kit.record(n, rows.map((count) => count * outputs));
    return [
      engine.linear(x, mask, weights, pad),
      engine.linear(null, mask, weights, pad),
      engine.linear(x, null, weights, pad),
      engine.multiplyWeights(x, weights),
    ];
  });

  parity("multiply() above 32 bits", 12, (kit, round) => {
    const { engine } = kit,
      extent = kit.extent(),
      count = sum(counts(extent)),
      rows = extent.rows * extent.cols.length,
      party = (round % 2) as 0 | 1,
      n = round === 0 ? 64 : kit.int(33, 64);
    const x = kit.wide(count, n), maskX = kit.wide(count, n), pad = kit.record(n, counts(extent));
    return [
      engine.multiply(party, x, maskX, kit.wide(count, n), kit.wide(count, n), extent, false, pad),
      engine.multiply(party, x, maskX, kit.wide(rows, n), kit.wide(rows, n), extent, true, pad),
    ];
  });

  parity("squareSum() above 32 bits", 24, (kit, round) => {
    const extent = kit.extent(), n = round % 6 === 0 ? 64 : kit.int(33, 64), bits = kit.int(33, 64);
    const x = kit.wide(sum(counts(extent)), n),
      given = kit.record(Math.max(bits, n) + Math.max(0, bits - n) + Math.max(0, bits - n - 1), counts(extent)),
      pad = kit.record(bits, extent.cols.map(() => extent.rows));
    return [kit.engine.squareSum((round % 2) as 0 | 1, x, extent, n, bits, given, pad)];
  });

  parity("truncateSymbols() and truncateFinish() above 32 bits", 80, (kit, round) => {
    const { engine } = kit,
      inBits = round % 4 === 0 ? kit.int(8, 32) : kit.int(33, 64),
      by = kit.int(1, Math.min(32, inBits - 2)),
      outBits = inBits <= 32 || round % 3 === 0 ? kit.int(33, 64) : kit.int(1, 64),
      blocks = [kit.int(1, 40), kit.int(1, 9)],
      full = round % 5 !== 0;
    const chunks = choosePermuted(by, outBits),
      wrapBits = Math.max(0, outBits - (inBits - by)),
      symbols = symbolCount(chunks.length),
      addend = round % 2 === 0 ? 2 ** (by - 1) : 0,
      step = { chunks, inBits, by, outBits, addend, wrapBits, full, adds: full && round % 2 === 0 };
    const z = ringTensor(kit, sum(blocks), full ? inBits : by), opened = kit.tensor(sum(blocks), symbols + 1);
    const given = kit.record(permutedBits(chunks) + pathCount(chunks.length) * outBits + wrapBits, blocks),
      free = kit.record(symbols + outBits, blocks);
    return [engine.truncateSymbols(step, z, given, free), engine.truncateFinish(step, z, opened, given, free)];
  });

  parity("shift() above 32 bits", 20, (kit) => {
    const from = kit.int(33, 64), by = kit.int(1, 32), count = kit.int(1, 150);
    return [kit.engine.shift(kit.wide(count, 64), from, by, kit.int(1, from - by))];
  });

  parity("extend() above 32 bits", 60, (kit, round) => {
    const drawn = kit.int(2, 63),
      [from, to] = EXTENSIONS[round] ?? [drawn, kit.int(Math.max(33, drawn + 1), 64)],
      count = kit.int(1, 150);
    const x = from > 32 ? kit.wide(count, 64) : kit.tensor(count); // not reduced
    return [
      kit.engine.extend(x, from, ringTensor(kit, count, to - from), to),
      kit.engine.extend(x, from, null, to),
    ];
  });

  parity("addWrap() above 32 bits", 80, (kit, round) => {
    const drawn = kit.int(2, 64),
      [inBits, outBits] = WRAPS[round] ?? [drawn, kit.int(drawn > 32 ? 1 : 33, 64)],
      step = { inBits, shift: kit.int(0, outBits - 1), sign: round % 2 === 0 ? 1 as const : -1 as const, outBits },
      count = kit.int(1, 150);
    const a = ringTensor(kit, count, outBits), x = inBits > 32 ? kit.wide(count, 64) : kit.tensor(count); // not reduced
    return [Math.min(outBits, 32), outBits].flatMap((bits) => {
      const c = ringTensor(kit, count, bits);
      return [kit.engine.addWrap(step, a, x, c), kit.engine.addWrap({ ...step, shift: 0 }, a, x, c)];
    });
  });

  parity("maximumSymbols(), maximumSelect() and maximumMerge()", 40, (kit, round) => {
    const { engine } = kit,
      extent = kit.extent(),
      bits = kit.int(2, 20),
      chunks = choosePermuted(bits - 1, 3 * bits),
      step = { bits, chunks, extent };
    const pairs = extent.cols.map((cols) => extent.rows * (cols >> 1)),
      symbols = symbolCount(chunks.length),
      x = kit.tensor(sum(counts(extent)), bits);
    const given = kit.record(permutedBits(chunks) + (3 * pathCount(chunks.length) - 1) * bits, pairs),
      free = kit.record(symbols + bits, pairs);
    return [
      engine.maximumSymbols(step, x, given, free),
      engine.maximumSelect((round % 2) as 0 | 1, step, x, kit.tensor(sum(pairs), symbols), given, free),
      engine.maximumMerge(step, x, kit.tensor(sum(pairs), bits)),
    ];
  });

  parity("expSymbols(), expClip() and expFinish()", 40, (kit, round) => {
    const { engine } = kit,
      n = ring(kit),
      digits = [kit.int(1, 8), kit.int(1, 8), kit.int(1, 8)] as const,
      bits = sum(digits),
      blocks = [kit.int(1, 30), kit.int(1, 9)],
      count = sum(blocks);
    const step = { digits, lowTable: kit.words(2 ** digits[0]), highTable: kit.words(2 ** digits[1]) },
      party = (round % 2) as 0 | 1;
    const given = kit.record(sum(digits.map(oneHotBits)) + expFormula(n).bits, blocks),
      free = kit.record(5 + 4 * n, blocks),
      opened = kit.tensor(count, 4);
    const { symbols, values } = engine.expSymbols(party, step, kit.tensor(count, bits), given, free);
    return [
      symbols,
      values,
      engine.expClip(party, step, opened, given, free),
      engine.expFinish(step, opened, kit.tensor(3 * count), kit.tensor(count, 1), given, free),
    ];
  });

  parity("expDitheredValues() and expDitheredFinish()", 40, (kit, round) => {
    const { engine } = kit,
      n = ring(kit),
      digits = [kit.int(1, 8), kit.int(1, 9)] as const,
      blocks = [kit.int(1, 30), kit.int(1, 9)],
      count = sum(blocks);
    const step = {
      skip: kit.int(0, 5),
      digits,
      lowTable: kit.words(2 ** (digits[0] + 1)),
      highTable: kit.words(2 ** digits[1]),
    };
    const given = kit.record(sum(digits.map(oneHotBits)) + 3 * n, blocks), free = kit.record(3 * n, blocks);
    return [
      engine.expDitheredValues((round % 2) as 0 | 1, step, kit.tensor(count), given, free),
      engine.expDitheredFinish(step, kit.tensor(2 * count), given, free),
    ];
  });

  parity("shift(), extend() and addWrap()", 60, (kit, round) => {
    const { engine } = kit,
      count = kit.int(1, 300),
      from = kit.int(2, 32),
      narrow = Math.min(from, 31),
      to = kit.int(narrow + 1, 32),
      by = kit.int(0, from - 1);
    const x = kit.tensor(count), shift = kit.int(0, 31), outBits = kit.int(1, 32), bits = kit.int(1, 32);
    const step = { inBits: from, shift, sign: round % 2 === 0 ? 1 as const : -1 as const, outBits };
    return [
      engine.shift(x, from, by, bits),
      engine.extend(x, narrow, round % 3 === 0 ? null : kit.tensor(count, to - narrow), to),
      engine.addWrap(step, kit.tensor(count), x, kit.tensor(count)),
    ];
  });

  parity("spliceSymbols(), spliceBits() and spliceFinish()", 40, (kit, round) => {
    const { engine } = kit,
      n = ring(kit),
      digits = [kit.int(1, 8), kit.int(1, 9), kit.int(1, 7)] as const,
      blocks = [kit.int(1, 30), kit.int(1, 9)],
      count = sum(blocks);
    const inBits = round % 3 === 0 ? n : kit.int(12, n),
      valueBits = round % 4 === 0 ? n : kit.int(4, n),
      skip = kit.int(0, 4);
    const step: SpliceStep = { digits, table: kit.words(2 ** digits[1]), skip, inBits, valueBits, ringBits: n },
      party = (round % 2) as 0 | 1,
      x = kit.tensor(count, inBits);
    const tops = 2 * (n - inBits) + 4 * (n - valueBits),
      given = kit.record(sum(digits.map(oneHotBits)) + 6 + 7 * n + tops, blocks),
      free = kit.record(11 + 2 * valueBits + n, blocks);
    const { symbols, values } = engine.spliceSymbols(party, step, x, given, free);
    return [
      symbols,
      values,
      engine.spliceBits(party, step, kit.tensor(count, 8), given, free),
      engine.spliceFinish(party, step, x, kit.tensor(2 * count, valueBits), kit.tensor(count, 3), given, free),
    ];
  });

  parity("rowSymbols() and rowFinish()", 30, (kit, round) => {
    const { engine } = kit,
      inBits = kit.int(16, 64),
      octaves = kit.int(2, 4),
      mantissaBits = kit.int(1, subject.isSmall ? 4 : 6),
      indexBits = octaves + mantissaBits,
      n = ring(kit);
    const lowest = mantissaBits + kit.int(1, 3), groups: RowGroup[] = [];
    for (
      let fromBit = lowest;
      fromBit + octaves < inBits && fromBit - mantissaBits <= 32 && groups.length < 8;
      fromBit += octaves
    ) {
      const shift = fromBit - mantissaBits;
      groups.push({ fromBit, shift, chunks: choosePermuted(shift, 128), table: kit.words(2 ** indexBits) });
    }
    if (round % 5 === 0) groups.length = 1;
    const step: RowStep = { inBits, indexBits, groups, salt: kit.bytes(16) },
      blocks = [kit.int(1, 5), kit.int(1, 4)],
      rows = sum(blocks),
      party = (round % 2) as 0 | 1;
    const given = kit.record(
      sum(
        groups.map(({ chunks }) =>
          permutedBits(chunks) + oneHotBits(indexBits) + n * (6 + 4 * pathCount(chunks.length))
        ),
      ),
      blocks,
    );
    const width = Math.max(...groups.map((group) => symbolCount(group.chunks.length)));
    const free = kit.record(128 + groups.length - 1 + groups.length * (width + 2 * n) + n, blocks);
    const common = kit.record(8 * Math.ceil(treeDpf(inBits - 1).correctionBits / 8), blocks);
    const v = inBits > 32 ? kit.wide(rows, inBits) : kit.tensor(rows, inBits);
    const first = engine.rowSymbols(party, step, v, given, free, common);
    const thresholds = kit.tensor(rows, Math.max(1, groups.length - 1)),
      opened = kit.tensor(rows * groups.length, width),
      values = kit.tensor(2 * rows * groups.length);
    return [
      first.thresholds,
      first.symbols,
      first.values,
      engine.rowFinish(step, v, thresholds, opened, values, given, free),
    ];
  });
}
