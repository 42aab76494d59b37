/** Opening and revealing, SPEC.md §5.3. */

import { openShare, reveal } from "../../../core/protocols/open/gate.ts";
import { type Example, mod, signed } from "../example.ts";
import type { LawKind } from "../../law.ts";
import { type CaseVector, elements, type GateCase, type GateVectors, input, masks } from "../gate_vectors.ts";

function opened(name: string, ringBits: number, z: readonly number[]): GateCase<["share"]> {
  return {
    name,
    params: { gate: {} },
    inputs: [input("share", ringBits, 4, z)],
    run: (ctx, [x]) => ctx.gate("gate", openShare, {}, x),
  };
}

function revealed(name: string, kind: LawKind, ringBits: number, z: readonly number[]): GateCase<[LawKind]> {
  return {
    name,
    params: { gate: {} },
    inputs: [input(kind, ringBits, 4, z)],
    revealed: true,
    run: (ctx, [x]) => ctx.gate("gate", reveal, {}, x),
  };
}

export const vectors: GateVectors = {
  section: "5.3",
  folder: "open",
  letters: ({ inputs: [z], revealed }) => ({
    n: z!.ringBits,
    share: z!.kind === "share" ? 1 : 0,
    reveal: revealed ? 1 : 0,
  }),
  counts: (test) => ({ element: elements(test) }),
  label: ({ revealed, inputs: [z] }) => revealed ? `reveal, of a ${z!.kind}` : "open",
  words: { "mask.r": "n" },
  cases: [
    { ...revealed("worked example", "share", 8, [-42]), ...masks([77]) },
    opened("open 32 bits", 32, [0, -1, 2 ** 31 - 1, -(2 ** 31)]),
    opened("open 40 bits", 40, [2 ** 38, -(2 ** 38)]),
    revealed("reveal a wire of 32 bits", "wire", 32, [5, -5]),
    revealed("reveal a share of 40 bits", "share", 40, [2 ** 38, -5]),
  ],
  example(ex: Example, { letters, result }: CaseVector) {
    const n = letters.n!, { values: [z], masks: [r], shares } = ex.input(0), key = ex.words("mask", "r")[1][0]!;
    ex.say(`reveal, n = ${n}: all numbers mod ${2 ** n}.`);
    ex.say();
    ex.say(`secret    z = ${signed(z!)}, r_z = ${r}`);
    ex.say(`party 0   has ${shares[0]![0]} and sends it`);
    ex.say(`party 1   has ${shares[1]![0]}, its key holds −r_z = ${key}`);
    ex.say(`          z = ${shares[0]![0]} + ${shares[1]![0]} + ${key} = ${signed(z!)}`);
    ex.holds("the key", key, mod(-r!, n));
    ex.holds("what is sent", ex.sent(0)[0][0], shares[0]![0]);
    ex.holds("z", mod(shares[0]![0]! + shares[1]![0]! + key, n), mod(z!, n));
    ex.holds("the result", result.values, [z]);
  },
};
