/**
 * Rows, elements and pairs of ragged blocks: what kernels need to know of them, and which words some items touch.
 *
 * @module
 */

import type { WordRange } from "./runner.ts";

/** How the items of one kernel relate to the words of one tensor: block b has `items[b]` items and `words[b]` words. */
export class Spread {
  readonly #items: number[] = [0];
  readonly #words: number[] = [0];

  constructor(items: readonly number[], words: readonly number[]) {
    items.forEach((count, b) => {
      this.#items.push(this.#items[b]! + count);
      this.#words.push(this.#words[b]! + words[b]!);
    });
  }

  /** First word of block b. */
  firstWord(b: number): number {
    return this.#words[b]!;
  }

  /** Words of all blocks. */
  get words(): number {
    return this.#words.at(-1)!;
  }

  /**
   * The words of whole units of items, where a unit of block b has `unitItems[b]` items and as many words as its share of the block.
   */
  range(unitItems: (b: number) => number): WordRange {
    const items = this.#items, words = this.#words;
    const place = (b: number, item: number, round: (units: number) => number): number => {
      const count = items[b + 1]! - items[b]!, unit = unitItems(b);
      if (count === 0) return words[b]!;
      return words[b]! + round((item - items[b]!) / unit) * (words[b + 1]! - words[b]!) / (count / unit);
    };
    return (first, end) => {
      let low = 0;
      while (low + 2 < items.length && first >= items[low + 1]!) low++;
      let high = low;
      while (high + 2 < items.length && end > items[high + 1]!) high++;
      return [place(low, first, Math.floor), place(high, end, Math.ceil)];
    };
  }
}
