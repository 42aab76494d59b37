/**
 * What is particular to the GPU engine: openings that share a readback, tensors and keys larger than a binding, whole sessions beside another engine, errors.
 * That each operation equals the reference is tested in `tests/engine_parity_test.ts`.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { demoModel } from "../assets/demo_model.ts";
import type { Engine, Handle, RecordView } from "../core/engine.ts";
import { DeviceError } from "../core/errors.ts";
import { oneHotBits } from "../core/fss/flat_dpf.ts";
import { choosePermuted, pathCount, permutedBits, symbolCount } from "../core/fss/permuted.ts";
import { ReferenceEngine } from "../core/reference/engine.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import { memoryFiles } from "../models/files.ts";
import { createTokenizer } from "../models/tokenizer.ts";
import { calibratedModel, readFolded } from "../tests/models.ts";
import { runTestSession } from "../tests/two_parties.ts";
import { createGpuEngine, findAdapter, type GpuEngine, type GpuEngineOptions } from "./mod.ts";

const ignore = await findAdapter() === null && Deno.env.get("REQUIRE_GPU") !== "1";

/** Runs a test on an engine of its own. */
function testGpu(name: string, body: (engine: GpuEngine) => Promise<void>, options: GpuEngineOptions = {}): void {
  Deno.test(name, { ignore }, async () => {
    const engine = await createGpuEngine(options);
    try {
      await body(engine);
    } finally {
      engine.close();
    }
  });
}

function words(count: number, bits = 32): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => (Math.imul(i + 1, 0x9e3779b9) ^ (i << 7)) >>> (32 - bits));
}

/** Pseudorandom key bits, blocks one behind the other from byte `first` on. */
function record(engine: Engine, bits: number, counts: readonly number[], first: number): RecordView {
  const at: number[] = [];
  let byteLength = first;
  for (const count of counts) {
    at.push(byteLength);
    byteLength += Math.ceil(bits * count / 8) + 1;
  }
  const memory = engine.keyMemory(byteLength), seed = new Uint8Array(32).fill(bits % 251);
  engine.expand(seed, memory, [{ nonce: new Uint8Array(12), offset: first, byteLength: byteLength - first }]);
  return { memory, bits, counts, at, parity: 1 };
}

testGpu("pack() and download() of one turn share a readback", async (engine) => {
  const x = engine.upload(Uint32Array.of(1, 2, 3)), y = engine.add(x, x, 32), before = engine.readbackCount;

  const [packed, whole, sum] = await Promise.all([engine.pack(x, 2), engine.pack(y, 32), engine.download(y)]);

  assertEquals(packed, Uint8Array.of(0b11_10_01));
  assertEquals(whole, Uint8Array.of(2, 0, 0, 0, 4, 0, 0, 0, 6, 0, 0, 0));
  assertEquals(sum, Uint32Array.of(2, 4, 6));
  assertEquals(engine.readbackCount, before + 1);
});

testGpu("awaited readbacks give the same results", async (engine) => {
  const x = engine.upload(words(3000)), sums = [engine.add(x, x, 32), engine.add(x, x, 7)];

  const results = await Promise.all(sums.map((sum) => engine.download(sum)));
  const again = await engine.download(sums[0]!);

  assertEquals(engine.isReadbackFast, false);
  assertEquals(results, sums.map((_, i) => words(3000).map((word) => i === 0 ? 2 * word : (2 * word) & 127)));
  assertEquals(again, results[0]);
}, { awaitReadbacks: true });

testGpu("weights() copies what is larger than one piece", async (engine) => {
  const inputs = 1100, outputs = 4096, data = words(inputs * outputs), weights = engine.weights(data, inputs, outputs);

  const last = new Uint32Array(inputs);
  last[inputs - 1] = 1;
  const row = await engine.download(engine.multiplyWeights(engine.upload(last), weights));

  assertEquals(row, data.slice(-outputs));
});

testGpu("pack() gives what the tensor held when it was called", async (engine) => {
  const scope = engine.begin(), packed = engine.pack(engine.upload(Uint32Array.of(5, 6)), 4);
  scope.end([]);
  for (let i = 0; i < 4; i++) engine.upload(Uint32Array.of(9, 9)); // takes the freed buffers

  assertEquals(await packed, Uint8Array.of(0x65));
});

