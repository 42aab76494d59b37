/** Twin of the activation gate after its page alone, SPEC.md §5.12, in BigInt. Imports nothing from `core/`. */

import { equal, less, lookup, predicate, wholeHalf } from "./flat_dpf.ts";
import { type Party, toInteger } from "./party.ts";
import { reduce, signed } from "./ring.ts";

/** What both parties know of a splice. */
export interface Splice {
  readonly n: number;
  readonly m: number;
  readonly d: number;
  readonly low: number;
  readonly index: number;
  readonly top: number;
  readonly skip: number;
  /** 1 of a ramp, 0 of a step. */
  readonly ramp: number;
  /** Fractional bits of x. */
  readonly scale: number;
  /** T. */
  readonly table: readonly number[];
}

/** One party's side of one element. */
export class SpliceTwin {
  readonly #p: Splice;
  readonly #party: Party;
  readonly #e: number;

  constructor(p: Splice, party: Party, e: number) {
    this.#p = p;
    this.#party = party;
    this.#e = e;
  }

  #free(field: string): number[] {
    return this.#party.bits("gate#free", field, this.#e);
  }

  #hot(field: string): number[] {
    return wholeHalf(this.#party.bits("gate#given", field, this.#e), this.#party.isExplicit("gate#given"));
  }

  /** Step 1: shares of the eight symbols, and of both table values. */
  first(x: bigint): { symbols: number[]; values: bigint[] } {
    const { low, index, top, skip, d, table } = this.#p,
      sizes = [low - skip, index, top],
      size = 2 ** top,
      points = 2 ** index;
    const read = x >> BigInt(skip), raised = read + (1n << BigInt(low - skip + index - 1));
    const digits = (value: bigint): number[] =>
      sizes.map((bits) => {
        const digit = value % (1n << BigInt(bits));
        value >>= BigInt(bits);
        return Number(digit);
      });
    const [uLow, uIndex, uTop] = digits(read) as [number, number, number],
      [, wIndex, wTop] = digits(raised) as [number, number, number];
    const [lows, indices, tops] = ["low", "index", "top"].map((field) => this.#hot(field)) as [
      number[],
      number[],
      number[],
    ];
    const negative = (borrow: number) => (point: number): boolean =>
      (uTop - borrow - point + 2 * size) % size >= size / 2;
    const shares = [
      less(lows, uLow),
      less(indices, wIndex),
      equal(tops, wTop),
      equal(tops, (wTop + size - 1) % size),
      less(indices, uIndex),
      equal(indices, uIndex),
      predicate(tops, negative(0)),
      predicate(tops, negative(1)),
    ];
    const masks = this.#free("symbols"),
      mu = this.#party.words("gate#free", "values", this.#e, d),
      sign = this.#party.party === 0 ? 1n : -1n;
    const values = mu.map((mask, b) =>
      reduce(sign * BigInt(lookup(indices, (wIndex - b + points) % points, table)) + mask, d)
    );
    return { symbols: shares.map((bit, i) => bit ^ masks[i]!), values };
  }

  /** Step 2: shares of pos, w_0 and w_1, symbol by symbol: opened bits, own halves and pairs, multiplied out. */
  bits(opened: readonly number[]): number[] {
    const pairs = this.#party.bits("gate#given", "pairs", this.#e),
      own = this.#free("symbols"),
      pads = this.#free("bits");
    const names = ["carry", "windowLess", "equal0", "equal1", "signLess", "signEqual", "sign0", "sign1"];
    // sign and equal stand for S_0 ⊕ S_1 and E_0 ⊕ E_1.
    const open = Object.fromEntries(names.map((name, i) => [name, opened[i]!])),
      half = Object.fromEntries(names.map((name, i) => [name, own[i]!]));
    for (const bits of [open, half]) {
      bits.sign = bits.sign0! ^ bits.sign1!;
      bits.equal = bits.equal0! ^ bits.equal1!;
    }
    const pairNames = [
      "carry·signEqual",
      "carry·windowLess",
      "sign·signEqual",
      "carry·sign",
      "carry·equal",
      "equal·windowLess",
    ];
    const pair = Object.fromEntries(pairNames.map((name, i) => [name, pairs[i]!]));
    /** The share of a product of symbols: every subset of them opened, the others masked; all masked is in the result's mask. */
    const product = (...symbols: string[]): number => {
      let share = 0;
      for (let subset = 0; subset < 2 ** symbols.length - 1; subset++) {
        const masked = symbols.filter((_, i) => (subset >> i) & 1),
          rest = symbols.filter((_, i) => !((subset >> i) & 1));
        const known = rest.reduce((bit, name) => bit & open[name]!, 1);
        const secret = masked.length === 0
          ? 1 - this.#party.party
          : masked.length === 1
          ? half[masked[0]!]!
          : pair[masked.sort().join("·")]!;
        share ^= known & secret;
      }
      return share;
    };
    const negative = product("sign0") ^ product("signLess", "sign") ^ product("signEqual", "carry", "sign");
    const inside = product("equal0") ^ product("windowLess", "equal");
    const upper = product("equal0", "carry") ^ product("windowLess", "equal", "carry");
    return [negative, inside ^ upper, upper].map((bit, i) => bit ^ pads[i]!);
  }

  /** Step 3: the share of y + r_y. */
  finish(x: bigint, values: readonly bigint[], opened: readonly number[]): bigint {
    const { n, m, d, ramp, scale } = this.#p, bits = this.#party.bits("gate#given", "words", this.#e);
    let at = 0;
    const word = (width: number): bigint => {
      const value = toInteger(bits.slice(at, at + width));
      at += width;
      return value;
    };
    const [pi, s, sw0, sw1, r, mu0, mu1] = Array.from({ length: 7 }, () => word(m)) as [
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    const missing = m - (ramp === 1 ? n : m),
      [top, topPi] = [word(missing), word(missing)],
      tops = [0, 1].map(() => [word(m - d), word(m - d)] as const);
    const [pos, ...w] = opened.map(BigInt) as [bigint, bigint, bigint], first = this.#party.party === 0 ? 1n : 0n;
    const far = ramp === 1 ? spare(x, n, m) : { u: 1n << BigInt(scale + 1), k: 0n };
    let share = first * pos * far.u + (1n - 2n * pos) * far.u * pi - pos * r;
    share += (far.k * (pos * top + (1n - 2n * pos) * topPi)) << BigInt(n);
    values.forEach((value, b) => {
      const { u, k } = spare(value, d, m), [t, tW] = tops[b]!, on = w[b]!;
      share -= on * u * s + (1n - 2n * on) * u * [sw0, sw1][b]! - on * [mu0, mu1][b]!;
      share -= (k * (on * t + (1n - 2n * on) * tW)) << BigInt(d);
    });
    return reduce(share + this.#party.words("gate#free", "pad", this.#e, m)[0]!, m);
  }
}

/** A masked value of `from` bits read in `to` bits, SPEC.md §2.2. */
function spare(x: bigint, from: number, to: number): { u: bigint; k: bigint } {
  if (from === to) return { u: x, k: 0n };
  const h = 1n << BigInt(from - 2), raised = reduce(x + h, from);
  return { u: raised - h, k: signed(raised, from) < 0n ? 0n : 1n };
}
