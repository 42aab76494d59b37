/**
 * Rates of the CPU engine's kernels on one thread and on all: `deno bench --allow-read bench/kernels_bench.ts`. A name says how much work one iteration is.
 */

import type { Engine, RecordView } from "../core/engine.ts";
import { oneHotBits } from "../core/fss/flat_dpf.ts";
import { choosePermuted, pathCount, permutedBits, symbolCount } from "../core/fss/permuted.ts";
import { treeDpf } from "../core/fss/tree_dpf.ts";
import { createWasmEngine } from "../cpu/mod.ts";

const threads = Math.min(8, navigator.hardwareConcurrency);
const ENGINES = threads > 1
  ? [await createWasmEngine(), await createWasmEngine({ threads })]
  : [await createWasmEngine()];

function record(engine: Engine, bits: number, counts: readonly number[]): RecordView {
  const at: number[] = [];
  let byteLength = 0;
  for (const count of counts) {
    at.push(byteLength);
    byteLength += Math.ceil(bits * count / 8);
  }
  const memory = engine.keyMemory(byteLength);
  engine.expand(new Uint8Array(32), memory, [{ nonce: new Uint8Array(12), offset: 0, byteLength }]);
  return { memory, bits, counts, at, parity: 1 };
}

function words(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => Math.imul(i + 1, 0x9e3779b9) >>> 0);
}

/** Benchmarks `operation` on every engine; what it allocates is freed after each iteration. */
function bench(name: string, prepare: (engine: Engine) => () => void): void {
  ENGINES.forEach((engine, i) => {
    const operation = prepare(engine);
    Deno.bench(name, { group: name, baseline: i === 0 }, () => {
      const scope = engine.begin();
      operation();
      scope.end([]);
    });
  });
}

bench("expand 16 MB", (engine) => {
  const byteLength = 16e6,
    memory = engine.keyMemory(byteLength),
    seed = new Uint8Array(32),
    streams = [{ nonce: new Uint8Array(12), offset: 0, byteLength }];
  return () => engine.expand(seed, memory, streams);
});

const COUNT = 1 << 20;
for (const bits of [1, 7, 12, 32, 48]) {
  bench(`pack ${COUNT} × ${bits} bits`, (engine) => {
    const x = bits > 32 ? engine.upload(words(2 * COUNT), 2) : engine.upload(words(COUNT));
    return () => engine.pack(x, bits);
  });
  bench(`combine ${COUNT} × ${bits} bits`, (engine) => {
    const x = bits > 32 ? engine.upload(words(2 * COUNT), 2) : engine.upload(words(COUNT)),
      packed = engine.pack(x, bits) as Uint8Array;
    return () => engine.combine("add", x, COUNT, packed, bits);
  });
}

for (const [rows, inputs, outputs] of [[1, 64, 192], [1, 2048, 2048], [128, 768, 768], [128, 768, 3072]] as const) {
  bench(`linear ${rows} × ${inputs} × ${outputs} (${rows * inputs * outputs / 1e6}M multiply-adds)`, (engine) => {
    const x = engine.upload(words(rows * inputs)), weights = engine.weights(words(inputs * outputs), inputs, outputs);
    const mask = record(engine, 32, [rows * inputs]), pad = record(engine, 32, [rows * outputs]);
    return () => engine.linear(x, mask, weights, pad);
  });
}

bench("scores 64 tokens × 12 heads × 64 columns × 64 wide", (engine) => {
  const step = { tokens: 64, heads: 12, kvHeads: 12, width: 64, cols: [64], starts: [0] },
    x = engine.upload(words(64 * 768)),
    cache = engine.cache(64, 768);
  engine.store(0, cache, 0, x, x);
  const pad = record(engine, 32, [64 * 12 * 64]);
  return () => engine.scores(x, x, cache, step, pad);
});

bench("mix 64 tokens × 12 heads × 64 columns × 64 wide", (engine) => {
  const step = { tokens: 64, heads: 12, kvHeads: 12, width: 64, cols: [64], starts: [0] },
    x = engine.upload(words(64 * 768)),
    cache = engine.cache(64, 768);
  engine.store(0, cache, 0, x, x);
  const pad = record(engine, 32, [64 * 768]);
  return () => engine.mix(x, x, cache, step, pad);
});