testGpu("upload() does not disturb commands that were recorded before it", async (engine) => {
  const sums: Handle[] = [];
  for (let i = 0; i < 8; i++) {
    const scope = engine.begin(), x = engine.upload(Uint32Array.of(i, 10 * i)), sum = engine.add(x, x, 32);
    scope.end([sum]);
    sums.push(sum);
  }

  for (const [i, sum] of sums.entries()) assertEquals(await engine.download(sum), Uint32Array.of(2 * i, 20 * i));
});

testGpu("uploadedBytes counts what goes to the device, keys when they are used next", async (engine) => {
  const before = engine.uploadedBytes, memory = engine.keyMemory(64);
  memory.view(0, 24).fill(3);
  engine.upload(words(10));

  assertEquals(engine.uploadedBytes, before + 40);
  engine.expand(new Uint8Array(32), memory, [{ nonce: new Uint8Array(12), offset: 24, byteLength: 40 }]);
  assertEquals(engine.uploadedBytes, before + 64);
  assertEquals(
    await engine.download(engine.unpack({ memory, bits: 8, counts: [2], at: [0], parity: 0 }, 0, 8)),
    Uint32Array.of(3, 3),
  );
  assert(engine.uploadMs > 0);
});

testGpu(
  "kernelMs() gives the device's time by kernel since the last call, also over batches with many kernels",
  async (engine) => {
    const scope = engine.begin(), x = engine.upload(words(1000));
    let sum = x;
    for (let i = 0; i < 2100; i++) sum = engine.add(sum, x, 32);
    await engine.pack(sum, 7);

    const times = await engine.kernelMs();
    if (times === null) { // an adapter without timestamps
      scope.end([]);
      return;
    }
    assertEquals([...times.keys()].sort(), ["add", "pack"]);
    for (const ms of times.values()) assert(ms > 0 && ms < 60_000, `${ms} ms`);
    assertEquals(await engine.kernelMs(), new Map());
    assertEquals(await engine.download(sum), words(1000).map((word) => Math.imul(word, 2101)));
    scope.end([]);
  },
  { timesKernels: true },
);

testGpu("kernelMs() is null where no times were asked for", async (engine) => {
  assertEquals(await engine.kernelMs(), null);
});

testGpu("settle() waits for what was asked of the device, and fails with it", async (engine) => {
  const x = engine.upload(words(1000)), sum = engine.add(x, x, 32), before = engine.readbackCount;

  await engine.settle();

  assertEquals(engine.readbackCount, before + 1);
  assertEquals(await engine.download(sum), words(1000).map((word) => 2 * word));
  engine.close();
  await assertRejects(() => engine.settle(), DeviceError, "close()");
});

testGpu("what is expanded in one turn is submitted at its end", async (engine) => {
  const { submit } = GPUQueue.prototype, memory = engine.keyMemory(128);
  let submits = 0;
  GPUQueue.prototype.submit = function (buffers) {
    submits++;
    return submit.call(this, buffers);
  };
  try {
    for (const offset of [0, 64]) {
      engine.expand(new Uint8Array(32), memory, [{ nonce: new Uint8Array(12), offset, byteLength: 64 }]);
    }

    assertEquals(submits, 0);
    await Promise.resolve();
    assertEquals(submits, 1);
  } finally {
    GPUQueue.prototype.submit = submit;
  }
});

testGpu("Scope.end() gives back all memory but what is kept", async (engine) => {
  const before = engine.usedBytes, outer = engine.begin(), inner = engine.begin();
  const x = engine.upload(words(1000)), kept = engine.add(x, x, 32);
  inner.end([kept]);

  assert(engine.usedBytes > before);
  assertEquals((await engine.download(kept)).length, 1000);
  outer.end([]);
  assertEquals(engine.usedBytes, before);
  assertThrows(() => engine.add(kept, kept, 32), Error, "scope had ended");
});

