import { assertEquals, assertThrows } from "@std/assert";
import { ReferenceEngine } from "../reference/engine.ts";
import { assertLaw, gate, type LawInput } from "../../tests/law.ts";
import { addConstants, embed, input, linear } from "./linear/gate.ts";
import { exp } from "./exp/gate.ts";
import { extend } from "./extend/gate.ts";
import type { ClearReader } from "./key.ts";
import { columnExtent, elementCount, type Extent, share, type Wire, wire } from "./tensor.ts";
import { maximumLevel } from "./maximum/gate.ts";
import { openShare } from "./open/gate.ts";
import { hidePadding } from "./padding/gate.ts";
import { addScoreBias } from "./score_bias/gate.ts";
import { hold, mix, multiply, scores } from "./products/gate.ts";
import { rowFunction } from "./row_function/gate.ts";
import { splice } from "./splice/gate.ts";
import { squares } from "./squares/gate.ts";
import { truncate } from "./truncate/gate.ts";

const engines = [new ReferenceEngine(), new ReferenceEngine()] as const;

/** Random signed integers with |x| < 2^bits, and the edges. */
function values(count: number, bits: number, edges: readonly number[] = []): Float64Array {
  const random = crypto.getRandomValues(new Uint32Array(2 * count));
  return Float64Array.from(
    { length: count },
    (_, i) =>
      edges[i] ??
        Math.floor((random[2 * i]! / 2 ** 32 * 2 - 1) * 2 ** (bits * (i % 3 === 0 ? 1 : random[2 * i + 1]! / 2 ** 32))),
  );
}

function tensor<K extends "wire" | "share">(
  kind: K,
  ringBits: number,
  scale: number,
  extent: Extent,
  data: Float64Array,
): LawInput<K> {
  return { kind, ringBits, scale, extent, data };
}

const ragged: Extent = { rows: 2, cols: [1, 5, 8, 3] }, raggedCount = 34;

for (const by of [1, 2, 4, 7, 8, 10, 12, 14, 16]) {
  for (const [n, to] of [[32, 32], [32, 20], [20, 10]] as const) {
    if (by > n - 2 || to < n - by && to < 10) continue;
    for (const rounding of ["nearest", "floor"] as const) {
      for (const kind of ["wire", "share"] as const) {
        const full = (by % 2) as 0 | 1;
        Deno.test(`truncate obeys the law (${kind} ${n} to ${to} bits by ${by}, ${rounding})`, async () => {
          const bits = Math.min(n - 2, to - 1 + by) - 1, top = 2 ** bits;
          const data = values(raggedCount, bits, [
            0,
            1,
            -1,
            2 ** (by - 1),
            -(2 ** (by - 1)),
            2 ** by - 1,
            -(2 ** by),
            top - 1,
            -top,
          ]);
          await assertLaw({
            engines,
            inputs: [tensor(kind, n, by, ragged, data)],
            run: (ctx, [z]) =>
              ctx.gate("t", truncate, { by, to, rounding, full, knownTo: by % 3 === 0 ? "party0" : "both" }, z),
          });
        });
      }
    }
  }
}

Deno.test("maximumLevel obeys the law, odd columns and all", async () => {
  for (const m of [8, 10, 12]) {
    const top = 2 ** (m - 2);
    await assertLaw({
      engines,
      inputs: [tensor("wire", m, 0, ragged, values(raggedCount, m - 2, [top - 1, 0, -top, top - 1, -top, 3, 3]))],
      run: gate(maximumLevel, {}),
    });
  }
});

Deno.test("exp obeys the law inside the window, at its edge and beyond", async () => {
  const edges = [0, 1, 255, 256, 16127, 16128, 16129, 16383, 16384, 16385, 16640, 2 ** 19 - 1];
  await assertLaw({
    engines,
    inputs: [tensor("wire", 20, 10, ragged, values(raggedCount, 15, edges).map(Math.abs))],
    run: gate(exp, { digits: [8, 6, 6], tableScale: 11, ringBits: 32 }),
  });
});