const ELEMENTS = 100_000;

bench(`squareSum ${ELEMENTS}`, (engine) => {
  const x = engine.upload(words(ELEMENTS)), given = record(engine, 79, [ELEMENTS]), pad = record(engine, 48, [1]);
  return () => engine.squareSum(0, x, { rows: 1, cols: [ELEMENTS] }, 32, 48, given, pad);
});

bench(`truncate 32 to 32 bits by 12: symbols of ${ELEMENTS}`, (engine) => {
  const { step, z, given, free } = truncation(engine);
  return () => engine.truncateSymbols(step, z, given, free);
});

bench(`truncate 32 to 32 bits by 12: finish of ${ELEMENTS}`, (engine) => {
  const { step, z, given, free } = truncation(engine);
  return () => engine.truncateFinish(step, z, z, given, free);
});

function truncation(engine: Engine) {
  const chunks = choosePermuted(12, 32), symbols = symbolCount(chunks.length), counts = [ELEMENTS];
  const step = { chunks, inBits: 32, by: 12, outBits: 32, addend: 2048, wrapBits: 12, full: true, adds: true },
    z = engine.upload(words(ELEMENTS));
  const given = record(engine, permutedBits(chunks) + pathCount(chunks.length) * 32 + 12, counts),
    free = record(engine, symbols + 32, counts);
  return { step, z, given, free };
}

const BITS = 10;
bench(`maximum of ${BITS} bits: symbols of ${ELEMENTS} pairs`, (engine) => {
  const chunks = choosePermuted(BITS - 1, 3 * BITS),
    x = engine.upload(words(2 * ELEMENTS)),
    step = { bits: BITS, chunks, extent: { rows: 1, cols: [2 * ELEMENTS] } };
  const given = record(engine, permutedBits(chunks) + (3 * pathCount(chunks.length) - 1) * BITS, [ELEMENTS]),
    free = record(engine, symbolCount(chunks.length) + BITS, [ELEMENTS]);
  return () => engine.maximumSymbols(step, x, given, free);
});

bench(`exp with digits 7, 6, 6: symbols of ${ELEMENTS}`, (engine) => {
  const digits = [7, 6, 6] as const,
    step = { digits, lowTable: words(128), highTable: words(64) },
    t = engine.upload(words(ELEMENTS).map((word) => word >>> 13));
  const given = record(engine, 127 + 63 + 63 + 512, [ELEMENTS]), free = record(engine, 133, [ELEMENTS]);
  return () => engine.expSymbols(0, step, t, given, free);
});

bench(`splice with digits 6, 9, 6: symbols of ${ELEMENTS}`, (engine) => {
  const digits = [6, 9, 6] as const,
    step = { digits, table: words(512), skip: 0, inBits: 32, valueBits: 32, ringBits: 32 },
    x = engine.upload(words(ELEMENTS));
  const given = record(engine, 63 + 511 + 63 + 6 + 224, [ELEMENTS]), free = record(engine, 107, [ELEMENTS]);
  return () => engine.spliceSymbols(0, step, x, given, free);
});

const ROWS = 1000;
bench(`row function of 48 bits, 6 groups: symbols of ${ROWS}`, (engine) => {
  const indexBits = 11,
    groups = Array.from({ length: 6 }, (_, g) => {
      const fromBit = 15 + 4 * g, shift = fromBit - 7;
      return { fromBit, shift, chunks: choosePermuted(shift, 128), table: words(2 ** indexBits) };
    });
  const bits = groups.reduce(
    (sum, { chunks }) => sum + permutedBits(chunks) + oneHotBits(indexBits) + 32 * (6 + 4 * pathCount(chunks.length)),
    0,
  );
  const given = record(engine, bits, [ROWS]),
    free = record(engine, 1000, [ROWS]),
    common = record(engine, 8 * Math.ceil(treeDpf(47).correctionBits / 8), [ROWS]);
  const v = engine.upload(words(2 * ROWS).map((word, i) => i % 2 === 0 ? word : word >>> 16), 2),
    step = { inBits: 48, indexBits, groups, salt: new Uint8Array(16) };
  return () => engine.rowSymbols(0, step, v, given, free, common);
});

bench("a call of nothing: add 64", (engine) => {
  const x = engine.upload(words(64));
  return () => engine.add(x, x, 32);
});
