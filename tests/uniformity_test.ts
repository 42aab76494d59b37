import { assert, assertEquals } from "@std/assert";
import { Seed } from "../core/prg/seed.ts";
import { exp } from "../core/protocols/exp.ts";
import { mlp } from "../core/protocols/mlp.ts";
import {
  type Cache,
  type Context,
  elementCount,
  type Extent,
  type Gate,
  type Primitive,
  type Share,
  type View,
  type Wire,
  wire,
} from "../core/protocols/gate.ts";
import { addShares, embed, input, linear, shareColumns } from "../core/protocols/linear.ts";
import { maximumLevel } from "../core/protocols/maximum.ts";
import { rmsNorm } from "../core/protocols/norm.ts";
import { openShare, reveal } from "../core/protocols/open.ts";
import { hold, mix, multiply, scores } from "../core/protocols/products.ts";
import { rowFunction } from "../core/protocols/row_function.ts";
import { softmax } from "../core/protocols/softmax.ts";
import { splice } from "../core/protocols/splice.ts";
import { squares } from "../core/protocols/squares.ts";
import { truncate, type TruncateParams } from "../core/protocols/truncate.ts";
import { DealContext, LaneDealer } from "../pipeline/deal.ts";
import { finish } from "../pipeline/plan.ts";
import { type Composition, type LawInput, randomWords } from "./law.ts";
import { assertDisjoint, assertTriangular, assertUniform, type TriangularOptions } from "./uniformity.ts";
import { Bench, SETTINGS, type UniformityCase } from "./uniformity_workbench.ts";

type Inputs<V extends View> = (Wire<V> | Share<V>)[];
type MakeCache<V extends View> = (width: number, ringBits?: number) => Cache<V>;

const one: Extent = { rows: 1, cols: [1] }, two: Extent = { rows: 1, cols: [2] };

/** A wire of given integers. */
function tensor(ringBits: number, scale: number, extent: Extent, data: readonly number[]): LawInput {
  return { kind: "wire", ringBits, scale, extent, data: Float64Array.from(data) };
}

/** A wire of random signed integers with |x| < 2^bits. */
function random(ringBits: number, scale: number, extent: Extent, bits: number): LawInput {
  const words = randomWords(elementCount(extent), bits + 1);
  return tensor(ringBits, scale, extent, Array.from(words, (word) => word - 2 ** bits));
}

/** The composition of one gate on one wire. */
function gate<P>(primitive: Primitive<P, ["wire"], "wire">, params: P): Composition {
  return (ctx, [x]) => ctx.gate("gate", primitive, params, x as Wire<never>);
}

function truncateWire(params: TruncateParams): Composition {
  return (ctx, [x]) => ctx.gate("gate", truncate, params, x!);
}

/** x·y, truncated from the share. */
function truncateProduct(params: TruncateParams): Composition {
  return function* <V extends View>(ctx: Context<V>, [x, y]: Inputs<V>): Gate<Wire<V>> {
    const left = yield* ctx.gate("x", hold, {}, x as Wire<V>), right = yield* ctx.gate("y", hold, {}, y as Wire<V>);
    return yield* ctx.gate(
      "gate",
      truncate,
      params,
      yield* ctx.gate("product", multiply, { broadcast: false }, left, right),
    );
  };
}

const product: Composition = function* <V extends View>(ctx: Context<V>, [x, y]: Inputs<V>): Gate<Wire<V>> {
  const left = yield* ctx.gate("x", hold, {}, x as Wire<V>), right = yield* ctx.gate("y", hold, {}, y as Wire<V>);
  return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("gate", multiply, { broadcast: true }, left, right));
};

function sumOfSquares(outBits: number): Composition {
  return function* <V extends View>(ctx: Context<V>, [x, y]: Inputs<V>): Gate<Wire<V>> {
    const { operand, sum } = yield* ctx.gate("gate", squares, { outBits, operandBits: x!.ringBits }, x as Wire<V>);
    if (y === undefined) return sum;
    // The standing share that comes with the sum serves a product as well.
    const right = yield* ctx.gate("y", hold, {}, y as Wire<V>);
    return yield* ctx.gate(
      "open",
      openShare,
      {},
      yield* ctx.gate("product", multiply, { broadcast: false }, operand, right),
    );
  };
}

