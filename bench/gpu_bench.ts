/**
 * Rates of the GPU engine's kernels against what the adapter itself reaches (memory copy, integer multiply-add), and the latency of an exchange.
 *
 * `deno run --allow-read bench/gpu_bench.ts [--adapter=NAME] [--elements=N] [--only=PART]` prints a table of the kernels, or of those whose names contain a part.
 * A rate is the mean of many calls in one batch, the cost of recording them included; `of copy` divides the key bytes that a kernel reads, or its
 * multiply-adds, by the adapter's own rate.
 *
 * `--layer [--arch=NAME] [--tokens=N] [--rounding=NAME] [--runs=N]` prints instead where the time of one layer goes (`_layer_split.ts`): by default one of
 * `bert-tiny` with 128 tokens, rounded to the nearest. With `--json` either prints one line of JSON.
 */

import { parseArgs } from "node:util";
import type { Engine, Handle, RecordView } from "../core/engine.ts";
import { itemCounts } from "../core/kernel.ts";
import { sum } from "../core/protocols/local/kernels.ts";
import { Device } from "../gpu/device.ts";
import { createGpuEngine, type GpuEngine } from "../gpu/mod.ts";
import { layerSplit, splitTable } from "./layer_split.ts";
import { gateCalls } from "./gate_calls.ts";
import multiplyAdd from "./multiply_add.wgsl" with { type: "text" };

/** What one call does. */
interface Work {
  readonly name: string;
  /** Elements (or outputs) of one call. */
  readonly elements: number;
  /** Key bytes that it reads or writes. */
  readonly bytes?: number;
  /** Integer multiply-adds. */
  readonly multiplyAdds?: number;
  readonly run: () => void;
}

const MIN_MS = 300;

function words(count: number, bits = 32): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => Math.imul(i + 1, 0x9e3779b9) >>> (32 - bits));
}

function record(engine: Engine, bits: number, count: number): RecordView {
  const byteLength = 4 * Math.ceil(bits * count / 32), memory = engine.keyMemory(byteLength);
  engine.expand(new Uint8Array(32), memory, [{ nonce: new Uint8Array(12), offset: 0, byteLength }]);
  return { memory, bits, counts: [count], at: [0], parity: 1, fields: { only: { at: 0, bits } } };
}

function bytesOf(...records: readonly RecordView[]): number {
  return records.reduce((sum, { bits, counts }) => sum + bits * counts.reduce((a, b) => a + b, 0) / 8, 0);
}

/** Milliseconds of one call of `step`, many of which `finish` waits for. */
async function timeOf(step: () => void, finish: () => Promise<unknown>): Promise<number> {
  step();
  await finish();
  for (let calls = 1;; calls *= 4) {
    const since = performance.now();
    for (let i = 0; i < calls; i++) step();
    await finish();
    const ms = performance.now() - since;
    if (ms > MIN_MS) return ms / calls;
  }
}

/** Bytes per second that a copy reads and writes, and multiply-adds per second. */
async function ceilings(adapter: string | undefined): Promise<{ copyBytes: number; multiplyAdds: number }> {
  const device = await Device.open({ adapter }), { gpu } = device, size = Math.min(2 ** 26, device.bufferBytes);
  const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST | GPUBufferUsage.STORAGE,
    [from, to] = [device.buffer("from", size, usage), device.buffer("to", size, usage)];
  const finish = (): Promise<undefined> => gpu.queue.onSubmittedWorkDone();
  const copyMs = await timeOf(() => {
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(from, 0, to, 0, size);
    gpu.queue.submit([encoder.finish()]);
  }, finish);
  const threads = 2 ** 16,
    rounds = 1024,
    params = device.buffer("params", 16, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  gpu.queue.writeBuffer(params, 0, Uint32Array.of(rounds, 0, 0, 0));
  const pipeline = gpu.createComputePipeline({
      layout: "auto",
      compute: { module: gpu.createShaderModule({ code: multiplyAdd }), entryPoint: "main" },
    }),
    bindGroup = gpu.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: to } }, { binding: 1, resource: { buffer: params } }],
    });
  const multiplyMs = await timeOf(() => {
    const encoder = gpu.createCommandEncoder(), pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(threads / 64);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  }, finish);
  device.close();
  return { copyBytes: 2 * size / copyMs * 1000, multiplyAdds: 8 * threads * rounds / multiplyMs * 1000 };
}

