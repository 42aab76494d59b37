/** Twin of truncation after its page alone, SPEC.md §5.7, in BigInt. Imports nothing from `core/`. */

import { chooseChunks, follow, symbols } from "./flat_dpf.ts";
import { type Party, toBits, toInteger } from "./party.ts";
import { reduce } from "./ring.ts";

/** What both parties know of a truncation. */
export interface Truncation {
  readonly n: number;
  readonly m: number;
  readonly f: number;
  /** 2^(f-1) to nearest, 0 down. */
  readonly a: number;
  readonly full: number;
  readonly share: boolean;
}

/** ẑ⁺ of what a party has of ẑ. */
function raised({ n, a }: Truncation, z: bigint): bigint {
  return reduce(z + BigInt(a) + (1n << BigInt(n - 2)), n);
}

/** Step 2: a party's shares of the symbols, and the bit that it tells. */
export function truncateSymbols(p: Truncation, party: Party, e: number, z: bigint): bigint {
  const { f, m, n } = p, chunks = chooseChunks(f, m), up = raised(p, z), count = 2 ** chunks.length - 1;
  const shares = symbols(
    party.bits("gate#given", "compare", e),
    chunks,
    party.isExplicit("gate#given"),
    Number(up % (1n << BigInt(f))),
  );
  const masks = party.bits("gate#free", "symbols", e), told = p.share && m > n - f && party.party === p.full;
  return toInteger(shares.map((bit, i) => bit ^ masks[i]!)) +
    ((told ? 1n - (up >> BigInt(n - 1)) : 0n) << BigInt(count));
}

/** Step 3: a party's share of y + r_y. */
export function truncateFinish(p: Truncation, party: Party, e: number, z: bigint, opened: bigint): bigint {
  const { f, m, n } = p, chunks = chooseChunks(f, m), count = 2 ** chunks.length - 1, up = raised(p, z);
  const { path, bit } = follow(toBits(opened, count), chunks.length), isFull = !p.share || party.party === p.full;
  const told = isFull ? 1n - (up >> BigInt(n - 1)) : opened >> BigInt(count);
  const [carry, [pad]] = [party.words("gate#given", "carries", e, m)[path]!, party.words("gate#free", "pad", e, m)];
  const wrap = party.words("gate#given", "wrap", e, Math.max(0, m - n + f))[0] ?? 0n;
  let share = pad! - (1n - 2n * BigInt(bit)) * carry + told * (wrap << BigInt(n - f));
  if (party.party === (p.share ? p.full : 0)) share += (up >> BigInt(f)) - (1n << BigInt(n - 2 - f)) - BigInt(bit);
  return reduce(share, m);
}