function attend(width: number, cols: readonly number[], ringBits: number): Composition {
  const step = { tokens: 1, heads: 2, kvHeads: 1, width, cols, starts: cols.map(() => 0) };
  return function* <V extends View>(ctx: Context<V>, [q, k, v, p]: Inputs<V>, cache: MakeCache<V>): Gate<Wire<V>> {
    const keys = cache(width, ringBits), values = cache(width, ringBits);
    ctx.store(keys, yield* ctx.gate("k", hold, {}, k as Wire<V>));
    ctx.store(values, yield* ctx.gate("v", hold, {}, v as Wire<V>));
    const query = yield* ctx.gate("q", hold, {}, q as Wire<V>);
    yield* ctx.gate("open_scores", openShare, {}, yield* ctx.gate("scores", scores, step, query, keys));
    const weights = yield* ctx.gate("p", hold, {}, p as Wire<V>);
    return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("mix", mix, step, weights, values));
  };
}

const ref = { name: "w", inputs: 2, outputs: 1 };

const linearOpened: Composition = function* <V extends View>(ctx: Context<V>, [x]: Inputs<V>): Gate<Wire<V>> {
  const z = yield* ctx.gate("gate", linear, { weights: ref, weightScale: 0 }, x as Wire<V>);
  return yield* ctx.gate("open", openShare, {}, z);
};

const linearRevealed: Composition = function* <V extends View>(ctx: Context<V>, [x]: Inputs<V>): Gate<Wire<V>> {
  const z = yield* ctx.gate("gate", linear, { weights: ref, weightScale: 0 }, x as Wire<V>);
  return yield* ctx.gate("reveal", reveal, {}, z);
};

const wide = { name: "w", inputs: 2, outputs: 3 };

/** Post-norm models open some columns of a product, and add others to a share before they open it. */
const cutAndAdded: Composition = function* <V extends View>(ctx: Context<V>, [x]: Inputs<V>): Gate<Wire<V>> {
  const params = { weights: wide, weightScale: 0 }, cut = (from: number, to: number) => ({ from, to, moreScale: 0 });
  const z = yield* ctx.gate("gate", linear, params, x as Wire<V>),
    other = yield* ctx.gate("other", linear, params, x as Wire<V>);
  yield* ctx.gate("open_left", openShare, {}, yield* ctx.gate("left", shareColumns, cut(0, 2), z));
  const sum = yield* ctx.gate(
    "sum",
    addShares,
    {},
    yield* ctx.gate("right", shareColumns, cut(2, 3), z),
    yield* ctx.gate("first", shareColumns, cut(0, 1), other),
  );
  return yield* ctx.gate("open", openShare, {}, sum);
};

function wideWeights(...data: number[]): NonNullable<UniformityCase["weights"]> {
  return { w: { ref: wide, data: Int32Array.from(data) } };
}

function embedOpened(ringBits: number): Composition {
  return function* <V extends View>(ctx: Context<V>): Gate<Wire<V>> {
    const z = yield* ctx.gate("gate", embed, { extent: two, ringBits, scale: 0, weights: ref, weightScale: 0 });
    return yield* ctx.gate("open", openShare, {}, z);
  };
}

/** Weights of {@linkcode ref}. */
function weights(...data: number[]): NonNullable<UniformityCase["weights"]> {
  return { w: { ref, data: Int32Array.from(data) } };
}