/** The kernels on tensors of about `count` elements. */
async function works(engine: GpuEngine, count: number): Promise<Work[]> {
  const list: Work[] = [];
  const add = (
    name: string,
    run: () => void,
    rest: Omit<Work, "name" | "run" | "elements"> & { elements?: number },
  ): void => {
    list.push({ name, elements: count, ...rest, run });
  };

  const memory = engine.keyMemory(64 * count);
  add(
    "expand seeds",
    () =>
      engine.expand(new Uint8Array(32), memory, [
        { nonce: new Uint8Array(12), offset: 0, byteLength: memory.byteLength },
      ]),
    { elements: count, bytes: memory.byteLength },
  );
  const wordRecord = record(engine, 29, count);
  add("unpack 29 bits", () => engine.unpack(wordRecord, "only"), { bytes: bytesOf(wordRecord) });
  for (const { kernel, call } of await gateCalls(engine, count)) {
    const records = Object.values(call.records ?? {});
    add(kernel.name, () => engine.step(kernel, call), {
      elements: itemCounts(kernel, call).reduce((a, b) => a + b, 0),
      ...(records.length > 0 ? { bytes: bytesOf(...records) } : {}),
    });
  }

  const side = 2 ** Math.floor(Math.log2(Math.sqrt(4 * count))),
    weights = engine.weights(words(side * side), side, side);
  for (const batch of [1, 128]) {
    const input = engine.upload(words(batch * side)),
      mask = record(engine, 32, batch * side),
      pad = record(engine, 32, batch * side);
    add(`linear, ${batch} × ${side} × ${side}`, () => engine.linear(input, mask, weights, pad), {
      elements: batch * side,
      multiplyAdds: batch * side * side,
      bytes: 4 * side * side,
    });
  }

  const attention = { tokens: 64, heads: 8, kvHeads: 8, width: 64, cols: [64], starts: [0] },
    cache = engine.cache(64, 512),
    tokens = engine.upload(words(64 * 512)),
    scorePad = record(engine, 32, 64 * 8 * 64);
  engine.store(0, cache, 0, tokens, tokens);
  add("scores, 64 tokens of 8 × 64", () => engine.scores(tokens, tokens, cache, attention, scorePad), {
    elements: 64 * 8 * 64,
    multiplyAdds: 2 * 64 * 8 * 64 * 64,
  });
  return list;
}

/** Milliseconds of one exchange: a tensor is packed, read back, and combined with what came. */
async function exchangeMs(engine: GpuEngine, count: number): Promise<number> {
  const x = engine.upload(words(count, 20)), rounds = 100;
  let y: Handle = x;
  for (let i = -10;; i++) {
    if (i === 0) break;
    y = engine.combine("add", x, count, await engine.pack(y, 20), 20);
  }
  const since = performance.now();
  for (let i = 0; i < rounds; i++) {
    const scope = engine.begin();
    engine.combine("add", x, count, await engine.pack(sum(engine, x, y, 20), 20), 20);
    scope.end([]);
  }
  return (performance.now() - since) / rounds;
}

/** A number with three digits and a unit prefix. */
function si(value: number, unit: string): string {
  const prefixes = ["", "k", "M", "G", "T"], power = Math.max(0, Math.min(4, Math.floor(Math.log10(value) / 3)));
  return `${(value / 1000 ** power).toPrecision(3)} ${prefixes[power]}${unit}`;
}

