import { assertEquals, assertThrows } from "@std/assert";
import { permutedSymbols } from "../core/fss/permuted.ts";
import { open } from "../core/protocols/opening.ts";
import type { Primitive } from "../core/protocols/primitive.ts";
import { blockCounts, elementCount, type Extent, maskWords } from "../core/protocols/tensor.ts";
import { sum } from "../core/protocols/local/kernels.ts";
import { assertTriangular, assertUniform } from "./uniformity.ts";
import { SETTINGS, type UniformityCase } from "./uniformity_workbench.ts";

const one: Extent = { rows: 1, cols: [1] };

/** One value of a 3-bit ring through a gate. */
function through(gate: Primitive<Record<never, never>, ["wire"], "wire">, value: number): UniformityCase {
  return {
    inputs: [{ kind: "wire", ringBits: 3, scale: 0, extent: one, data: Float64Array.of(value) }],
    run: (ctx, [x]) => ctx.gate("gate", gate, {}, x!),
  };
}

/** Two candidates of a comparison under one mask bit. */
const sharedMaskBit: Primitive<Record<never, never>, ["wire"], "wire"> = {
  name: "shared_mask_bit",
  clear: (_p, [x]) => x,
  plan: (_p, [x]) => ({
    out: x,
    key: [
      { name: "given", kind: "given", counts: blockCounts(x.extent), fields: [{ name: "compare", bits: 4 }] },
      { name: "free", kind: "free", counts: blockCounts(x.extent), fields: [{ name: "symbols", bits: 2 }] },
    ],
    opens: [[{ kind: "xor", count: elementCount(x.extent), bits: [3, 3] }]],
  }),
  deal(_p, [x], key) {
    const given = key.record("given"), free = key.record("free");
    maskWords(x).forEach((r, e) => {
      given.seek(e);
      free.seek(e);
      given.oneHot(0, 1, r & 1);
      given.oneHot(1, 1, (r >>> 1) & 1);
      if ((free.xor(0, 2) & 1) === 1) given.flip(2 + ((r >>> 1) & 1));
    });
    return x;
  },
  *run(_p, [x], key) {
    const { engine } = key,
      given = key.record("given"),
      words = (handle: typeof x.data) => engine.download(handle) as Uint32Array;
    const bits = words(engine.unpack(given, "compare")), pads = words(engine.unpack(key.record("free"), "symbols"));
    const symbols = words(x.data).map((u, e) =>
      permutedSymbols(Uint8Array.of(bits[e]!), 0, [1, 1], given.parity, u & 3) ^ pads[e]! ^ ((pads[e]! & 2) << 1)
    );
    yield* open([{ kind: "xor", count: symbols.length, bits: [3, 3] }], engine.upload(symbols));
    return x;
  },
};

/** A gate that opens r + a pad `times` times under one pad, or under a pad that a dealt value takes away again. */
function openMask(times: number, cancelled: boolean): Primitive<Record<never, never>, ["wire"], "wire"> {
  return {
    name: "open_mask",
    clear: (_p, [x]) => x,
    plan: (_p, [x]) => ({
      out: x,
      key: [
        { name: "given", kind: "given", counts: blockCounts(x.extent), fields: [{ name: "r", bits: x.ringBits }] },
        { name: "free", kind: "free", counts: blockCounts(x.extent), fields: [{ name: "e", bits: x.ringBits }] },
      ],
      opens: Array.from(
        { length: times },
        () => [{ kind: "add" as const, count: elementCount(x.extent), bits: [x.ringBits, x.ringBits] as const }],
      ),
    }),
    deal(_p, [x], key) {
      const given = key.record("given"), free = key.record("free");
      maskWords(x).forEach((r, e) => {
        given.seek(e);
        free.seek(e);
        given.word(0, x.ringBits, r - (cancelled ? free.sum(0, x.ringBits) : 0));
      });
      return x;
    },
    *run(_p, [x], key) {
      const { engine } = key,
        n = x.ringBits,
        size = [{ kind: "add" as const, count: x.data.count, bits: [n, n] as const }];
      const padded = sum(engine, engine.unpack(key.record("given"), "r"), engine.unpack(key.record("free"), "e"), n);
      for (let i = 0; i < times; i++) yield* open(size, i === 0 ? padded : sum(engine, padded, padded, n));
      return x;
    },
  };
}

for (
  const [name, broken] of [
    ["two candidates under one mask bit", sharedMaskBit],
    ["one pad for two openings", openMask(2, false)],
    ["a pad that a dealt value takes away", openMask(1, true)],
  ] as const
) {
  Deno.test(`assertTriangular() and assertUniform() refuse a broken gate (${name})`, () => {
    const tests = [through(broken, 1), through(broken, 2)];
    for (const setting of SETTINGS) {
      assertThrows(() => assertTriangular(tests[0]!, setting), Error, "without a pad of its own");
      assertThrows(() => assertUniform(tests, setting), Error, name.startsWith("a pad") ? "is not uniform" : "under");
    }
  });
}

Deno.test("assertTriangular() and assertUniform() accept a gate with one pad for one opening", () => {
  const sound = openMask(1, false), tests = [through(sound, 1), through(sound, 2)];
  for (const setting of SETTINGS) {
    assertEquals(assertTriangular(tests[0]!, setting), 1);
    assertEquals(assertUniform(tests, setting), 32);
  }
});
