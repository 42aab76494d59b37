// Exact truncation. Items are elements.

import {
  elementAt,
  fieldOf,
  lowBits,
  pointer,
  putElement,
  recordBit,
  shiftLeft,
  unit,
  word,
} from "../../../cpu/assembly/bits";
import { permutedPath, permutedSymbols } from "../../../cpu/assembly/permuted";

// <arguments> written by `deno task kernels`
const enum TruncateFinish {
  z,
  opened,
  result,
  givenBits,
  freeBits,
  carriesAt,
  wrapAt,
  padAt,
  zWords,
  resultWords,
  party,
  parity,
  inBits,
  by,
  addend,
  outBits,
  wrapBits,
  chunkCount,
  adds,
}

const enum TruncateSymbols {
  z,
  symbols,
  givenBits,
  freeBits,
  compareAt,
  symbolsAt,
  zWords,
  party,
  parity,
  inBits,
  by,
  addend,
  chunks,
  chunkCount,
  tells,
}
// </arguments>

/** Shares of the comparison's symbols, and the top bit for the party that does not hold it. */
export function truncateSymbols<T>(args: usize, segment: usize, from: u32, to: u32): void {
  const z = pointer(args, TruncateSymbols.z),
    zWords = word(args, TruncateSymbols.zWords),
    out = pointer(args, TruncateSymbols.symbols);
  const givenBits = word(args, TruncateSymbols.givenBits),
    freeBits = word(args, TruncateSymbols.freeBits),
    parity = word(args, TruncateSymbols.parity);
  const chunks = word(args, TruncateSymbols.chunks),
    chunkCount = word(args, TruncateSymbols.chunkCount),
    n = word(args, TruncateSymbols.inBits);
  const raise = <T> word(args, TruncateSymbols.addend) + unit<T>(n - 2),
    low = lowBits<T>(word(args, TruncateSymbols.by));
  const tells = word(args, TruncateSymbols.tells), count = (<u32> 1 << chunkCount) - 1;
  let given = recordBit(pointer(segment, 2), from, givenBits) + word(args, TruncateSymbols.compareAt);
  let free = recordBit(pointer(segment, 3), from, freeBits) + word(args, TruncateSymbols.symbolsAt);
  for (
    let i = word(segment, 0) + from, end = word(segment, 0) + to;
    i < end;
    i++, given += givenBits, free += freeBits
  ) {
    const shifted = elementAt<T>(z, i, zWords) + raise;
    const symbols = permutedSymbols(given, chunks, chunkCount, parity, <u64> (shifted & low)) ^
      fieldOf<u32>(free, count);
    store<u32>(out + (<usize> i << 2), symbols ^ ((tells & ~<u32> (shifted >> <T> (n - 1))) << count));
  }
}

/** Share of the result. */
export function truncateFinish<T>(args: usize, segment: usize, from: u32, to: u32): void {
  const z = pointer(args, TruncateFinish.z),
    zWords = word(args, TruncateFinish.zWords),
    opened = pointer(args, TruncateFinish.opened);
  const out = pointer(args, TruncateFinish.result), outWords = word(args, TruncateFinish.resultWords);
  const givenBits = word(args, TruncateFinish.givenBits),
    freeBits = word(args, TruncateFinish.freeBits),
    chunkCount = word(args, TruncateFinish.chunkCount);
  const n = word(args, TruncateFinish.inBits),
    m = word(args, TruncateFinish.outBits),
    by = word(args, TruncateFinish.by),
    ring = lowBits<T>(m);
  const wrapBits = word(args, TruncateFinish.wrapBits),
    adds = <T> 0 - <T> word(args, TruncateFinish.adds),
    whole = lowBits<T>(n);
  const raise = <T> word(args, TruncateFinish.addend) + unit<T>(n - 2),
    offset = unit<T>(n - 2 - by),
    count = (<u32> 1 << chunkCount) - 1;
  let given = recordBit(pointer(segment, 2), from, givenBits),
    free = recordBit(pointer(segment, 3), from, freeBits) + word(args, TruncateFinish.padAt);
  const carriesAt = word(args, TruncateFinish.carriesAt), wrapAt = word(args, TruncateFinish.wrapAt);
  for (
    let i = word(segment, 0) + from, end = word(segment, 0) + to;
    i < end;
    i++, given += givenBits, free += freeBits
  ) {
    const symbols = load<u32>(opened + (<usize> i << 2)),
      selected = permutedPath(symbols, chunkCount),
      bit = <T> (selected & 1);
    let sum = fieldOf<T>(free, m) - (1 - 2 * bit) * fieldOf<T>(given + carriesAt + <u64> (selected >> 1) * m, m);
    if (wrapBits != 0) {
      sum += shiftLeft<T>(fieldOf<T>(given + wrapAt, wrapBits), n - by) &
        (<T> 0 - <T> ((symbols >> count) & 1));
    }
    sum += ((((elementAt<T>(z, i, zWords) + raise) & whole) >> <T> by) - offset - bit) & adds;
    putElement<T>(out, i, outWords, sum & ring);
  }
}
