/**
 * Tensors on the device and the scopes that own them.
 *
 * @module
 */

import type { Handle, Scope } from "../core/engine.ts";
import type { Block, BufferPool } from "./buffers.ts";

/** A tensor in a block, without one once it is freed. */
export class Tensor implements Handle {
  /** The scope that frees it. */
  owner: TensorScope | null = null;
  #block: Block | null;
  constructor(readonly pool: BufferPool, label: string, readonly count: number, readonly wordsPerElement: 1 | 2) {
    this.#block = pool.take(label, 4 * count * wordsPerElement);
  }
  /** Words of all elements. */
  get words(): number {
    return this.count * this.wordsPerElement;
  }
  /** Where it lies. */
  get block(): Block {
    if (this.#block === null) throw new Error("Internal error: a tensor was used after its scope had ended");
    return this.#block;
  }
  /** Frees it. */
  free(): void {
    this.pool.give(this.block);
    this.#block = null;
  }
}

/** Handles made while this scope was current. */
export class TensorScope implements Scope {
  readonly tensors: Tensor[] = [];
  constructor(readonly owners: Owners, readonly parent: TensorScope | null) {}
  end(kept: readonly Handle[]): void {
    for (const tensor of this.tensors) {
      if (tensor.owner !== this) continue;
      if (kept.includes(tensor)) this.owners.own(tensor, this.parent);
      else tensor.free();
    }
    this.tensors.length = 0;
    if (this.owners.scope === this) this.owners.scope = this.parent;
  }
}

/** Makes tensors and gives them to the current scope. */
export class Owners {
  /** The current scope. */
  scope: TensorScope | null = null;
  readonly #collected = new FinalizationRegistry<() => void>((free) => free());

  constructor(readonly pool: BufferPool) {}

  /** A new tensor; its content is undefined. */
  tensor(label: string, count: number, wordsPerElement: 1 | 2 = 1): Tensor {
    const tensor = new Tensor(this.pool, label, count, wordsPerElement);
    this.own(tensor, this.scope);
    return tensor;
  }

  /** Gives a tensor to a scope; without one it lives as long as anybody refers to it. */
  own(tensor: Tensor, owner: TensorScope | null): void {
    tensor.owner = owner;
    if (owner !== null) owner.tensors.push(tensor);
    else {
      const { pool } = this, { block } = tensor;
      this.collect(tensor, () => pool.give(block));
    }
  }

  /** Calls `free` when nobody refers to `holder` any more. */
  collect(holder: object, free: () => void): void {
    this.#collected.register(holder, free);
  }

  /** Calls `use` with a tensor that is free again afterwards. */
  temporary<T>(label: string, count: number, wordsPerElement: 1 | 2, use: (tensor: Tensor) => T): T {
    const tensor = new Tensor(this.pool, label, count, wordsPerElement);
    try {
      return use(tensor);
    } finally {
      tensor.free();
    }
  }
}
