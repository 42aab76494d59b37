/**
 * Public tables on the device: uploaded when a step first uses them, freed when nobody refers to them any more.
 *
 * @module
 */

import type { Block } from "./buffers.ts";
import type { Runner } from "./runner.ts";

/** Words that a table takes: whole fours, which kernels read at once. */
export function tableWords(table: Uint32Array): number {
  return Math.ceil(table.length / 4) * 4;
}

/** Tables by identity. */
export class Tables {
  readonly #made = new WeakMap<Uint32Array, { readonly tables: readonly Uint32Array[]; readonly block: Block }>();
  constructor(readonly run: Runner) {}

  /** A block that holds the tables one behind the other, each in {@linkcode tableWords}. */
  get(tables: readonly Uint32Array[]): Block {
    const key = tables[0]!, made = this.#made.get(key);
    if (made !== undefined && made.tables.length === tables.length && tables.every((t, i) => t === made.tables[i])) {
      return made.block;
    }
    const words = new Uint32Array(tables.reduce((sum, table) => sum + tableWords(table), 0));
    let at = 0;
    for (const table of tables) {
      words.set(table, at);
      at += tableWords(table);
    }
    const { pool, batches, owners } = this.run, block = pool.take("public tables", words.byteLength);
    batches.write(block, 0, words);
    const entry = { tables, block };
    this.#made.set(key, entry);
    owners.collect(entry, () => pool.give(block));
    return block;
  }
}
