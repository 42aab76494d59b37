/**
 * Rates of the CPU engine's kernels on one thread and on all: `deno bench --allow-read bench/kernels_bench.ts`. A name says how much work one iteration is.
 */

import type { Engine, RecordView } from "../core/engine.ts";
import { sum } from "../core/protocols/local/kernels.ts";
import { createWasmEngine, type WasmEngine } from "../cpu/mod.ts";
import { gateCalls } from "./gate_calls.ts";

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
  return { memory, bits, counts, at, parity: 1, fields: { only: { at: 0, bits } } };
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

const calls = await Promise.all(ENGINES.map((engine) => gateCalls(engine, ELEMENTS)));
for (const [i, { kernel: { name } }] of calls[0]!.entries()) {
  bench(`${name} of ${ELEMENTS}`, (engine) => {
    const { kernel, call } = calls[ENGINES.indexOf(engine as WasmEngine)]![i]!;
    return () => engine.step(kernel, call);
  });
}

bench("a call of nothing: add 64", (engine) => {
  const x = engine.upload(words(64));
  return () => sum(engine, x, x, 32);
});