for (const name of ["silu", "gelu", "gelu_tanh", "tanh_plus_1"] as const) {
  Deno.test(`splice obeys the law (${name})`, async () => {
    const index = name === "silu" ? 9 : 8, window = 2 ** (5 + index - 1);
    const edges = [
      0,
      1,
      -1,
      31,
      32,
      -32,
      -33,
      window - 1,
      window,
      -window,
      -window - 1,
      window + 31,
      -window - 32,
      2 ** 18,
      -(2 ** 18),
    ];
    await assertLaw({
      engines,
      inputs: [tensor("wire", 32, 10, ragged, values(raggedCount, 15, edges))],
      run: gate(splice, {
        function: name,
        digits: [5, index, 15 - index],
        skip: 0,
        valueBits: 32,
        ringBits: 32,
        knownTo: "both",
      }),
    });
  });
}

Deno.test("squares obeys the law, with the product that uses its standing share", async () => {
  const top = 2 ** 30;
  for (const outBits of [36, 41, 48, 64]) {
    const data = values(raggedCount, outBits > 41 ? 20 : 14, outBits === 64 ? [top - 1, -top] : []);
    if (outBits === 64) data.fill(1, 2); // 2^60 and little else: the oracle's integers are exact below 2^53
    if (outBits === 64) data.set([2 ** 25, -(2 ** 25)]);
    await assertLaw({
      engines,
      inputs: [tensor("wire", 32, 12, ragged, data)],
      *run(ctx, x) {
        return (yield* ctx.gate("squares", squares, { outBits, operandBits: x[0].ringBits }, x[0])).sum;
      },
    });
  }
  await assertLaw({
    engines,
    inputs: [
      tensor("wire", 32, 12, ragged, values(raggedCount, 14)),
      tensor("wire", 32, 8, columnExtent(ragged), values(8, 14)),
    ],
    *run(ctx, x) {
      const { operand } = yield* ctx.gate("squares", squares, { outBits: 40, operandBits: 32 }, x[0]);
      const y = yield* ctx.gate("hold", hold, {}, x[1]);
      return yield* ctx.gate(
        "open",
        openShare,
        {},
        yield* ctx.gate("product", multiply, { broadcast: true }, operand, y),
      );
    },
  });
});

Deno.test("rowFunction obeys the law for both functions and ring sizes", async () => {
  const extent: Extent = { rows: 4, cols: [1, 1, 1] };
  const positive = (lo: number, hi: number): Float64Array =>
    Float64Array.from(
      { length: 12 },
      (_, i) => i === 0 ? 2 ** lo : i === 1 ? 2 ** hi - 1 : Math.floor(2 ** (lo + (hi - lo) * i / 12.5)),
    );
  const common = { mantissaBits: 7, octaves: 4, offset: 1e-5 };
  await assertLaw({
    engines,
    inputs: [tensor("wire", 41, 24, extent, positive(21, 40))],
    run: gate(rowFunction, { ...common, function: "rsqrt", ringBits: 32, scale: 12, lo: 21, hi: 40, divisor: 128 }),
  });
  await assertLaw({
    engines,
    inputs: [tensor("wire", 32, 22, extent, positive(20, 29))],
    run: gate(rowFunction, { ...common, function: "reciprocal", ringBits: 32, scale: 14, lo: 20, hi: 29, divisor: 1 }),
  });
});

Deno.test("linear and embed obey the law", async () => {
  const ref = { name: "w", inputs: 6, outputs: 5 }, weights = { w: { ref, data: Int32Array.from(values(30, 11)) } };
  const rows: Extent = { rows: 2, cols: [6, 6] };
  await assertLaw({
    engines,
    weights,
    inputs: [tensor("wire", 32, 10, rows, values(24, 17))],
    *run(ctx, x) {
      return yield* ctx.gate(
        "open",
        openShare,
        {},
        yield* ctx.gate("linear", linear, { weights: ref, weightScale: 10 }, x[0]),
      );
    },
  });
  await assertLaw({
    engines,
    weights,
    clientInput: Float64Array.from({ length: 24 }, (_, i) => i % 6 === 2 ? 1 : 0),
    inputs: [],
    *run(ctx) {
      return yield* ctx.gate(
        "open",
        openShare,
        {},
        yield* ctx.gate("embed", embed, { extent: rows, ringBits: 32, scale: 0, weights: ref, weightScale: 12 }),
      );
    },
  });
  await assertLaw({
    engines,
    clientInput: values(24, 20),
    inputs: [],
    run: (ctx) => ctx.gate("input", input, { extent: rows, ringBits: 32, scale: 12 }),
  });
});

