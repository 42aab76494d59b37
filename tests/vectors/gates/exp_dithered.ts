/** The exponential by a public coin, SPEC.md §5.16. */

import { expDithered, type ExpDitheredParams } from "../../../core/protocols/exp_dithered/gate.ts";
import { expDitheredTables } from "../../../core/protocols/exp_dithered/tables.ts";
import { lookup } from "../../reference/flat_dpf.ts";
import { binary, type Example, mod, signed, signedIn } from "../example.ts";
import { type CaseVector, elements, type GateCase, type GateVectors, input, masks, wireCase } from "../gate_vectors.ts";

function of(name: string, ringBits: number, scale: number, gate: ExpDitheredParams, t: readonly number[]): GateCase {
  return wireCase(name, expDithered, gate, input("wire", ringBits, scale, t));
}

const small: ExpDitheredParams = { skip: 1, digits: [2, 3], tableScale: 4, ringBits: 12 };

export const vectors: GateVectors = {
  section: "5.16",
  folder: "exp_dithered",
  letters({ params, inputs: [t] }) {
    const { skip, digits: [low, high], ringBits } = params.gate as ExpDitheredParams;
    return { n: t!.ringBits, m: ringBits, skip, low, high };
  },
  counts: (test) => ({ element: elements(test) }),
  words: { "given.words": "m", "free.values": "m", "free.pad": "m" },
  cases: [
    { ...of("worked example", 6, 2, small, [11]), ...masks([26]) },
    of("digits 8 and 8", 20, 10, { skip: 3, digits: [8, 8], tableScale: 11, ringBits: 32 }, [
      0,
      1,
      7,
      1024,
      5000,
      16384,
      2 ** 19 - 2 ** 12 - 1,
    ]),
  ],
  example(ex: Example, { letters, inputs: [input], result }: CaseVector) {
    const { n, m, skip, low, high } = letters as Record<"n" | "m" | "skip" | "low" | "high", number>,
      { values: [t], masks: [r], masked: [hat] } = ex.input(0);
    const { lowTable, highTable } = expDitheredTables([low, high], input!.scale - skip, 4), ring = 2 ** m;
    const digits = (value: number): [number, number] => [(value >> skip) % 2 ** low, (value >> skip + low) % 2 ** high];
    const [uLow, uHigh] = digits(hat!), [rLow, rHigh] = digits(r!), d = uLow - rLow, D = mod(uHigh - rHigh, high);
    const wrapped = (low: number, value: number): number => mod(value, low + 1),
      coin = hat! % 2 ** skip,
      rounded = d + D * 2 ** low;
    ex.say(
      `n = ${n}, skip = ${skip}, digits of ${low} and ${high} bits, m = ${m}, tables at scale 4, t at scale ${
        input!.scale
      }.`,
    );
    ex.say();
    ex.table([
      ["secret", `t = ${t}`, `e^(−${t}/${2 ** input!.scale}) = ${Math.exp(-t! / 2 ** input!.scale).toFixed(3)}`],
      ["dealer", `r = ${r} = ${binary(r!, skip, low, high)}₂`, `r_low = ${rLow}, r_high = ${rHigh}`],
      ["public", `t̂ = ${hat} = ${binary(hat!, skip, low, high)}₂`, `û_low = ${uLow}, û_high = ${uHigh}, coin ${coin}`],
      ["split", `d = ${uLow} − ${rLow} = ${signed(d)}, D = ${D}`, `t' = ${signed(d)} + ${D}·${2 ** low} = ${rounded}`],
      ["tables", `T_low[${signed(d)}] = ${lowTable[wrapped(low, d)]}`, `T_high[${D}] = ${highTable[D]}`],
    ]);
    const words = ex.words("given", "words"), values = ex.words("free", "values"), pad = ex.words("free", "pad");
    ex.say();
    ex.table([
      ["key", "party 0", "party 1", "together", ""],
      ex.oneHotRow("given", "low", low, rLow),
      ex.oneHotRow("given", "high", high, rHigh),
      ...ex.wordRows("given", "words", ["s", "s·μ_0", "s·μ_1"]),
      ...ex.wordRows("free", "values", ["μ_0", "μ_1"]),
      ex.wordRow("free", "pad", "pad"),
    ]);
    ex.say();
    const lows = ex.wholes("given", "low", low), highs = ex.wholes("given", "high", high);
    // A difference that is not reduced reads the upper half of the table where it is negative.
    const lowAt = (half: readonly number[]): number =>
      half.reduce((sum, bit, j) => sum + bit * lowTable[wrapped(low, uLow - j)]!, 0);
    const sums = [0, 1].map((p) => [lowAt(lows[p]!), lookup(highs[p]!, uHigh, [...highTable])]),
      sent = ex.sent(0);
    const shares = sums.map((pair, p) => pair.map((sum, i) => mod((p === 0 ? sum : -sum) + values[p]![i]!, m)));
    ex.holds("the values", shares, sent);
    const opened = ex.opened(0), s = signedIn(words[2][0]!, m);
    ex.say("Step 1");
    for (const i of [0, 1]) {
      ex.say(
        `v_${i}   party 0 sends ${sums[0]![i]} + ${values[0][i]} = ${shares[0]![i]}, party 1 sends −${sums[1]![i]} + ${
          values[1][i]
        } = ${shares[1]![i]}; opened v̂_${i} = ${opened[i]}`,
      );
    }
    const [v0, v1] = [lowTable[wrapped(low, d)]!, highTable[D]!],
      signs = [v0, v1].map((v, i) => signedIn(opened[i]! - values[2][i]!, m) / v);
    ex.holds("the signs", signs[0]! * signs[1]!, s);
    ex.say(`      v̂_0 − μ_0 = ${signed(signs[0]! * v0)}, v̂_1 − μ_1 = ${signed(signs[1]! * v1)}: s = ${signed(s)}`);
    ex.say();
    ex.say("Step 2");
    const [a, b] = opened as [number, number],
      last = [0, 1].map((p) => mod(words[p]![0]! * a * b - words[p]![1]! * b - words[p]![2]! * a + pad[p]![0]!, m));
    ex.holds("the shares", last, ex.sent(1).map((list) => list[0]));
    last.forEach((share, p) =>
      ex.say(
        `party ${p} sends ${words[p]![0]}·${a}·${b} − ${words[p]![1]}·${b} − ${words[p]![2]}·${a} + ${
          pad[p]
        } = ${share} mod ${ring}`,
      )
    );
    const ry = mod(pad[2][0]! - s * values[2][0]! * values[2][1]!, m), y = ex.opened(1)[0]!, out = v0 * v1;
    ex.holds("y", [mod(y - ry, m), result.values[0]], [out, out]);
    ex.say(
      `ŷ = ${y},  r_y = ${pad[2]} − ${signed(s)}·${values[2][0]}·${
        values[2][1]
      } = ${ry},  y = ${out} = ${v0}·${v1}, at scale 8: ${(out / 256).toFixed(3)}`,
    );
  },
};
