import { assert, assertEquals, assertThrows } from "@std/assert";
import { ReferenceEngine } from "../../reference/engine.ts";
import { assertLaw, type LawInput } from "../../../tests/law.ts";
import { dither, dithered } from "./gate.ts";
import { expDithered } from "../exp_dithered/gate.ts";
import { type Extent, wire } from "../tensor.ts";
import { hold, multiply } from "../products/gate.ts";
import { openShare } from "../open/gate.ts";
import { splice } from "../splice/gate.ts";
import { squares } from "../squares/gate.ts";

const engines = [new ReferenceEngine(), new ReferenceEngine()] as const;
const ragged: Extent = { rows: 2, cols: [1, 5, 8, 3] }, raggedCount = 34;

/** Random signed integers below 2^bits in size, with the edges first. */
function values(bits: number, edges: readonly number[] = [], count = raggedCount): Float64Array {
  return Float64Array.from(
    { length: count },
    (_, i) => edges[i] ?? Math.floor((Math.random() * 2 - 1) * 2 ** (bits * (i % 3 === 0 ? 1 : Math.random()))),
  );
}

function tensor<K extends "wire" | "share">(
  kind: K,
  ringBits: number,
  scale: number,
  data: Float64Array,
  extent = ragged,
): LawInput<K> {
  return { kind, ringBits, scale, extent, data };
}

for (
  const [n, by, to] of [
    [32, 10, 32],
    [32, 14, 32],
    [32, 10, 20],
    [32, 10, 22],
    [32, 9, 30],
    [20, 10, 10],
    [
      24,
      8,
      24,
    ],
    [40, 10, 40],
    [40, 10, 32],
    [48, 12, 30],
    [32, 10, 40],
    [32, 12, 64],
    [64, 13, 64],
    [36, 8, 28],
  ] as const
) {
  for (const kind of ["wire", "share"] as const) {
    for (const knownTo of ["both", "party0"] as const) {
      Deno.test(`dither obeys the law (${kind} ${n} to ${to} bits by ${by}, known to ${knownTo})`, async () => {
        const bits = Math.min(n - 2, to - 1 + by, 53) - 1, top = 2 ** bits;
        const { sentBytes, exchanges, keyBytes } = await assertLaw({
          engines,
          inputs: [tensor(kind, n, by, values(bits, [0, 1, -1, 2 ** by - 1, -(2 ** by), top - 1, -top]))],
          run: (ctx, [z]) => ctx.gate("t", dither, { by, to, knownTo }, z),
        });
        const topBits = Math.max(0, to - (n - by)), share = kind === "share";
        assertEquals(exchanges, (share ? 1 : 0) + (topBits > 0 ? 1 : 0));
        if (topBits === 0) assertEquals(keyBytes, [0, 0]);
        if (!share && topBits === 0) assertEquals(sentBytes, [0, 0]);
      });
    }
  }
}

Deno.test("dithered() is unbiased over all coins and off by less than one unit", () => {
  for (const v of [-17, -16, -1, 0, 1, 5, 15, 16, 100]) {
    let sum = 0;
    for (let coin = 0; coin < 16; coin++) {
      const y = dithered(v, 4, coin);
      assert(Math.abs(y - v / 16) < 1);
      sum += y;
    }
    assertEquals(sum, v);
  }
});

Deno.test("expDithered obeys the law for small, large and clipped arguments", async () => {
  const edges = [0, 1, 7, 8, 2047, 2048, 2049, 2 ** 12, 2 ** 14, 2 ** 18, 2 ** 19 - 2 ** 12 - 1];
  for (const ring of [19, 20]) {
    const { exchanges } = await assertLaw({
      engines,
      inputs: [tensor("wire", ring, 10, values(18, edges).map(Math.abs))],
      run: (ctx, [t]) => ctx.gate("exp", expDithered, { skip: 3, digits: [8, 8], tableScale: 11, ringBits: 32 }, t),
    });
    assertEquals(exchanges, 2);
  }
});

for (const [name, digits] of [["gelu", [7, 8, 5]], ["silu", [5, 9, 6]], ["tanh_plus_1", [5, 8, 7]]] as const) {
  for (const [inBits, skip, valueBits] of [[32, 0, 16], [24, 3, 22], [22, 1, 32], [24, 0, 20]] as const) {
    Deno.test(`splice obeys the law from ${inBits} bits without ${skip} of them (${name}, values of ${valueBits} bits)`, async () => {
      const [low, index, top] = digits, scale = name === "gelu" ? 12 : 10, window = 2 ** (low + index - 1);
      const limit = Math.min(2 ** (low + index + top - 1) - window, 2 ** (inBits - 2)), size = Math.log2(limit) - 0.01;
      const edges = [0, 1, -1, 7, -8, window - 1, window, -window, -window - 1];
      await assertLaw({
        engines,
        inputs: [tensor("wire", inBits, scale, values(size, edges))],
        run: (ctx, [x]) =>
          ctx.gate(
            name,
            splice,
            { function: name, digits, skip, valueBits, ringBits: 32, knownTo: "both" },
            x,
          ),
      });
    });
  }
}

Deno.test("a product reads a narrow wire in its own ring after squares", async () => {
  const rows: Extent = { rows: 2, cols: [8, 8] };
  for (const n of [20, 22, 24]) {
    const edge = 2 ** (n - 2);
    await assertLaw({
      engines,
      inputs: [
        tensor("wire", n, 8, values(n - 2, [0, 1, -1, edge - 1, -edge], 32), rows),
        tensor("wire", 32, 4, values(6, [], 4), { rows: 2, cols: [1, 1] }),
      ],
      *run(ctx, x) {
        const { operand } = yield* ctx.gate("squares", squares, { outBits: 52, operandBits: 32 }, x[0]);
        const factor = yield* ctx.gate("hold", hold, {}, x[1]);
        return yield* ctx.gate(
          "open",
          openShare,
          {},
          yield* ctx.gate("m", multiply, { broadcast: true }, operand, factor),
        );
      },
    });
  }
});

Deno.test("dithered gates refuse what they cannot do", () => {
  const x = wire("plan", { ringBits: 20, scale: 10, extent: { rows: 1, cols: [1] } }, null);
  for (
    const attempt of [
      () => dither.plan({ by: 19, to: 10, knownTo: "both" }, [x]),
      () => dither.plan({ by: 0, to: 20, knownTo: "both" }, [x]),
      () => dither.plan({ by: 4, to: 65, knownTo: "both" }, [x]),
      () => dither.plan({ by: 4, to: 10, knownTo: "both" }, [{ ...x, knownTo: "party0" }]),
      () => expDithered.plan({ skip: 3, digits: [8, 10], tableScale: 11, ringBits: 32 }, [x]),
      () =>
        splice.plan({ function: "silu", digits: [5, 9, 6], skip: 5, valueBits: 32, ringBits: 32, knownTo: "both" }, [
          x,
        ]),
      () =>
        splice.plan({ function: "silu", digits: [5, 9, 6], skip: 0, valueBits: 6, ringBits: 32, knownTo: "both" }, [x]),
      () => squares.plan({ outBits: 40, operandBits: 19 }, [x]),
    ]
  ) assertThrows(attempt, RangeError);
});