testGpu("tensors and keys larger than a binding give the same results", async (engine) => {
  const results: (readonly Uint32Array[])[] = [];
  for (const subject of [engine, new ReferenceEngine()]) {
    const counts = [700, 0, 900, 1], count = 1601, chunks = choosePermuted(9, 24), symbols = symbolCount(chunks.length);
    const z = subject.upload(words(count, 24)), opened = subject.upload(words(count, symbols + 1));
    const truncate = {
      chunks,
      inBits: 24,
      by: 9,
      outBits: 24,
      addend: 256,
      wrapBits: 9,
      full: true,
      adds: true,
    };
    const given = record(subject, permutedBits(chunks) + pathCount(chunks.length) * 24 + 9, counts, 4),
      free = record(subject, symbols + 24, counts, 3);
    const digits = [5, 6, 5] as const,
      hotBits = digits.reduce((sum, k) => sum + oneHotBits(k), 0),
      splice = { digits, table: words(64), skip: 2, inBits: 24, valueBits: 20, ringBits: 32 },
      spliceGiven = record(subject, hotBits + 6 + 7 * 32 + 2 * 8 + 4 * 12, counts, 8),
      spliceFree = record(subject, 11 + 2 * 20 + 32, counts, 5),
      exp = { skip: 1, digits: [5, 6] as const, lowTable: words(64), highTable: words(64) },
      expGiven = record(subject, oneHotBits(5) + oneHotBits(6) + 3 * 29, counts, 1),
      expFree = record(subject, 3 * 29, counts, 7),
      wrap = { inBits: 24, shift: 24, sign: -1 as const, outBits: 32 },
      x = subject.upload(words(count));
    const spliced = subject.spliceSymbols(1, splice, x, spliceGiven, spliceFree);
    const extent = { rows: 7, cols: [100, 0, 129] },
      elements = 7 * 229,
      wide = subject.upload(words(elements)),
      pair = subject.upload(words(2 * elements), 2),
      squares = record(subject, 40 + 8 + 7, [700, 0, 903], 1),
      sums = record(subject, 40, [7, 7, 7], 0);
    const maximum = { bits: 12, chunks: choosePermuted(11, 36), extent };
    const pairs = [350, 0, 448],
      pairKeys = record(
        subject,
        permutedBits(maximum.chunks) + (3 * pathCount(maximum.chunks.length) - 1) * 12,
        pairs,
        2,
      ),
      pairPads = record(subject, symbolCount(maximum.chunks.length) + 12, pairs, 6);
    const matrix = subject.weights(words(300 * 40), 300, 40),
      rows = subject.upload(words(20 * 300)),
      mask = record(subject, 29, [20 * 300], 4),
      pad = record(subject, 29, [20 * 40], 4);
    const step = { tokens: 10, heads: 4, kvHeads: 2, width: 16, cols: [150, 170], starts: [20, 0] },
      cache = subject.cache(180, 32),
      scored = 40 * 320;
    subject.store(0, cache, 0, subject.upload(words(100 * 32)), subject.upload(words(100 * 32)));
    subject.store(0, cache, 100, subject.upload(words(75 * 32)), subject.upload(words(75 * 32)));
    const queries = subject.upload(words(2 * 640)), weights = subject.upload(words(scored));
    const handles = [
      subject.truncateSymbols(truncate, z, given, free),
      subject.truncateFinish(truncate, z, opened, given, free),
      spliced.symbols,
      spliced.values,
      subject.spliceFinish(
        1,
        splice,
        x,
        subject.upload(words(2 * count)),
        subject.upload(words(count, 3)),
        spliceGiven,
        spliceFree,
      ),
      subject.expDitheredValues(1, exp, x, expGiven, expFree),
      subject.expDitheredFinish(exp, subject.upload(words(2 * count)), expGiven, expFree),
      subject.shift(wide, 30, 7, 20),
      subject.extend(wide, 24, subject.upload(words(elements, 8)), 32),
      subject.extend(wide, 24, null, 32),
      subject.addWrap(wrap, wide, wide, subject.upload(words(elements, 8))),
      subject.extend(wide, 24, pair, 60),
      subject.extend(pair, 40, null, 60),
      subject.addWrap({ ...wrap, outBits: 60 }, pair, wide, wide),
      subject.addWrap({ ...wrap, inBits: 40 }, wide, pair, wide),
      subject.squareSum(0, wide, extent, 32, 40, squares, sums),
      subject.maximumSymbols(maximum, wide, pairKeys, pairPads),
      subject.maximumMerge(maximum, wide, subject.upload(words(798, 12))),
      subject.linear(rows, mask, matrix, pad),
      subject.linear(null, mask, matrix, pad),
      subject.multiplyWeights(rows, matrix),
      subject.scores(queries, queries, cache, step, record(subject, 32, [40 * 150, 40 * 170], 0)),
      subject.mix(weights, weights, cache, step, record(subject, 30, [640, 640], 0)),
      subject.distance(subject.upload(words(21)), wide, extent, 5, 31),
      subject.rowSum(wide, extent, 31),
      subject.columns(wide, { rows: 7, cols: [100, 129] }, 90, 100),
      subject.combine(
        "add",
        wide,
        elements,
        new Uint8Array(Math.ceil(elements * 19 / 8) - 1 + 1).fill(0x55, 0, -2),
        19,
      ),
    ];
    results.push(await Promise.all(handles.map(async (handle) => await subject.download(handle))));
  }

  const [actual, expected] = results as [Uint32Array[], Uint32Array[]];
  expected.forEach((result, i) => assertEquals(actual[i], result, `operation ${i}`));
}, { bindingBytes: 4096 });