Deno.test("hidePadding obeys the law, and lowers the columns beyond the real tokens alone", async () => {
  const extent: Extent = { rows: 3, cols: [5, 5] }, data = values(30, 24), padding = { below: 512, clip: 16 };
  for (const realTokens of [1, 4, 5]) {
    await assertLaw({
      engines,
      realTokens,
      inputs: [tensor("share", 32, 20, extent, data)],
      *run(ctx, [z]) {
        return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("padding", hidePadding, padding, z));
      },
    });
    const z = share("clear", { ringBits: 32, scale: 20, extent }, data), reader = { realTokens } as ClearReader;
    const moved = hidePadding.clear(padding, [z], reader).data.map((value, e) => data[e]! - value);
    assertEquals([...moved], [...moved.keys()].map((e) => e % 5 < realTokens ? 0 : 512 * 2 ** 20));
  }
  const loud = share(
    "clear",
    { ringBits: 32, scale: 20, extent: { rows: 1, cols: [2] } },
    Float64Array.of(0, 495 * 2 ** 20),
  );
  assertThrows(() => hidePadding.clear(padding, [loud], { realTokens: 1 } as ClearReader), RangeError, "at most 494");
  const scores = share("plan", { ringBits: 32, scale: 20, extent }, null);
  assertThrows(() => hidePadding.plan({ below: 2048, clip: 16 }, [scores]), RangeError, "by 19 to 1024: received 2048");
  assertThrows(() => hidePadding.plan({ below: 18, clip: 16 }, [scores]), RangeError, "by 19 to 1024: received 18");
});

Deno.test("hidePadding lowers the columns that are too far away, of real tokens and of padding", async () => {
  const extent: Extent = { rows: 8, cols: [4] }, data = values(32, 24);
  const padding = { below: 512, clip: 16, near: { heads: 2, window: 2 } };
  for (const realTokens of [2, 4]) {
    await assertLaw({
      engines,
      realTokens,
      inputs: [tensor("share", 32, 20, extent, data)],
      *run(ctx, [z]) {
        return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("padding", hidePadding, padding, z));
      },
    });
    const z = share("clear", { ringBits: 32, scale: 20, extent }, data), reader = { realTokens } as ClearReader;
    const moved = hidePadding.clear(padding, [z], reader).data.map((value, e) => data[e]! - value);
    const seen = (e: number): boolean => e % 4 < realTokens && Math.abs(Math.floor(e / 8) - e % 4) < 2;
    assertEquals([...moved], [...moved.keys()].map((e) => seen(e) ? 0 : 512 * 2 ** 20));
  }
});

Deno.test("addScoreBias obeys the law, and adds a head's entry for the distance of key and query", async () => {
  const table = Int32Array.from({ length: 2 * 9 }, (_, i) => (i - 9) * 12345), reach = 5;
  const params = { table: { name: "bias", from: 0, count: 18 }, heads: 2, reach };
  const cases = [
    // One block of three tokens that see one another; then two tokens that see those up to themselves, as far as a window reaches.
    { extent: { rows: 6, cols: [3] }, from: 0, tokens: 3, starts: [0] },
    { extent: { rows: 2, cols: [3, 2] }, from: 2, tokens: 1, starts: [0, 2] },
  ];
  for (const { extent, ...places } of cases) {
    const count = elementCount(extent), data = values(count, 24);
    await assertLaw({
      engines,
      constants: { bias: table },
      inputs: [tensor("share", 32, 20, extent, data)],
      *run(ctx, [z]) {
        const biased = yield* ctx.gate("gate", addScoreBias, { ...params, ...places }, z);
        return yield* ctx.gate("open", openShare, {}, biased);
      },
    });
  }
  const z = share("clear", { ringBits: 32, scale: 20, extent: cases[1]!.extent }, new Float64Array(10));
  const added = addScoreBias.clear(
    { ...params, ...cases[1]! },
    [z],
    { constants: () => table } as unknown as ClearReader,
  );
  const entry = (head: number, distance: number): number => table[head * 9 + distance + reach - 1]!;
  const expected = [[0, -2], [0, -1], [0, 0], [1, -2], [1, -1], [1, 0], [0, -1], [0, 0], [1, -1], [1, 0]];
  assertEquals([...added.data], expected.map(([head, distance]) => entry(head!, distance!)));
  const scores = share("plan", { ringBits: 32, scale: 20, extent: cases[0]!.extent }, null),
    wrong = { ...params, ...cases[0]!, heads: 3 };
  assertThrows(() => addScoreBias.plan(wrong, [scores]), RangeError, "must have 27 entries: received 18");
});