/** Small cases of every gate: each list differs in secrets only. */
const SMALL: Readonly<Record<string, readonly UniformityCase[]>> = {
  "truncate, from a wire": [-13, 6].map((x) => ({
    inputs: [tensor(6, 0, one, [x])],
    run: truncateWire({ by: 4, to: 3, rounding: "nearest", full: 0, knownTo: "both" }),
  })),
  "truncate, from a wire to party 0": [-13, 6].map((x) => ({
    inputs: [tensor(6, 0, one, [x])],
    run: truncateWire({ by: 4, to: 3, rounding: "floor", full: 0, knownTo: "party0" }),
  })),
  "truncate, from a share, all bits to party 0": [[-3, 4], [2, 1]].map(([x, y]) => ({
    inputs: [tensor(6, 0, one, [x!]), tensor(6, 0, one, [y!])],
    run: truncateProduct({ by: 4, to: 3, rounding: "nearest", full: 0, knownTo: "both" }),
  })),
  "truncate, from a share, all bits to party 1": [[-3, 4], [2, 1]].map(([x, y]) => ({
    inputs: [tensor(6, 0, one, [x!]), tensor(6, 0, one, [y!])],
    run: truncateProduct({ by: 4, to: 3, rounding: "nearest", full: 1, knownTo: "party0" }),
  })),
  "maximumLevel": [[-20, 31], [3, 3]].map((x) => ({ inputs: [tensor(7, 0, two, x)], run: gate(maximumLevel, {}) })),
  "exp": [[1], [5]].map((t) => ({
    inputs: [tensor(3, 0, one, t)],
    run: gate(exp, { digits: [1, 1, 1], tableScale: 1, ringBits: 2 }),
  })),
  "squares": [[3, -2], [0, 1]].map((x) => ({ inputs: [tensor(4, 0, two, x)], run: sumOfSquares(6) })),
  "squares, with a product": [[3, -2], [0, 1]].map((x) => ({
    inputs: [tensor(4, 0, one, [x[0]!]), tensor(4, 0, one, [x[1]!])],
    run: sumOfSquares(6),
  })),
  "rowFunction, one group": [[9], [21]].map((v) => ({
    inputs: [tensor(7, 0, one, v)],
    run: gate(rowFunction, {
      function: "reciprocal",
      ringBits: 2,
      scale: 6,
      lo: 3,
      hi: 5,
      mantissaBits: 1,
      octaves: 2,
      divisor: 1,
      offset: 0,
    }),
  })),
  "rowFunction, two groups": [[70], [130]].map((v) => ({
    inputs: [tensor(9, 0, one, v)],
    run: gate(rowFunction, {
      function: "rsqrt",
      ringBits: 1,
      scale: 3,
      lo: 6,
      hi: 8,
      mantissaBits: 1,
      octaves: 1,
      divisor: 1,
      offset: 0,
    }),
  })),
  "linear": [[3, -2, 1, 5], [0, 0, -4, 2]].map(([x0, x1, w0, w1]) => ({
    inputs: [tensor(5, 0, two, [x0!, x1!])],
    run: linearOpened,
    weights: weights(w0!, w1!),
  })),
  "linear, cut and added": [[1, -1, 1, 0, -1, 1, 1, 0], [0, 1, 0, 1, 1, -1, 0, 1]].map(([x0, x1, ...w]) => ({
    inputs: [tensor(2, 0, two, [x0!, x1!])],
    run: cutAndAdded,
    weights: wideWeights(...w),
  })),
  "embed": [[1, 0], [0, 1]].map((x) => ({
    inputs: [],
    run: embedOpened(4),
    weights: weights(-3, 2),
    clientInput: Float64Array.from(x),
  })),
  "input": [[1, -2], [0, 3]].map((x) => ({
    inputs: [],
    run: (ctx) => ctx.gate("gate", input, { extent: two, ringBits: 5, scale: 0 }),
    clientInput: Float64Array.from(x),
  })),
  "multiply": [[1, -2, 3], [0, 0, 5]].map(([a, b, c]) => ({
    inputs: [tensor(5, 0, two, [a!, b!]), tensor(5, 0, one, [c!])],
    run: product,
  })),
  "scores and mix": [0, 1].map((seed) => {
    const lane: Extent = { rows: 1, cols: [2] }, pair = [seed, 1 - 2 * seed];
    return {
      inputs: [
        tensor(3, 0, lane, pair),
        tensor(3, 0, one, [2 - seed]),
        tensor(3, 0, one, [seed]),
        tensor(3, 0, two, pair),
      ],
      run: attend(1, [1], 3),
    };
  }),
};

/** Cases of 12 pad bits and more. */
const SLOW = new Set(Object.keys(SMALL).filter((name) => /share|exp|two groups|scores/.test(name)));

