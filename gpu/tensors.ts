/**
 * Tensors on the device and the scopes that own them.
 *
 * @module
 */

import type { Handle, Scope } from "../core/engine.ts";
import type { Block, BufferPool } from "./buffers.ts";

/** What several tensors may lie in. */
export class Region {
  #tensors = 0;
  constructor(readonly pool: BufferPool, readonly block: Block) {}
  /** A tensor lies here. */
  retain(): void {
    this.#tensors++;
  }
  /** It is freed. */
  release(): void {
    if (--this.#tensors === 0) this.pool.give(this.block);
  }
}

/** A tensor in a region, without one once it is freed. */
export class Tensor implements Handle {
  /** The scope that frees it. */
  owner: TensorScope | null = null;
  #region: Region | null;
  constructor(region: Region, readonly firstWord: number, readonly count: number, readonly wordsPerElement: 1 | 2) {
    this.#region = region;
    region.retain();
  }
  /** Words of all elements. */
  get words(): number {
    return this.count * this.wordsPerElement;
  }
  /** Where it lies. */
  get block(): Block {
    if (this.#region === null) throw new Error("Internal error: a tensor was used after its scope had ended");
    return this.#region.block;
  }
  /** What frees it, for a registry: does not refer to the tensor. */
  get region(): Region {
    return this.#region!;
  }
  /** Frees it. */
  free(): void {
    this.#region!.release();
    this.#region = null;
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

  /** New tensors in one region, one behind the other; their content is undefined. */
  tensors(label: string, counts: readonly number[], wordsPerElement: 1 | 2 = 1): Tensor[] {
    const words = counts.reduce((sum, count) => sum + count * wordsPerElement, 0),
      region = new Region(this.pool, this.pool.take(label, 4 * words));
    let at = 0;
    return counts.map((count) => {
      const tensor = new Tensor(region, at, count, wordsPerElement);
      at += count * wordsPerElement;
      this.own(tensor, this.scope);
      return tensor;
    });
  }

  /** A new tensor. */
  tensor(label: string, count: number, wordsPerElement: 1 | 2 = 1): Tensor {
    return this.tensors(label, [count], wordsPerElement)[0]!;
  }

  /** Gives a tensor to a scope; without one it lives as long as anybody refers to it. */
  own(tensor: Tensor, owner: TensorScope | null): void {
    tensor.owner = owner;
    if (owner !== null) owner.tensors.push(tensor);
    else {
      const { region } = tensor;
      this.collect(tensor, () => region.release());
    }
  }

  /** Calls `free` when nobody refers to `holder` any more. */
  collect(holder: object, free: () => void): void {
    this.#collected.register(holder, free);
  }

  /** Calls `use` with a tensor that is free again afterwards. */
  temporary<T>(label: string, count: number, use: (tensor: Tensor) => T): T {
    const tensor = new Tensor(new Region(this.pool, this.pool.take(label, 4 * count)), 0, count, 1);
    try {
      return use(tensor);
    } finally {
      tensor.free();
    }
  }
}
