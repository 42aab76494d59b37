/** Attention's products, SPEC.md §5.6. */

import type { AttentionStep } from "../../../core/engine.ts";
import { openShare } from "../../../core/protocols/open/gate.ts";
import { hold, mix, scores } from "../../../core/protocols/products/gate.ts";
import type { Cache, View } from "../../../core/protocols/tensor.ts";
import { type Example, mod, signed } from "../example.ts";
import { type CaseVector, type GateCase, type GateVectors, input, masks } from "../gate_vectors.ts";

type MakeCache<V extends View> = (width: number, ringBits?: number) => Cache<V>;

function of(
  name: string,
  kind: "scores" | "mix",
  ringBits: number,
  step: AttentionStep,
  x: readonly number[],
  cached: readonly number[],
): GateCase<["wire", "wire"]> {
  const perToken = step.kvHeads * step.width, blocks = step.cols.length;
  const rows = { rows: 1, cols: step.cols.map(() => cached.length / blocks) };
  const first = kind === "scores"
    ? { rows: step.tokens, cols: step.cols.map(() => step.heads * step.width) }
    : { rows: step.tokens * step.heads, cols: step.cols };
  return {
    name,
    params: { gate: step },
    inputs: [input("wire", ringBits, 4, x, first), input("wire", ringBits, 4, cached, rows)],
    *run(ctx, [x, y], cache) {
      const tokens = cache(perToken, ringBits), left = yield* ctx.gate("x", hold, {}, x);
      ctx.store(tokens, yield* ctx.gate("cached", hold, {}, y));
      const product = kind === "scores"
        ? yield* ctx.gate("gate", scores, step, left, tokens)
        : yield* ctx.gate("gate", mix, step, left, tokens);
      return yield* ctx.gate("open", openShare, {}, product);
    },
  };
}

const grouped: AttentionStep = { tokens: 1, heads: 2, kvHeads: 1, width: 3, cols: [1, 2], starts: [0, 0] };

export const vectors: GateVectors = {
  section: "5.6",
  folder: "products",
  letters: ({ inputs: [x] }) => ({ n: x!.ringBits }),
  counts({ name, params }) {
    const { tokens, heads, width, cols } = params.gate as AttentionStep,
      perToken = name.startsWith("mix") ? [width * cols.length] : cols;
    return { output: tokens * heads * perToken.reduce((a, b) => a + b, 0) };
  },
  words: { "mask.r": "n", "pad.e": "n" },
  cases: [
    {
      ...of("worked example", "scores", 8, { tokens: 1, heads: 1, kvHeads: 1, width: 2, cols: [1], starts: [0] }, [
        3,
        -4,
      ], [5, 2]),
      ...masks([10, 200], [90, 33]),
    },
    of(
      "scores of two heads that share one, 32 bits",
      "scores",
      32,
      grouped,
      [1, -2, 3, 4, 5, -6, 7, 8, -9, 10, 11, 12],
      [2 ** 20, 5, -7, 1, -1, 2 ** 19],
    ),
    of("mix of two heads that share one, 32 bits", "mix", 32, grouped, [1, -2, 3, 4, 5, -6], [
      2 ** 20,
      5,
      -7,
      1,
      -1,
      2 ** 19,
    ]),
  ],
  example(ex: Example, { letters }: CaseVector) {
    const n = letters.n!, q = ex.input(0), k = ex.input(1), e = ex.words("gate#pad", "e");
    const rq = [0, 1].map((d) => ex.words("x#mask", "r", d)), rk = [0, 1].map((d) => ex.words("cached#mask", "r", d));
    ex.say(`One score of two values, n = ${n}: all numbers mod ${2 ** n}.`);
    ex.say();
    ex.table([
      ["secret", `q = (${q.values.map(signed).join(", ")})`, `k = (${k.values.map(signed).join(", ")})`],
      ["dealer", `r_q = (${q.masks.join(", ")})`, `r_k = (${k.masks.join(", ")})`],
      ["public", `q̂ = (${q.masked.join(", ")})`, `k̂ = (${k.masked.join(", ")})`],
    ]);
    ex.say();
    ex.table([
      ["key", "party 0", "party 1", "together", ""],
      ...[0, 1].map((d) => ["x#mask.r", ...rq[d]!.map(String), `r of q_${d}`]),
      ...[0, 1].map((d) => ["cached#mask.r", ...rk[d]!.map(String), `r of k_${d}`]),
      ["pad.e", ...e.map(String), "pad"],
    ]);
    ex.say();
    const share = (p: 0 | 1): number =>
      mod(
        [0, 1].reduce((sum, d) =>
          sum + (p === 0 ? q.masked[d]! * k.masked[d]! : 0) - q.masked[d]! * rk[d]![p]![0]! -
          rq[d]![p]![0]! * k.masked[d]!, e[p]![0]!),
        n,
      );
    const rs = mod(e[2][0]! - [0, 1].reduce((sum, d) => sum + q.masks[d]! * k.masks[d]!, 0), n), sent = ex.sent(0);
    ex.holds("the shares", [share(0), share(1)], [sent[0][0], sent[1][0]]);
    const s = [0, 1].reduce((sum, d) => sum + q.values[d]! * k.values[d]!, 0), opened = mod(share(0) + share(1), n);
    ex.holds("s", mod(opened - rs, n), mod(s, n));
    ex.say(`party 0   Σ_d q̂_d·k̂_d − q̂_d·[r_k] − [r_q]·k̂_d + ${e[0]} = ${share(0)}`);
    ex.say(`party 1   Σ_d −q̂_d·[r_k] − [r_q]·k̂_d + ${e[1]} = ${share(1)}`);
    ex.say(`dealer    r_s = ${e[2]} − (${q.masks[0]}·${k.masks[0]} + ${q.masks[1]}·${k.masks[1]}) = ${rs}`);
    const terms = [0, 1].map((d) => `${signed(q.values[d]!)}·${signed(k.values[d]!)}`).join(" + ");
    ex.say(`opened    ${opened}, and ${opened} − ${rs} = ${signed(s)} = ${terms}`);
  },
};