for (const [name, tests] of Object.entries(SMALL)) {
  Deno.test(`what a party receives is jointly uniform whatever the secrets (exhaustive: ${name})`, () => {
    for (const setting of SETTINGS) {
      // One set of secrets per setting is enough where it takes long: exact uniformity leaves nothing to compare.
      const cases = SLOW.has(name) ? tests.slice(setting.explicit, setting.explicit + 1) : tests;
      assertUniform(cases, setting, { keys: SLOW.has(name) ? 1 : 2 });
    }
  });
}

Deno.test("what a party receives is jointly uniform whatever the secrets (exhaustive: splice, bits and words in turn)", () => {
  const tests = [[-5], [3]].map((x) => ({
    inputs: [tensor(4, 0, one, x)],
    run: gate(splice, { function: "silu", digits: [1, 2, 1], skip: 0, valueBits: 4, ringBits: 4, knownTo: "both" }),
  }));
  const isBit = (field: string): boolean => field === "symbols" || field === "bits";
  for (const setting of SETTINGS) {
    assertUniform(tests, setting, { keys: 1, pads: ({ field }) => isBit(field), units: ({ kind }) => kind === "xor" });
    assertUniform(tests.slice(1), setting, {
      keys: 1,
      pads: ({ field }) => !isBit(field),
      units: ({ kind }) => kind === "add",
    });
  }
});

const lanes: Extent = { rows: 2, cols: [1, 3] }, rows: Extent = { rows: 1, cols: [1, 1] };

/** Row functions open symbols of the same width for every group; a group with fewer chunks sends zeros. */
function unusedSymbols(
  used: readonly number[],
  width: number,
  at: number = 1,
): NonNullable<TriangularOptions["unused"]> {
  return ({ kind, message, offset }) =>
    kind === "xor" && message === at && offset % width >= used[Math.floor(offset / width) % used.length]!;
}

