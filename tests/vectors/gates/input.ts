/** The client's input, SPEC.md §5.2. */

import { embed, input as inputGate, type InputParams, type LinearParams } from "../../../core/protocols/linear/gate.ts";
import { openShare } from "../../../core/protocols/open/gate.ts";
import type { Gate } from "../../../core/protocols/opening.ts";
import type { Context } from "../../../core/protocols/primitive.ts";
import type { View, Wire } from "../../../core/protocols/tensor.ts";
import { type Example, mod } from "../example.ts";
import type { CaseVector, GateCase, GateVectors } from "../gate_vectors.ts";

function ofInput(name: string, ringBits: number, x: readonly number[]): GateCase {
  const gate: InputParams = { extent: { rows: 1, cols: [x.length] }, ringBits, scale: 4 };
  return {
    name,
    params: { gate },
    inputs: [],
    clientInput: Float64Array.from(x),
    clientInputBits: ringBits,
    run: (ctx) => ctx.gate("gate", inputGate, gate),
  };
}

function ofEmbed(name: string, ringBits: number, w: readonly number[], x: readonly number[]): GateCase {
  const ref = { name: "w", inputs: x.length, outputs: w.length / x.length };
  const gate: InputParams & LinearParams = {
    extent: { rows: 1, cols: [x.length] },
    ringBits,
    scale: 0,
    weights: ref,
    weightScale: 4,
  };
  return {
    name,
    params: { gate },
    inputs: [],
    clientInput: Float64Array.from(x),
    clientInputBits: ringBits,
    weights: { w: { ref, data: Int32Array.from(w) } },
    *run<V extends View>(ctx: Context<V>): Gate<Wire<V>> {
      return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("gate", embed, gate));
    },
  };
}

export const vectors: GateVectors = {
  section: "5.2",
  folder: "linear",
  letters: ({ params, weights }) => ({
    n: (params.gate as InputParams).ringBits,
    embed: weights ? 1 : 0,
    share: weights ? 1 : 0,
  }),
  counts: ({ clientInput, weights }) => ({ input: clientInput!.length, output: weights?.w?.ref.outputs ?? 0 }),
  words: { "mask.r": "n", "pad.e": "n" },
  cases: [
    ofEmbed("worked example", 8, [10, -20, 30, 40, -50, 60], [0, 1, 0]),
    ofInput("input of 32 bits", 32, [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]),
    ofInput("input of 40 bits", 40, [0, 2 ** 35, -(2 ** 35)]),
    ofEmbed("embed in 32 bits", 32, [1, 2, 3, -4, -5, -6, 7, 8], [0, 0, 1, 0]),
  ],
  example(ex: Example, { letters, weights, clientInput: x }: CaseVector) {
    const n = letters.n!, [w] = weights!, W = w!.values, hat = w!.masked.map((word) => mod(word as number, n));
    const R = w!.masks.map((word) => mod(word as number, n)), r = [0, 1, 2].map((e) => ex.words("mask", "r", e)[1][0]!);
    const masked = ex.opened(0, 0, 0),
      column = (m: readonly number[], o: number): number[] => [0, 1, 2].map((i) => m[2 * i + o]!);
    const list = (values: readonly number[]): string =>
      values.map((value) => value < 0 ? `−${-value}` : value).join(", ");
    ex.say(`n = ${n}: all numbers mod ${2 ** n}. A one-hot row of 3 picks a row of two values.`);
    ex.say();
    ex.table([
      ["party 1", `x = (${list(x!)})`, `r_1 = (${list(r)})`, "from its seed"],
      ["sent to party 0", `x̂ = (${list(masked)})`, "", ""],
    ]);
    ex.holds("x̂", masked, x!.map((value, i) => mod(value + r[i]!, n)));
    ex.say();
    for (const o of [0, 1]) {
      const dot = (a: readonly number[], b: readonly number[]): number =>
        a.reduce((sum, value, i) => sum + value * b[i]!, 0);
      const e = ex.words("pad", "e", o),
        z0 = mod(dot(masked, column(W, o)) + e[0][0]!, n),
        z1 = mod(e[1][0]! - dot(r, column(hat, o)), n);
      const rz = mod(e[2][0]! - dot(r, column(R, o)), n), sent = ex.sent(1);
      ex.holds(`output ${o}`, [z0, z1], [sent[0][o], sent[1][o]]);
      ex.say(`output ${o}   W = (${list(column(W, o))}), Ŵ = (${list(column(hat, o))}), R_w = (${list(column(R, o))})`);
      ex.say(`           party 0: x̂·W + ${e[0][0]} = ${z0}`);
      ex.say(`           party 1: ${e[1][0]} − r_1·Ŵ = ${z1}`);
      ex.say(`           dealer:  r_z = ${e[0][0]} + ${e[1][0]} − r_1·R_w = ${rz}`);
      const z = dot(x!, column(W, o));
      ex.holds("z", mod(z0 + z1 - rz, n), mod(z, n));
      ex.say(`           opened:  ${mod(z0 + z1, n)}, and ${mod(z0 + z1, n)} − ${rz} = ${list([z])}`);
    }
  },
};
