/**
 * The law of every gate that works in rings above 32 bits, over the widths that calibration chooses from.
 */

import { assertEquals } from "@std/assert";
import { assertLaw, type LawInput } from "../../tests/law.ts";
import { ReferenceEngine } from "../reference/engine.ts";
import { extend } from "./extend/gate.ts";
import type { Extent } from "./tensor.ts";
import { addConstants, addShares, embed, input, linear, shareColumns } from "./linear/gate.ts";
import { add, columns, firstRow, lastBlock, narrow } from "./local/gate.ts";
import { openShare } from "./open/gate.ts";
import { hold, multiply } from "./products/gate.ts";
import { squares } from "./squares/gate.ts";
import { truncate } from "./truncate/gate.ts";

const engines = [new ReferenceEngine(), new ReferenceEngine()] as const;

const WIDTHS = [33, 36, 40, 48, 64] as const;

/** Magnitude bits up to which the oracle's integers are exact. */
const EXACT_BITS = 53;

const RAGGED: Extent = { rows: 2, cols: [1, 5, 8, 3] }, COUNT = 34, ROWS = 8;

/** Random signed integers with |x| < 2^bits; the first ones are the edges. */
function values(count: number, bits: number, edges: readonly number[] = []): Float64Array {
  const random = crypto.getRandomValues(new Uint32Array(2 * count));
  return Float64Array.from(
    { length: count },
    (_, i) => edges[i] ?? Math.floor((random[2 * i]! / 2 ** 31 - 1) * 2 ** (bits * random[2 * i + 1]! / 2 ** 32)),
  );
}

/** Values of a gate that needs the spare bit, its edges among them. */
function spare(count: number, ringBits: number): Float64Array {
  const bits = Math.min(ringBits - 2, EXACT_BITS), top = 2 ** bits;
  return values(count, bits, [0, 1, -1, top - 2 ** Math.max(0, bits - 52), -top, top / 2, -top / 2]);
}

function tensor<K extends "wire" | "share">(
  kind: K,
  ringBits: number,
  scale: number,
  extent: Extent,
  data: Float64Array,
): LawInput<K> {
  return { kind, ringBits, scale, extent, data: data.map((value) => Math.max(value, -(2 ** EXACT_BITS))) };
}

/** Masks at which values wrap: 0, all ones, the top bits, and one off. */
function extremeMasks(n: number, count: number): (Uint32Array | BigUint64Array)[] {
  const half = 1n << BigInt(n - 1), quarter = half / 2n;
  return [0n, 1n, quarter - 1n, quarter, half - 1n, half, half + quarter, 2n * half - 1n].map((mask) =>
    n > 32 ? new BigUint64Array(count).fill(mask) : new Uint32Array(count).fill(Number(mask))
  );
}

