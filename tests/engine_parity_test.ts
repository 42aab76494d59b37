/**
 * What every engine does by itself: memory, openings, products with matrices and caches. The kernels of gates are tested beside their gates.
 */

import { assertEquals } from "@std/assert";
import type { CacheHandle, SeedStream } from "../core/engine.ts";
import { signExtend } from "../core/ring/words.ts";
import { createGpuEngine } from "../gpu/mod.ts";
import { ADAPTER, isGpuMissing, parity, type Result, sum } from "./parity.ts";

Deno.test(`webgpu runs on ${ADAPTER ?? "no adapter"}`, { ignore: isGpuMissing }, async () => {
  const engine = await createGpuEngine();
  assertEquals(engine.adapterName, ADAPTER);
  engine.close();
});

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
  return [kit.engine.unpack({
    memory,
    bits: 8,
    counts: [bytes + 9],
    at: [0],
    parity: 0,
    fields: { byte: { at: 0, bits: 8 } },
  }, "byte")];
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

parity("unpack()", 40, (kit) => {
  const bits = kit.int(1, 64),
    offset = kit.int(0, 70),
    fields = [offset, bits, kit.int(0, 40)].map((bits, i) => ({ name: `field${i}`, bits })),
    record = kit.record(fields, [kit.int(1, 30), 0, kit.int(1, 30)]);
  return [kit.engine.unpack(record, "field1"), kit.engine.unpack(record, "field1", kit.int(1, bits))];
});

parity("linear() and multiplyWeights()", 16, (kit, round) => {
  const { engine } = kit,
    inputs = round === 0 ? 1500 : kit.int(1, 70),
    outputs = kit.int(1, 70),
    rows = [kit.int(1, 6), kit.int(1, 3)];
  const weights = engine.weights(kit.words(inputs * outputs), inputs, outputs), x = kit.tensor(sum(rows) * inputs);
  const n = kit.int(1, 32),
    mask = kit.record([{ name: "only", bits: n }], rows.map((count) => count * inputs)),
    pad = kit.record([{ name: "only", bits: n }], rows.map((count) => count * outputs));
  return [
    engine.linear(x, mask, weights, pad),
    engine.linear(null, mask, weights, pad),
    engine.linear(x, null, weights, pad),
    engine.multiplyWeights(x, weights),
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
    n = kit.int(1, 32);
  const results = [
    engine.scores(
      kit.tensor(queries),
      kit.tensor(queries),
      cache,
      step,
      kit.record([{ name: "only", bits: n }], cols.map((count) => count * rows)),
    ),
    engine.mix(
      kit.tensor(scored),
      kit.tensor(scored),
      cache,
      step,
      kit.record([{ name: "only", bits: n }], cols.map(() => rows * width)),
    ),
  ];
  return results;
});

parity("pack() and combine() of fewer bits than an element has", 30, async (kit) => {
  const bits = kit.int(1, 32), count = kit.int(1, 150), { engine } = kit, x = kit.wide(count, 48);
  const packed = await engine.pack(x, bits);
  return [
    packed,
    engine.combine("add", x, count, packed, bits),
    engine.combine("add", x, count, new Uint8Array(0), 0),
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
    mask = kit.record([{ name: "only", bits: n }], rows.map((count) => count * inputs)),
    pad = kit.record([{ name: "only", bits: n }], rows.map((count) => count * outputs));
  return [
    engine.linear(x, mask, weights, pad),
    engine.linear(null, mask, weights, pad),
    engine.linear(x, null, weights, pad),
    engine.multiplyWeights(x, weights),
  ];
});
