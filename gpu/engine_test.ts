/**
 * What is particular to the GPU engine: openings that share a readback, tensors and keys larger than a binding, whole sessions beside another engine, errors.
 * That each operation equals the reference is tested in `tests/engine_parity_test.ts`.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { demoModel } from "../assets/demo_model.ts";
import type { Engine, Handle, RecordView } from "../core/engine.ts";
import { DeviceError } from "../core/errors.ts";
import { ReferenceEngine } from "../core/reference/engine.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import { memoryFiles } from "../models/files.ts";
import { createTokenizer } from "../models/tokenizer.ts";
import { calibratedModel, readFolded } from "../tests/models.ts";
import { runTestSession } from "../tests/two_parties.ts";
import { createGpuEngine, findAdapter, type GpuEngine, type GpuEngineOptions } from "./mod.ts";
import { expDithered } from "../core/protocols/exp_dithered/gate.ts";
import { extend } from "../core/protocols/extend/gate.ts";
import { columns, distance, rowSum } from "../core/protocols/local/gate.ts";
import { shift, sum as add } from "../core/protocols/local/kernels.ts";
import { maximumLevel } from "../core/protocols/maximum/gate.ts";
import { multiply } from "../core/protocols/products/gate.ts";
import { splice } from "../core/protocols/splice/gate.ts";
import { squares } from "../core/protocols/squares/gate.ts";
import { truncate } from "../core/protocols/truncate/gate.ts";
import { Kit, readResults, type Result } from "../tests/parity.ts";

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
  return { memory, bits, counts, at, parity: 1, fields: { only: { at: 0, bits } } };
}

testGpu("pack() and download() of one turn share a readback", async (engine) => {
  const x = engine.upload(Uint32Array.of(1, 2, 3)), y = add(engine, x, x, 32), before = engine.readbackCount;

  const [packed, whole, sum] = await Promise.all([engine.pack(x, 2), engine.pack(y, 32), engine.download(y)]);

  assertEquals(packed, Uint8Array.of(0b11_10_01));
  assertEquals(whole, Uint8Array.of(2, 0, 0, 0, 4, 0, 0, 0, 6, 0, 0, 0));
  assertEquals(sum, Uint32Array.of(2, 4, 6));
  assertEquals(engine.readbackCount, before + 1);
});

testGpu("awaited readbacks give the same results", async (engine) => {
  const x = engine.upload(words(3000)), sums = [add(engine, x, x, 32), add(engine, x, x, 7)];

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
    const scope = engine.begin(), x = engine.upload(Uint32Array.of(i, 10 * i)), sum = add(engine, x, x, 32);
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
    await engine.download(
      engine.unpack({ memory, bits: 8, counts: [2], at: [0], parity: 0, fields: { only: { at: 0, bits: 8 } } }, "only"),
    ),
    Uint32Array.of(3, 3),
  );
  assert(engine.uploadMs > 0);
});

testGpu(
  "kernelMs() gives the device's time by kernel since the last call, also over batches with many kernels",
  async (engine) => {
    const scope = engine.begin(), x = engine.upload(words(1000));
    let sum = x;
    for (let i = 0; i < 2100; i++) sum = add(engine, sum, x, 32);
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
  const x = engine.upload(words(1000)), sum = add(engine, x, x, 32), before = engine.readbackCount;

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
  const x = engine.upload(words(1000)), kept = add(engine, x, x, 32);
  inner.end([kept]);

  assert(engine.usedBytes > before);
  assertEquals((await engine.download(kept)).length, 1000);
  outer.end([]);
  assertEquals(engine.usedBytes, before);
  assertThrows(() => add(engine, kept, kept, 32), Error, "scope had ended");
});

testGpu("tensors and keys larger than a binding give the same results", async (engine) => {
  const results: Result[][] = [[], []];
  for (const [i, subject] of [engine, new ReferenceEngine()].entries()) {
    const kit = new Kit(subject, 1),
      extent = { rows: 7, cols: [100, 0, 129] },
      x = kit.wire(24, extent),
      count = 7 * 229;
    const ask = async (asked: Promise<Result[]>): Promise<void> => void results[i]!.push(...await asked);
    for (const to of [24, 60]) {
      await ask(kit.gate(0, truncate, { by: 9, to, rounding: "nearest", full: 0, knownTo: "both" }, x));
      await ask(kit.gate(1, extend, { to: to + 4, knownTo: "both" }, x));
      await ask(kit.gate(0, squares, { outBits: to === 24 ? 28 : 40, operandBits: 24 }, x));
    }
    const splicing = {
      function: "silu",
      digits: [7, 6, 5],
      skip: 2,
      valueBits: 20,
      ringBits: 32,
      knownTo: "both",
    } as const;
    await ask(kit.gate(1, splice, splicing, x));
    await ask(kit.gate(1, expDithered, { skip: 1, digits: [5, 6], tableScale: 6, ringBits: 29 }, x));
    await ask(kit.gate(0, maximumLevel, {}, kit.wire(12, extent)));
    for (const broadcast of [false, true]) {
      const y = broadcast ? { rows: 7, cols: [1, 1, 1] } : extent, lift = { fromBits: 24, top: kit.tensor(count, 8) };
      await ask(kit.gate(0, multiply, { broadcast }, { ...kit.operand(32, extent), lift }, kit.operand(32, y)));
      await ask(kit.gate(1, multiply, { broadcast }, kit.operand(48, extent), kit.operand(48, y)));
    }
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
    results[i]!.push(
      shift(subject, x.data, { in_bits: 20, by: 7, out_bits: 20 }),
      distance.run({}, [kit.wire(24, { rows: 7, cols: [1, 1, 1] }, 5), x], subject),
      rowSum.run({}, [x], subject),
      columns.run({ from: 90, to: 100 }, [kit.wire(24, { rows: 7, cols: [100, 129] })], subject),
      subject.linear(rows, mask, matrix, pad),
      subject.linear(null, mask, matrix, pad),
      subject.multiplyWeights(rows, matrix),
      subject.scores(queries, queries, cache, step, record(subject, 32, [40 * 150, 40 * 170], 0)),
      subject.mix(weights, weights, cache, step, record(subject, 30, [640, 640], 0)),
      subject.combine("add", x.data, count, kit.packed(count, 19), 19),
    );
  }
  const [actual, expected] = await Promise.all(
    [engine, new ReferenceEngine()].map((subject, i) => readResults(subject, results[i]!)),
  );
  expected!.forEach((result, i) => assertEquals(actual![i], result, `result ${i}`));
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
  const memory = engine.keyMemory(20000),
    fields = { only: { at: 0, bits: 32 } },
    wide: RecordView = { memory, bits: 40000, counts: [2], at: [0], parity: 0, fields };
  assertThrows(() => engine.unpack(wide, "only"), DeviceError, "must fit into bindings of 4096 bytes");
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