/** Cases at the parameters of real models. */
const FULL: Readonly<Record<string, UniformityCase & TriangularOptions>> = {
  "truncate, from a wire": {
    inputs: [random(32, 12, lanes, 29)],
    run: truncateWire({ by: 12, to: 32, rounding: "nearest", full: 0, knownTo: "both" }),
  },
  "truncate, from a wire to party 0": {
    inputs: [random(32, 12, lanes, 29)],
    run: truncateWire({ by: 10, to: 20, rounding: "floor", full: 0, knownTo: "party0" }),
  },
  ...Object.fromEntries(([0, 1] as const).flatMap((full) =>
    (["both", "party0"] as const).map((knownTo) => [
      `truncate, from a share, all bits to party ${full}, for ${knownTo}`,
      {
        inputs: [random(32, 10, lanes, 14), random(32, 10, lanes, 14)],
        run: truncateProduct({ by: 12, to: 32, rounding: "nearest", full, knownTo }),
      },
    ])
  )),
  "maximumLevel": { inputs: [random(10, 0, { rows: 2, cols: [1, 5] }, 8)], run: gate(maximumLevel, {}) },
  "exp": {
    inputs: [tensor(20, 10, rows, [700, 2 ** 18])],
    run: gate(exp, { digits: [8, 6, 6], tableScale: 11, ringBits: 32 }),
  },
  "splice": {
    inputs: [random(32, 10, rows, 14)],
    run: gate(splice, { function: "silu", digits: [5, 9, 6], skip: 0, valueBits: 16, ringBits: 32, knownTo: "both" }),
  },
  "splice, tanh + 1": {
    inputs: [random(32, 10, rows, 13)],
    run: gate(splice, {
      function: "tanh_plus_1",
      digits: [5, 8, 6],
      skip: 0,
      valueBits: 16,
      ringBits: 32,
      knownTo: "both",
    }),
  },
  "linear, cut and added": {
    inputs: [random(32, 10, { rows: 1, cols: [2, 2] }, 17)],
    run: cutAndAdded,
    weights: wideWeights(1234, -77, 5, 0, 9, -4096),
  },
  "squares, with a product": {
    inputs: [random(32, 12, lanes, 20), random(32, 12, lanes, 20)],
    run: sumOfSquares(41),
  },
  "squares": { inputs: [random(32, 12, lanes, 20)], run: sumOfSquares(48) },
  "rowFunction, rsqrt": {
    inputs: [tensor(41, 24, one, [2 ** 33 + 12345])],
    run: gate(rowFunction, {
      function: "rsqrt",
      ringBits: 32,
      scale: 12,
      lo: 21,
      hi: 40,
      mantissaBits: 7,
      octaves: 4,
      divisor: 128,
      offset: 1e-5,
    }),
    unused: unusedSymbols([3, 7, 7, 15, 15], 15),
    trials: 1,
  },
  "rowFunction, reciprocal": {
    inputs: [tensor(32, 22, one, [2 ** 27 + 4321])],
    run: gate(rowFunction, {
      function: "reciprocal",
      ringBits: 32,
      scale: 14,
      lo: 20,
      hi: 29,
      mantissaBits: 8,
      octaves: 4,
      divisor: 1,
      offset: 0,
    }),
    unused: unusedSymbols([3, 7, 7], 7),
    trials: 1,
  },
  "linear": { inputs: [random(32, 10, { rows: 1, cols: [2, 2] }, 17)], run: linearOpened, weights: weights(1234, -77) },
  "embed": { inputs: [], run: embedOpened(32), weights: weights(1234, -77), clientInput: Float64Array.of(0, 1) },
  "input": {
    inputs: [],
    run: (ctx) => ctx.gate("gate", input, { extent: lanes, ringBits: 32, scale: 12 }),
    clientInput: Float64Array.from({ length: 8 }, (_, i) => 1000 * i),
  },
  "multiply": { inputs: [random(32, 10, lanes, 15), random(32, 10, { rows: 2, cols: [1, 1] }, 15)], run: product },
  "scores and mix": {
    inputs: [
      random(32, 10, { rows: 1, cols: [6, 6] }, 12),
      random(32, 10, { rows: 1, cols: [3, 3] }, 12),
      random(32, 10, { rows: 1, cols: [3, 3] }, 12),
      random(32, 10, { rows: 2, cols: [1, 2] }, 12),
    ],
    run: attend(3, [1, 2], 32),
  },
  "rmsNorm": {
    inputs: [random(32, 12, { rows: 1, cols: [4] }, 13)],
    run: (ctx, [x]) =>
      rmsNorm(
        ctx,
        {
          sumBits: 41,
          lo: 21,
          hi: 33,
          inverseScale: 12,
          scale: 10,
          epsilon: 1e-5,
          knownTo: "party0",
          rounding: "nearest",
        },
        x as Wire<never>,
      ),
    unused: unusedSymbols([3, 7, 7], 7, 2),
    trials: 1,
  },
  "softmax": {
    inputs: [tensor(32, 10, { rows: 1, cols: [3] }, [3000, -2000, 1024]), random(32, 10, { rows: 1, cols: [3] }, 12)],
    *run<V extends View>(ctx: Context<V>, [x, y]: Inputs<V>): Gate<Wire<V>> {
      const left = yield* ctx.gate("x", hold, {}, x as Wire<V>), right = yield* ctx.gate("y", hold, {}, y as Wire<V>);
      const s = yield* ctx.gate("product", multiply, { broadcast: false }, left, right);
      return yield* softmax(ctx.scope("softmax"), {
        scoreBits: 20,
        scoreScale: 10,
        digits: [8, 6, 6],
        tableScale: 11,
        expScale: 12,
        inverseScale: 14,
        scale: 12,
        maxColumns: 4,
        rounding: "nearest",
      }, s);
    },
    trials: 1,
  },
  "mlp": {
    inputs: [random(32, 10, { rows: 1, cols: [2] }, 12)],
    *run<V extends View>(ctx: Context<V>, [x]: Inputs<V>): Gate<Wire<V>> {
      const up = { weights: { name: "w", inputs: 2, outputs: 2 }, weightScale: 10, bias: null };
      const params = {
        width: 1,
        scale: 10,
        activation: "silu",
        digits: [5, 6, 6],
        gated: true,
        restScale: 0,
        up,
        rounding: "nearest",
        skip: 0,
        valueBits: 16,
      } as const;
      return (yield* mlp(ctx, params, x as Wire<V>)).hidden;
    },
    weights: { w: { ref: { name: "w", inputs: 2, outputs: 2 }, data: Int32Array.of(900, -300, 20, 1024) } },
    trials: 1,
  },
};

