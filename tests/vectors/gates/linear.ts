/** Linear layers, SPEC.md §5.1. */

import { linear, type LinearParams } from "../../../core/protocols/linear/gate.ts";
import { openShare } from "../../../core/protocols/open/gate.ts";
import { type Example, mod, signed } from "../example.ts";
import { type CaseVector, elements, type GateCase, type GateVectors, input, masks } from "../gate_vectors.ts";

function of(
  name: string,
  ringBits: number,
  rows: number,
  w: readonly number[],
  x: readonly number[],
): GateCase<["wire"]> {
  const inputs = x.length / rows, ref = { name: "w", inputs, outputs: w.length / inputs };
  const gate: LinearParams = { weights: ref, weightScale: 0 };
  return {
    name,
    params: { gate },
    inputs: [input("wire", ringBits, 4, x, { rows, cols: [inputs] })],
    weights: { w: { ref, data: Int32Array.from(w), wordsPerElement: ringBits > 32 ? 2 : 1 } },
    *run(ctx, [z]) {
      return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("gate", linear, gate, z));
    },
  };
}

export const vectors: GateVectors = {
  section: "5.1",
  folder: "linear",
  letters: ({ inputs: [x] }) => ({ n: x!.ringBits }),
  counts: (test) => ({
    input: elements(test),
    output: elements(test) / test.weights!.w!.ref.inputs * test.weights!.w!.ref.outputs,
  }),
  words: { "mask.r": "n", "pad.e": "n" },
  cases: [
    { ...of("worked example", 8, 1, [3, -1, 2, 5], [10, -7]), ...masks([200, 91]) },
    of("two rows in 32 bits", 32, 2, [1, -2, 3, 1023, -1024, 0, 7, 8, -9, 5, 4, 3], [
      1,
      2 ** 20,
      -(2 ** 20),
      5,
      0,
      -1,
      77,
      -78,
    ]),
    of("40 bits", 40, 1, [2 ** 20, -3, -(2 ** 20), 9], [2 ** 17, -(2 ** 16)]),
  ],
  example(ex: Example, { letters, weights }: CaseVector) {
    const n = letters.n!, { values: x, masks: r, masked } = ex.input(0), [w] = weights!, q = 2 ** n;
    const W = w!.values,
      hat = w!.masked.map((word) => mod(word as number, n)),
      R = w!.masks.map((word) => mod(word as number, n));
    const half = [0, 1].map((e) => ex.words("gate#mask", "r", e)),
      pads = [0, 1].map((o) => ex.words("gate#pad", "e", o)),
      sent = ex.sent(0);
    const matrix = (entries: readonly number[]): string =>
      `(${entries.slice(0, 2).map(signed).join(", ")}; ${entries.slice(2).map(signed).join(", ")})`;
    ex.say(`n = ${n}: all numbers mod ${q}. One row of two inputs, two outputs.`);
    ex.say();
    ex.table([
      ["party 0", `W = ${matrix(W)}`, `x̂ = (${masked.join(", ")})`],
      ["party 1", `Ŵ = ${matrix(hat)}`, "from its seed"],
      ["dealer", `R_w = ${matrix(R)}`, `r = (${r.join(", ")})`],
      [
        "secret",
        `x = (${x.map(signed).join(", ")})`,
        `x·W = (${[0, 1].map((o) => signed(x[0]! * W[o]! + x[1]! * W[2 + o]!)).join(", ")})`,
      ],
    ]);
    ex.say();
    ex.table([
      ["key", "party 0", "party 1", "together", ""],
      ...[0, 1].map((e) => ex.wordRow("mask", "r", `r of input ${e}`, e)),
      ...[0, 1].map((o) => ex.wordRow("pad", "e", `pad of output ${o}`, o)),
    ]);
    ex.say();
    const rz: number[] = [];
    for (const o of [0, 1]) {
      const row = [0, 1].map((e) => masked[e]! - half[e]![0][0]!),
        own = [0, 1].map((e) => half[e]![1][0]!),
        pad = pads[o]!;
      const z0 = mod(row[0]! * W[o]! + row[1]! * W[2 + o]! + pad[0][0]!, n),
        z1 = mod(pad[1][0]! - own[0]! * hat[o]! - own[1]! * hat[2 + o]!, n);
      ex.holds(`output ${o}`, [z0, z1], [sent[0][o], sent[1][o]]);
      rz.push(mod(pad[2][0]! - own[0]! * R[o]! - own[1]! * R[2 + o]!, n));
      ex.say(
        `output ${o}   party 0: (${masked[0]} − ${half[0]![0][0]})·${signed(W[o]!)} + (${masked[1]} − ${
          half[1]![0][0]
        })·${signed(W[2 + o]!)} + ${pad[0][0]} = ${z0}`,
      );
      ex.say(`           party 1: ${pad[1][0]} − ${own[0]}·${hat[o]} − ${own[1]}·${hat[2 + o]} = ${z1}`);
      ex.say(`           dealer:  r_z = ${pad[2][0]} − ${own[0]}·${R[o]} − ${own[1]}·${R[2 + o]} = ${rz[o]}`);
      const opened = ex.opened(0)[o]!, z = x[0]! * W[o]! + x[1]! * W[2 + o]!;
      ex.holds("z", mod(opened - rz[o]!, n), mod(z, n));
      ex.say(`           opened:  ${z0} + ${z1} = ${opened}, and ${opened} − ${rz[o]} = ${signed(z)}`);
    }
  },
};
