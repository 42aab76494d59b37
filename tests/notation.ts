/**
 * The small notation in which SPEC and the gates' comments state costs: integers, named numbers, `+ − · / ^`, calls such as `oh(k)` and `max(a, b)`,
 * rounding `⌈x⌉`, and `1{a > b}`, which is 1 where the condition holds. `3n` and `2(n − a)` are products.
 *
 * @module
 */

/** What the names of a formula stand for. */
export type Letters = Readonly<Record<string, number>>;

const FUNCTIONS: Readonly<Record<string, (...x: number[]) => number>> = {
  max: Math.max,
  min: Math.min,
  oh: (k) => 2 ** k! - 1,
};

const TOKEN = /\s*(1\{|\d+(?:\.\d+)?|[A-Za-zρ][A-Za-z0-9ρ_]*|[-−+·/^(),⌈⌉}]|[<>=≤≥≠])/y;

function tokensOf(formula: string): string[] {
  const tokens: string[] = [], end = formula.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const match = TOKEN.exec(formula);
    if (match === null) throw new SyntaxError(`Cannot read the formula ${formula} as it must be in the notation`);
    tokens.push(match[1] === "−" ? "-" : match[1]!);
  }
  return tokens;
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "=": (a, b) => a === b,
  "≤": (a, b) => a <= b,
  "≥": (a, b) => a >= b,
  "≠": (a, b) => a !== b,
};

/**
 * Evaluates a formula.
 *
 * @throws {SyntaxError} If it is not in the notation, or a name stands for nothing.
 *
 * @example Key bits of a comparison in two chunks, and of what reads it
 * ```ts
 * import { evaluate } from "sluice/tests/notation.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(evaluate("oh(6) + oh(4) + 2^4 + 2^(c-1)·m + max(0, m − n + f)", { c: 2, m: 20, n: 32, f: 10 }), 134);
 * assertEquals(evaluate("3n + ⌈n / 5⌉ − 1{n > 31}", { n: 32 }), 102);
 * ```
 */
export function evaluate(formula: string, letters: Letters): number {
  const tokens = tokensOf(formula);
  let at = 0;
  const fail = (): never => {
    throw new SyntaxError(`Cannot read the formula ${formula} as it must be in the notation: received ${tokens[at]}`);
  };
  const take = (token: string): void => void (tokens[at] === token ? at++ : fail());
  const sum = (): number => {
    let value = tokens[at] === "-" ? (at++, -product()) : product();
    while (tokens[at] === "+" || tokens[at] === "-") value += tokens[at++] === "+" ? product() : -product();
    return value;
  };
  const product = (): number => {
    let value = power();
    for (;;) {
      if (tokens[at] === "·") at++, value *= power();
      else if (tokens[at] === "/") at++, value /= power();
      else if (tokens[at] !== undefined && /^(1\{|[\w(⌈ρ])/.test(tokens[at]!)) value *= power(); // 3n, 2(n − a)
      else return value;
    }
  };
  const power = (): number => {
    const base = atom();
    return tokens[at] === "^" ? (at++, base ** power()) : base;
  };
  const atom = (): number => {
    const token = tokens[at++]!;
    if (token === "(") {
      const value = sum();
      take(")");
      return value;
    }
    if (token === "⌈") {
      const value = Math.ceil(sum());
      take("⌉");
      return value;
    }
    if (token === "1{") {
      const left = sum(), compare = COMPARISONS[tokens[at++]!] ?? fail(), holds = compare(left, sum());
      take("}");
      return holds ? 1 : 0;
    }
    if (/^\d/.test(token)) return Number(token);
    if (tokens[at] === "(" && FUNCTIONS[token] !== undefined) {
      const values: number[] = [];
      do at++, values.push(sum()); while (tokens[at] === ",");
      take(")");
      return FUNCTIONS[token](...values);
    }
    return letters[token] ?? (at--, fail());
  };
  const value = sum();
  return at === tokens.length ? value : fail();
}