/** Cases of many gates: one choice of the explicit halves for each corrupt party. */
const COMPOSITIONS = new Set(["rmsNorm", "softmax", "mlp"]);

for (const [name, test] of Object.entries(FULL)) {
  Deno.test(`every value that a party receives has a pad of its own (${name})`, () => {
    for (const setting of SETTINGS) {
      if (COMPOSITIONS.has(name) && setting.explicit !== setting.corrupt) continue;
      const received = assertTriangular(test, setting, test);
      if (setting.corrupt === 0) assert(received > 0);
    }
  });
}

Deno.test("what the client receives with a revealed output depends on the output alone", () => {
  // The key of the client holds r_z: with it the message is no secret, and (key, message) must have one distribution for all inputs and weights that agree in z.
  const view = (x: number[], w: number[]): string => {
    bench.use({ inputs: [tensor(4, 0, two, x)], run: linearRevealed, weights: weights(...w) });
    const seen: string[] = [];
    for (let pad = 0; pad < 16; pad++) {
      bench.pads.forEach((bit, i) => bench.setPadBit(bit, (pad >>> i) & 1));
      const messages = bench.evaluate();
      seen.push(`${bench.key(1)}/${messages.at(-1)}`);
    }
    assertEquals(new Set(seen).size, 16);
    return seen.sort().join("\n");
  };
  const first: UniformityCase = { inputs: [tensor(4, 0, two, [1, 2])], run: linearRevealed, weights: weights(1, 1) };
  const bench = new Bench(first, { corrupt: 1, explicit: 0 });
  assertEquals(bench.pads.length, 4);
  bench.randomise();
  const three = view([1, 2], [1, 1]);
  assertEquals(view([3, 0], [1, 5]), three);
  assertEquals(view([-1, 4], [1, 1]), three);
  assert(view([2, 2], [1, 1]) !== three);
});

Deno.test("the dealer writes value minus seed half into explicit halves, and nothing else, and no two records share bytes", () => {
  for (const [name, test] of Object.entries(FULL)) {
    for (const explicit of [0, 1] as const) {
      const layout = new Bench(test, { corrupt: 0, explicit });
      assertDisjoint(layout.layouts);
      const masks = test.inputs.map((x) =>
        Array.from(crypto.getRandomValues(new BigUint64Array(x.data.length)), (r) => BigInt.asUintN(x.ringBits, r))
      );
      const lane = new LaneDealer(
        { seeds: [Seed.random(), Seed.random()], salt: layout.salt, maskProduct: layout.maskProduct },
        layout.layouts,
        layout.layouts.map((_, position) => ({ request: 1, position, layer: 2 })),
      );
      const inputs = test.inputs.map((x, i) =>
        wire(
          "mask",
          x.ringBits,
          x.scale,
          x.extent,
          x.ringBits <= 32 ? Uint32Array.from(masks[i]!, Number) : BigUint64Array.from(masks[i]!),
        )
      );
      const dealt = finish(
        test.run(new DealContext(lane), inputs, (width, ringBits = 32) => ({
          kind: "cache",
          view: "mask",
          ringBits,
          scale: 0,
          width,
          tokens: 0,
          data: new Uint32Array(0),
        })),
      ).value;
      // From either party's whole key and the other one's pads, the other one's key follows.
      for (const corrupt of [0, 1] as const) {
        const bench = new Bench(test, { corrupt, explicit });
        bench.adopt(layout);
        for (const party of [0, 1] as const) bench.load(party, lane.blocks);
        const whole = bench.key((1 - corrupt) as 0 | 1).slice();
        bench.mask(masks);
        assertEquals(bench.deal().data, dealt.data, name);
        assertEquals(bench.key((1 - corrupt) as 0 | 1), whole, name);
      }
    }
  }
});