testGpu(
  "linear() and multiplyWeights() equal the reference whatever the number of rows, inputs and outputs",
  async (engine) => {
    for (
      const [rows, inputs, outputs] of [
        [1, 700, 65],
        [4, 64, 64],
        [5, 33, 130],
        [8, 1, 7],
        [9, 300, 63],
        [70, 37, 130],
        [128, 257, 1],
      ] as const
    ) {
      const results: Uint32Array[][] = [];
      for (const subject of [engine, new ReferenceEngine()]) {
        const matrix = subject.weights(words(inputs * outputs), inputs, outputs),
          x = subject.upload(words(rows * inputs)),
          mask = record(subject, 32, [rows * inputs], 4),
          pad = record(subject, 31, [rows * outputs], 4);
        const handles = [subject.linear(x, mask, matrix, pad), subject.multiplyWeights(x, matrix)];
        results.push(await Promise.all(handles.map(async (handle) => await subject.download(handle))));
      }

      assertEquals(results[0], results[1], `${rows} × ${inputs} × ${outputs}`);
    }
  },
);

testGpu("an engine refuses what cannot fit, by name", async (engine) => {
  assertThrows(() => engine.weights(new Uint32Array(2000), 1, 2000), DeviceError, '"weights of 1 × 2000"');
  const memory = engine.keyMemory(20000), wide: RecordView = { memory, bits: 40000, counts: [2], at: [0], parity: 0 };
  assertThrows(() => engine.unpack(wide, 0, 32), DeviceError, "must fit into bindings of 4096 bytes");
  await engine.download(engine.upload(Uint32Array.of(1)));
}, { bindingBytes: 4096 });

testGpu("keyMemory() refuses more than the adapter allows and names the buffer", (engine) => {
  assertThrows(
    () => engine.upload({ length: 2 ** 40 } as Uint32Array),
    DeviceError,
    'Cannot make the buffer "upload"',
  );
  return Promise.resolve();
});

Deno.test("createGpuEngine() names the adapters there are when none has the name", { ignore }, async () => {
  await assertRejects(
    () => createGpuEngine({ adapter: "no such adapter" }),
    DeviceError,
    "Cannot open an adapter as its name must contain no such adapter: received ",
  );
});

Deno.test("createGpuEngine() finds an adapter by a part of its name and logs it", { ignore }, async () => {
  const name = (await findAdapter())!, lines: string[] = [];

  const engine = await createGpuEngine({ adapter: name.slice(0, 5).toUpperCase(), log: (line) => lines.push(line) });

  assertEquals(engine.adapterName, name);
  assert(engine.readbackMs > 0);
  assert(lines[0]!.startsWith(`webgpu: ${name}`));
  engine.close();
  await assertRejects(async () => await engine.download(engine.upload(Uint32Array.of(1))), DeviceError, "close()");
});

for (const rounding of ["nearest", "dither"] as const) {
  Deno.test(`a session between wasm and webgpu equals the oracle, rounding ${rounding}`, { ignore }, async () => {
    const folded = await readFolded(memoryFiles(demoModel())),
      tokenizer = createTokenizer(demoModel()["tokenizer.json"]!),
      promptIds = tokenizer.encode("ROMEO:\nIt is"),
      model = await calibratedModel(
        folded,
        tokenizer.encode("The king is dead, my lord; what shall we say?"),
        rounding,
      ),
      dealt = { promptTokens: promptIds.length, generate: 3 };
    const wasm = await createWasmEngine(), gpu = await createGpuEngine();
    try {
      const outcome = await runTestSession({
        model: model(promptIds.length + 2),
        folded,
        dealt,
        requests: [{ promptIds, generate: 3 }],
        engines: [wasm, gpu],
      });

      assertEquals(outcome.tokens, outcome.expectedTokens);
      assertEquals(outcome.logits, outcome.expectedLogits);
      assertEquals(outcome.exchanges[0], outcome.exchanges[1]);
    } finally {
      wasm.close();
      gpu.close();
    }
  });
}
