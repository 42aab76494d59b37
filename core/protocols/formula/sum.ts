/**
 * Sums of products with integer coefficients, of atoms with names: what formulas are written in.
 *
 * @module
 */

/** What an atom stands for; a bit is its own square, and the square of a sign is 1. */
export type Kind = "value" | "bit" | "sign";

/** Coefficients by product; a product is its factors' names, joined. */
export type Terms = ReadonlyMap<string, number>;

/** The names of a product's factors. */
export function factors(product: string): string[] {
  return product === "" ? [] : product.split("·");
}

/** The product of factors, which stand in its order. */
export function productOf(names: readonly string[]): string {
  return names.join("·");
}

/** a + scale·b. */
export function addTerms(a: Terms, b: Terms, scale = 1): Terms {
  const sum = new Map(a);
  for (const [product, c] of b) {
    const total = (sum.get(product) ?? 0) + scale * c;
    if (total === 0) sum.delete(product);
    else sum.set(product, total);
  }
  return sum;
}

/** a·b; factors come to stand in the order of `kinds`. */
export function multiplyTerms(a: Terms, b: Terms, kinds: ReadonlyMap<string, Kind>): Terms {
  const order = [...kinds.keys()];
  let sum: Terms = new Map();
  for (const [left, c] of a) {
    for (const [right, d] of b) {
      const names = [...factors(left), ...factors(right)].sort((x, y) => order.indexOf(x) - order.indexOf(y));
      for (let i = names.length - 1; i > 0; i--) {
        const kind = kinds.get(names[i]!);
        if (names[i] === names[i - 1] && kind !== "value") names.splice(i - 1, kind === "bit" ? 1 : 2);
      }
      sum = addTerms(sum, new Map([[productOf(names), c * d]]));
    }
  }
  return sum;
}

/** A sum of products of atoms, of which N are the names. */
export class Sum<N extends string> {
  /** Sums are made of {@linkcode value}, {@linkcode bit} and {@linkcode sign}. */
  constructor(readonly terms: Terms, readonly kinds: ReadonlyMap<N, Kind>) {}
  /** This + y. */
  plus<M extends string>(y: Sum<M>): Sum<N | M> {
    return new Sum(addTerms(this.terms, y.terms), this.#kindsWith(y));
  }
  /** This - y. */
  minus<M extends string>(y: Sum<M>): Sum<N | M> {
    return new Sum(addTerms(this.terms, y.terms, -1), this.#kindsWith(y));
  }
  /** This·y. */
  times<M extends string>(y: Sum<M>): Sum<N | M> {
    const kinds = this.#kindsWith(y);
    return new Sum(multiplyTerms(this.terms, y.terms, kinds), kinds);
  }
  #kindsWith<M extends string>(y: Sum<M>): Map<N | M, Kind> {
    return new Map<N | M, Kind>([...this.kinds, ...y.kinds]);
  }
}

/** The number 1. */
export const one: Sum<never> = new Sum(new Map([["", 1]]), new Map<never, Kind>());

/** x, of which the parties know x̂ = x + m and the dealer the mask m. */
export function value<N extends string>(name: N): Sum<N> {
  return new Sum(new Map([[name, 1]]), new Map([[name, "value"]]));
}

/** A bit b, of which the parties know b̂ = b ⊕ ρ and the dealer the mask bit ρ. */
export function bit<N extends string>(name: N): Sum<N> {
  return new Sum(new Map([[name, 1]]), new Map([[name, "bit"]]));
}

/** A sign s = ±1 that the dealer alone knows. */
export function sign<N extends string>(name: N): Sum<N> {
  return new Sum(new Map([[name, 1]]), new Map([[name, "sign"]]));
}