/** What was measured of a kernel. */
interface Rate {
  readonly name: string;
  readonly ms: number;
  readonly elementsPerSecond: number;
  readonly bytesPerSecond: number | null;
  readonly multiplyAddsPerSecond: number | null;
}

/** A rate, and how much it is of what the adapter reaches. */
function share(rate: number | null, unit: string, ceiling: number, name: string): string {
  return rate === null ? "" : `${si(rate, unit)} (${(100 * rate / ceiling).toPrecision(2)} %${name})`;
}

/** Measures kernels, and prints a row of each unless they go into JSON. */
async function benchKernels(options: {
  readonly adapter: string | undefined;
  readonly count: number;
  readonly only: string;
  readonly print: (line: string) => void;
}): Promise<unknown> {
  const { adapter, count, only, print } = options,
    engine = await createGpuEngine({ adapter, log: print }),
    { copyBytes, multiplyAdds } = await ceilings(adapter);
  print(`copy ${si(copyBytes, "B/s")} read and written, ${si(multiplyAdds, "multiply-adds/s")}`);
  print(`readback ${engine.readbackMs.toFixed(3)} ms${engine.isReadbackFast ? "" : ", awaited"}`);
  const exchanges: { elements: number; ms: number }[] = [], kernels: Rate[] = [];
  for (const elements of [64, 4096, 2 ** 18]) {
    const ms = await exchangeMs(engine, elements);
    exchanges.push({ elements, ms });
    print(`exchange of ${elements} × 20 bits: ${ms.toFixed(3)} ms`);
  }
  const probe = engine.upload(Uint32Array.of(0));
  for (const work of (await works(engine, count)).filter(({ name }) => name.includes(only))) {
    const ms = await timeOf(() => {
        const scope = engine.begin();
        work.run();
        scope.end([]);
      }, () => engine.download(probe)),
      perSecond = (amount: number | undefined): number | null => amount === undefined ? null : amount * 1000 / ms,
      rate: Rate = {
        name: work.name,
        ms,
        elementsPerSecond: work.elements * 1000 / ms,
        bytesPerSecond: perSecond(work.bytes),
        multiplyAddsPerSecond: perSecond(work.multiplyAdds),
      };
    kernels.push(rate);
    print(
      [
        rate.name.padEnd(30),
        `${ms.toFixed(3)} ms`.padStart(12),
        si(rate.elementsPerSecond, "elements/s").padStart(20),
        share(rate.bytesPerSecond, "B/s", copyBytes, " of copy"),
        share(rate.multiplyAddsPerSecond, "multiply-adds/s", multiplyAdds, ""),
      ].join("  "),
    );
  }
  const { adapterName, readbackMs } = engine;
  engine.close();
  return { adapter: adapterName, readbackMs, copyBytes, multiplyAdds, exchanges, kernels };
}

async function main(): Promise<void> {
  const text = { type: "string" } as const,
    flag = { type: "boolean", default: false } as const,
    { values } = parseArgs({
      options: {
        adapter: text,
        elements: text,
        only: text,
        layer: flag,
        arch: text,
        tokens: text,
        rounding: text,
        runs: text,
        json: flag,
      },
    }),
    print = values.json ? () => {} : console.log,
    { rounding = "nearest" } = values;
  if (rounding !== "nearest" && rounding !== "dither") {
    throw new RangeError(`Cannot measure a layer as --rounding must be nearest or dither: received ${rounding}`);
  }
  let result: unknown;
  if (values.layer) {
    const split = await layerSplit({
      arch: values.arch ?? "bert-tiny",
      tokens: Number(values.tokens ?? 128),
      rounding,
      runs: Number(values.runs ?? 10),
      engine: { adapter: values.adapter },
    });
    print(`webgpu: ${split.adapter}\n${splitTable(split)}`);
    result = split;
  } else {
    const count = Number(values.elements ?? 2 ** 16);
    result = await benchKernels({ adapter: values.adapter, count, only: values.only ?? "", print });
  }
  if (values.json) console.log(JSON.stringify(result));
}

if (import.meta.main) await main();