Deno.test("scores and mix obey the law over a cache, grouped heads and all", async () => {
  const heads = 4,
    kvHeads = 2,
    width = 6,
    cols = [1, 2, 2],
    step = { tokens: 1, heads, kvHeads, width, cols, starts: [0, 0, 1] };
  const qs: Extent = { rows: 1, cols: [24, 24, 24] }, ks: Extent = { rows: 1, cols: [12, 12, 12] };
  await assertLaw({
    engines,
    inputs: [
      tensor("wire", 32, 10, qs, values(72, 12)),
      tensor("wire", 32, 10, ks, values(36, 12)),
      tensor("wire", 32, 10, ks, values(36, 12)),
    ],
    *run(ctx, x, cache) {
      const keys = cache(12), vals = cache(12);
      const q = yield* ctx.gate("q", hold, {}, x[0]);
      ctx.store(keys, yield* ctx.gate("k", hold, {}, x[1]));
      ctx.store(vals, yield* ctx.gate("v", hold, {}, x[2]));
      const s = yield* ctx.gate("scores", scores, step, q, keys);
      const p = yield* ctx.gate("t", truncate, { by: 12, to: 32, rounding: "nearest", full: 1, knownTo: "both" }, s);
      const held = yield* ctx.gate("p", hold, {}, p);
      return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("mix", mix, step, held, vals));
    },
  });
});

Deno.test("exp, splice and rowFunction obey the law in narrower rings", async () => {
  await assertLaw({
    engines,
    inputs: [tensor("wire", 16, 8, ragged, values(raggedCount, 13, [0, 255, 4095, 4096]).map(Math.abs))],
    run: gate(exp, { digits: [6, 6, 4], tableScale: 9, ringBits: 21 }),
  });
  await assertLaw({
    engines,
    inputs: [tensor("wire", 18, 8, ragged, values(raggedCount, 14, [0, -1, 2047, 2048, -2048, -2049]))],
    run: gate(splice, {
      function: "silu",
      digits: [4, 8, 5],
      skip: 0,
      valueBits: 21,
      ringBits: 21,
      knownTo: "both",
    }),
  });
  await assertLaw({
    engines,
    inputs: [
      tensor(
        "wire",
        30,
        20,
        { rows: 3, cols: [1, 1] },
        Float64Array.of(2 ** 18, 2 ** 26 - 1, 2 ** 22, 2 ** 24 + 1, 300000, 2 ** 25),
      ),
    ],
    run: gate(rowFunction, {
      function: "reciprocal",
      scale: 12,
      ringBits: 19,
      lo: 18,
      hi: 26,
      mantissaBits: 7,
      octaves: 4,
      divisor: 1,
      offset: 0,
    }),
  });
});

Deno.test("squares and multiply obey the law in narrower rings", async () => {
  for (const [n, outBits] of [[20, 30], [20, 32], [24, 40], [31, 34]] as const) {
    const top = Math.min(n - 2, Math.floor((outBits - 5) / 2));
    await assertLaw({
      engines,
      inputs: [
        tensor("wire", n, 6, ragged, values(raggedCount, top)),
        tensor("wire", n, 6, columnExtent(ragged), values(8, n - top - 3)),
      ],
      *run(ctx, x) {
        const { operand, sum } = yield* ctx.gate(
          "squares",
          squares,
          { outBits, operandBits: x[0].ringBits },
          x[0],
        );
        if (outBits === 40) return sum;
        const y = yield* ctx.gate("hold", hold, {}, x[1]);
        const product = yield* ctx.gate("product", multiply, { broadcast: true }, operand, y);
        return yield* ctx.gate("open", openShare, {}, product);
      },
    });
  }
});