for (const m of WIDTHS) {
  Deno.test(`extend obeys the law (to ${m} bits)`, async () => {
    for (const [n, knownTo] of [[32, "both"], [32, "party0"], [12, "both"], [m - 1, "both"]] as const) {
      for (const masks of [undefined, ...extremeMasks(n, COUNT)]) {
        const { sentBytes, exchanges } = await assertLaw({
          engines,
          inputs: [tensor("wire", n, 0, RAGGED, spare(COUNT, n))],
          run: (ctx, [x]) => ctx.gate("extend", extend, { to: m, knownTo }, x),
          ...(masks === undefined ? {} : { masks: [masks] }),
        });
        const bytes = Math.ceil(COUNT * (m - n) / 8);
        assertEquals([exchanges, sentBytes], [1, [knownTo === "both" ? bytes : 0, bytes]]);
      }
    }
  });

  for (const [n, to] of [[m, m], [m, 32], [32, m], [m, 20], [m, 34]] as const) {
    for (const by of [1, 8, 13, 27]) {
      Deno.test(`truncate obeys the law (${n} to ${to} bits by ${by})`, async () => {
        for (const kind of ["wire", "share"] as const) {
          const bits = Math.min(n - 2, to - 1 + by, EXACT_BITS) - 1, top = 2 ** bits;
          const edges = [0, 1, -1, 2 ** (by - 1), -(2 ** (by - 1)), 2 ** by - 1, -(2 ** by), top - 2 ** by, -top];
          for (const masks of [undefined, ...kind === "wire" ? extremeMasks(n, COUNT) : []]) {
            await assertLaw({
              engines,
              inputs: [tensor(kind, n, by, RAGGED, values(COUNT, bits, edges))],
              run: (ctx, [z]) =>
                ctx.gate("t", truncate, {
                  by,
                  to,
                  rounding: by === 8 ? "floor" : "nearest",
                  full: (by % 2) as 0 | 1,
                  knownTo: by === 13 ? "party0" : "both",
                }, z),
              ...(masks === undefined ? {} : { masks: [masks] }),
            });
          }
        }
      });
    }
  }

  Deno.test(`squares obeys the law, with the product that uses its standing share (${m} bits)`, async () => {
    for (const outBits of [Math.min(m + 1, 64), 64, 40]) {
      for (const masks of [undefined, ...extremeMasks(m, COUNT)]) {
        const largest = Math.min(outBits - 1, EXACT_BITS) / 2 - 2;
        await assertLaw({
          engines,
          inputs: [
            tensor(
              "wire",
              m,
              12,
              RAGGED,
              values(COUNT, largest - 2, [0, 1, -1, 2 ** Math.floor(largest), -(2 ** Math.floor(largest))]),
            ),
          ],
          *run(ctx, x) {
            return (yield* ctx.gate("squares", squares, { outBits, operandBits: m }, x[0])).sum;
          },
          ...(masks === undefined ? {} : { masks: [masks] }),
        });
      }
      await assertLaw({
        engines,
        inputs: [
          tensor("wire", m, 12, RAGGED, values(COUNT, 16)),
          tensor(
            "wire",
            m,
            8,
            { ...RAGGED, cols: RAGGED.cols.map(() => 1) },
            values(ROWS, Math.min(m, EXACT_BITS) - 20),
          ),
        ],
        *run(ctx, x) {
          const { operand } = yield* ctx.gate("squares", squares, { outBits, operandBits: m }, x[0]);
          const y = yield* ctx.gate("hold", hold, {}, x[1]);
          const product = yield* ctx.gate("product", multiply, { broadcast: true }, operand, y);
          return yield* ctx.gate("open", openShare, {}, product);
        },
      });
    }
  });

  Deno.test(`multiply obeys the law element by element (${m} bits)`, async () => {
    const half = Math.min(m, EXACT_BITS) / 2 - 2;
    await assertLaw({
      engines,
      inputs: [
        tensor("wire", m, 10, RAGGED, values(COUNT, half)),
        tensor("wire", m, 10, RAGGED, values(COUNT, half)),
      ],
      *run(ctx, x) {
        const a = yield* ctx.gate("a", hold, {}, x[0]), b = yield* ctx.gate("b", hold, {}, x[1]);
        return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("product", multiply, { broadcast: false }, a, b));
      },
    });
  });

  Deno.test(`linear, input and embed obey the law, with biases (${m} bits)`, async () => {
    const ref = { name: "w", inputs: 6, outputs: 5 },
      rows: Extent = { rows: 2, cols: [6, 6] },
      bits = Math.min(m, EXACT_BITS) - 16;
    const weights = {
      w: { ref, data: Int32Array.from(values(30, 11, [2 ** 29, -(2 ** 29)])), wordsPerElement: 2 as const },
    };
    const bias = { constants: { name: "b", from: 1, count: 5 } },
      constants = { b: Int32Array.of(9, 1, -2, 1 << 29, -5, 7) };
    weights.w.data.fill(3, 0, 2);
    await assertLaw({
      engines,
      weights,
      constants,
      inputs: [tensor("wire", m, 10, rows, values(24, bits))],
      *run(ctx, x) {
        const z = yield* ctx.gate("linear", linear, { weights: ref, weightScale: 10 }, x[0]);
        const y = yield* ctx.gate("bias", addConstants, bias, z);
        return yield* ctx.gate("reveal", openShare, {}, yield* ctx.gate("sum", addShares, {}, y, y));
      },
    });
    await assertLaw({
      engines,
      weights,
      clientInput: values(24, 12, [1, 0, 0, 0, 0, 1]),
      clientInputBits: m,
      inputs: [],
      *run(ctx) {
        const params = { extent: rows, ringBits: m, scale: 0, weights: ref, weightScale: 12 };
        const z = yield* ctx.gate("embed", embed, params);
        return yield* ctx.gate(
          "open",
          openShare,
          {},
          yield* ctx.gate("part", shareColumns, { from: 1, to: 4, moreScale: 0 }, z),
        );
      },
    });
    await assertLaw({
      engines,
      clientInput: values(24, bits),
      clientInputBits: m,
      inputs: [],
      run: (ctx) => ctx.gate("input", input, { extent: rows, ringBits: m, scale: 12 }),
    });
  });

  Deno.test(`public-linear operations obey the law (${m} bits)`, async () => {
    const even: Extent = { rows: 2, cols: [4, 4] },
      data = () => tensor("wire", m, 3, even, values(16, Math.min(m, EXACT_BITS) - 3));
    await assertLaw({
      engines,
      inputs: [data(), data()],
      // deno-lint-ignore require-yield -- nothing is opened
      *run(ctx, x) {
        return ctx.local(columns, { from: 1, to: 3 }, ctx.local(add, {}, x[0], x[1]));
      },
    });
    for (const bits of [10, 20, 32, 33].filter((bits) => bits < m)) {
      await assertLaw({
        engines,
        inputs: [tensor("wire", m, 3, even, values(16, bits - 2))],
        // deno-lint-ignore require-yield -- nothing is opened
        *run(ctx, x) {
          return ctx.local(narrow, { bits }, x[0]);
        },
      });
    }
    for (const op of [lastBlock, firstRow]) {
      const extent: Extent = op === lastBlock ? { rows: 2, cols: [4, 4] } : { rows: 3, cols: [4] };
      await assertLaw({
        engines,
        inputs: [tensor("wire", m, 3, extent, values(op === lastBlock ? 16 : 12, Math.min(m, EXACT_BITS) - 3))],
        // deno-lint-ignore require-yield -- nothing is opened
        *run(ctx, x) {
          return ctx.local(op, {}, x[0]);
        },
      });
    }
  });
}