Deno.test("scores and mix obey the law in a narrower ring", async () => {
  const cols = [1, 2], step = { tokens: 1, heads: 2, kvHeads: 1, width: 3, cols, starts: [0, 0] }, n = 25;
  await assertLaw({
    engines,
    inputs: [
      tensor("wire", n, 5, { rows: 1, cols: [6, 6] }, values(12, 7)),
      tensor("wire", n, 5, { rows: 1, cols: [3, 3] }, values(6, 7)),
    ],
    *run(ctx, x, cache) {
      const keys = cache(3, n), q = yield* ctx.gate("q", hold, {}, x[0]);
      ctx.store(keys, yield* ctx.gate("k", hold, {}, x[1]));
      const s = yield* ctx.gate("scores", scores, step, q, keys), p = { by: 8, to: n, rounding: "nearest" } as const;
      const weights = yield* ctx.gate("t", truncate, { ...p, full: 1, knownTo: "both" }, s);
      const held = yield* ctx.gate("p", hold, {}, weights);
      return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("mix", mix, step, held, keys));
    },
  });
});

Deno.test("gates refuse rings, shifts and wires that they cannot serve", () => {
  const one: Extent = { rows: 1, cols: [1] },
    x = wire("plan", { ringBits: 32, scale: 10, extent: one }, null),
    hidden: Wire<"plan"> = { ...x, knownTo: "party0" };
  const nearest = { rounding: "nearest", full: 0, knownTo: "both" } as const, held = hold.plan({}, [x]).out;
  const row = {
    function: "reciprocal",
    scale: 14,
    ringBits: 32,
    mantissaBits: 7,
    octaves: 4,
    divisor: 1,
    offset: 0,
  } as const;
  for (
    const plan of [
      () => truncate.plan({ ...nearest, by: 31, to: 32 }, [x]),
      () => truncate.plan({ ...nearest, by: 0, to: 32 }, [x]),
      () => truncate.plan({ ...nearest, by: 4, to: 65 }, [x]),
      () => truncate.plan({ ...nearest, by: 4, to: 32 }, [hidden]),
      () => hold.plan({}, [hidden]),
      () => maximumLevel.plan({}, [hidden]),
      () => squares.plan({ outBits: 32, operandBits: 32 }, [x]),
      () => squares.plan({ outBits: 40, operandBits: 32 }, [hidden]),
      () => multiply.plan({ broadcast: false }, [held, hold.plan({}, [{ ...x, ringBits: 20 }]).out]),
      () => exp.plan({ digits: [8, 6, 6], tableScale: 11, ringBits: 32 }, [x]),
      () =>
        splice.plan({ function: "silu", digits: [5, 9, 6], skip: 0, valueBits: 32, ringBits: 32, knownTo: "both" }, [{
          ...x,
          ringBits: 19,
        }]),
      // The last group would index up to bit 33.
      () => rowFunction.plan({ ...row, lo: 21, hi: 31 }, [x]),
      () => input.plan({ extent: one, ringBits: 65, scale: 0 }, []),
      () => linear.plan({ weights: { name: "w", inputs: 1, outputs: 1 }, weightScale: 0 }, [{ ...x, ringBits: 65 }]),
      () => extend.plan({ to: 32, knownTo: "both" }, [x]),
      () => extend.plan({ to: 65, knownTo: "both" }, [x]),
      () => extend.plan({ to: 40, knownTo: "both" }, [hidden]),
    ]
  ) {
    assertThrows(plan, RangeError, "Cannot ");
  }
  linear.plan({ weights: { name: "w", inputs: 1, outputs: 1 }, weightScale: 0 }, [hidden]);
  rowFunction.plan({ ...row, lo: 20, hi: 31 }, [x]);
});

/** Masks at which values wrap: 0, all ones, the top bits, and one off. */
function extremeMasks(n: number, count: number): Uint32Array[] {
  const half = 2 ** (n - 1), quarter = half / 2;
  return [0, 1, quarter - 1, quarter, half - 1, half, half + quarter, 2 * half - 1].map((mask) =>
    new Uint32Array(count).fill(mask)
  );
}

Deno.test("gates obey the law at the edges of their domains, under extreme masks", async () => {
  // A range violation of d wraps with probability 2d/2^n: random masks would not find it.
  const line = (data: readonly number[]): [Extent, Float64Array] => [
    { rows: 1, cols: [data.length] },
    Float64Array.from(data),
  ];
  for (const [n, by, to] of [[32, 12, 32], [32, 30, 32], [32, 1, 32], [20, 10, 10], [20, 4, 32], [4, 2, 3]] as const) {
    for (const rounding of ["nearest", "floor"] as const) {
      const addend = rounding === "nearest" ? 2 ** (by - 1) : 0,
        limit = Math.min(2 ** (to > n - by ? n - 2 : n - 1), 2 ** (to - 1 + by));
      const [extent, data] = line([limit - 1 - addend, -limit - addend, 0, -1, -addend, 2 ** by - 1 - addend]);
      for (const mask of extremeMasks(n, data.length)) {
        await assertLaw({
          engines,
          masks: [mask],
          inputs: [tensor("wire", n, by, extent, data)],
          run: (ctx, [z]) => ctx.gate("t", truncate, { by, to, rounding, full: 0, knownTo: "both" }, z),
        });
      }
    }
  }
  for (const m of [4, 10, 20]) {
    const half = 2 ** (m - 1),
      [extent, data] = line([-half, -1, half - 1, 0, half / 2 - 1, -half / 2, -half / 2, half / 2]);
    for (const mask of extremeMasks(m, data.length)) {
      for (let pair = 0; pair < data.length; pair += 2) {
        await assertLaw({
          engines,
          masks: [mask.subarray(0, 2)],
          inputs: [tensor("wire", m, 0, { ...extent, cols: [2] }, data.slice(pair, pair + 2))],
          run: gate(maximumLevel, {}),
        });
      }
    }
  }
  const beyond = 2 ** 19 - 2 ** 13;
  const [around, xs] = line([0, -1, 31, -32, 8191, 8192, -8192, -8193, 8223, -8224, beyond - 1, -beyond]);
  for (const mask of [...extremeMasks(32, xs.length), ...extremeMasks(20, xs.length), ...extremeMasks(14, xs.length)]) {
    await assertLaw({
      engines,
      masks: [mask],
      inputs: [tensor("wire", 32, 10, around, xs)],
      run: gate(splice, {
        function: "silu",
        digits: [5, 9, 6],
        skip: 0,
        valueBits: 32,
        ringBits: 32,
        knownTo: "both",
      }),
    });
  }
  const [rows, vs] = line([2 ** 20, 2 ** 24 - 1, 2 ** 24, 2 ** 28 - 1, 2 ** 28, 2 ** 31 - 1]);
  for (const mask of extremeMasks(32, vs.length)) {
    await assertLaw({
      engines,
      masks: [mask],
      inputs: [tensor("wire", 32, 22, { rows: rows.cols[0]!, cols: [1] }, vs)],
      run: gate(rowFunction, {
        function: "reciprocal",
        scale: 14,
        ringBits: 32,
        lo: 20,
        hi: 31,
        mantissaBits: 8,
        octaves: 4,
        divisor: 1,
        offset: 0,
      }),
    });
  }
});

Deno.test("addConstants obeys the law: party 0's vector repeats over the rows", async () => {
  const rows: Extent = { rows: 2, cols: [6, 6] };
  await assertLaw({
    engines,
    constants: { bias: Int32Array.from(values(9, 20)) },
    inputs: [tensor("share", 32, 10, rows, values(24, 17))],
    *run(ctx, x) {
      const params = { constants: { name: "bias", from: 3, count: 6 } };
      return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("bias", addConstants, params, x[0]));
    },
  });
});
