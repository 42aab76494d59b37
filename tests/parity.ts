/**
 * Every engine against the reference engine, bit for bit: operations and whole gates on random tensors and random key bits, several ragged blocks, odd widths,
 * both parities and both parties. Key bits need not be dealt: what an operation does to arbitrary bits is defined.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Engine, Extent, Handle, RecordView } from "../core/engine.ts";
import { type Field, fieldPlaces, findRecord, type KeyReader, recordBits } from "../core/protocols/key.ts";
import type { Primitive } from "../core/protocols/primitive.ts";
import {
  elementCount,
  type Inputs,
  type Kind,
  type Operand,
  type Share,
  share,
  type Wire,
  wire,
} from "../core/protocols/tensor.ts";
import type { Kernel, KernelCall } from "../core/kernel.ts";
import { ReferenceEngine } from "../core/reference/engine.ts";
import { lowMask } from "../core/ring/words.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import { createGpuEngine, findAdapter } from "../gpu/mod.ts";
import { GATE_KERNELS as EXAMPLE_KERNELS } from "./gates/kernels.ts";

/** An engine under test. */
interface Subject {
  readonly name: string;
  /** There is nothing to run it on. */
  readonly isMissing?: boolean;
  make(): Promise<{ engine: Engine; close(): void }>;
}

/** Name of the GPU adapter, if there is one. */
export const ADAPTER: string | null = await findAdapter();
/** Whether tests that need one cannot run. */
export const isGpuMissing: boolean = ADAPTER === null && Deno.env.get("REQUIRE_GPU") !== "1";

function gpuSubject(name: string, bindingBytes?: number): Subject {
  return {
    name,
    isMissing: isGpuMissing,
    make: async () => {
      const engine = await createGpuEngine({ bindingBytes, kernels: EXAMPLE_KERNELS });
      return { engine, close: () => engine.close() };
    },
  };
}

/** All engines. */
export const SUBJECTS: readonly Subject[] = [
  {
    name: "wasm",
    make: async () => {
      const engine = await createWasmEngine();
      return { engine, close: () => engine.close() };
    },
  },
  {
    name: "wasm, 2 threads",
    make: async () => {
      const engine = await createWasmEngine({ threads: 2, parallelNs: 0 });
      return { engine, close: () => engine.close() };
    },
  },
  gpuSubject("webgpu"),
  gpuSubject("webgpu, small bindings", 12288),
];

/** The same inputs for two engines: a kit draws from its own generator, seeded alike. */
export class Kit {
  #state: number;
  constructor(readonly engine: Engine, seed: number) {
    this.#state = seed | 0;
  }
  /** A random u32 (splitmix). */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return (x ^ (x >>> 15)) >>> 0;
  }
  /** An integer in [from, to]. */
  int(from: number, to: number): number {
    return from + this.next() % (to - from + 1);
  }
  bit(): 0 | 1 {
    return (this.next() & 1) as 0 | 1;
  }
  words(count: number, bits = 32): Uint32Array {
    return Uint32Array.from({ length: count }, () => this.next() & lowMask(bits));
  }
  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.next());
  }
  tensor(count: number, bits = 32): Handle {
    return this.engine.upload(this.words(count, bits));
  }
  wide(count: number, bits: number): Handle {
    return this.engine.upload(
      Uint32Array.from({ length: 2 * count }, (_, i) => this.next() & (i % 2 === 0 ? 0xffffffff : lowMask(bits - 32))),
      2,
    );
  }
  /** Ragged columns of a few blocks. */
  extent(): Extent {
    return { rows: this.int(1, 5), cols: Array.from({ length: this.int(1, 4) }, () => this.int(1, 23)) };
  }
  /** A tensor of any ring. */
  ring(count: number, bits: number): Handle {
    return bits > 32 ? this.wide(count, bits) : this.tensor(count, bits);
  }
  /** A wire of a ring. */
  wire(ringBits: number, extent: Extent, scale = 10): Wire<"masked"> {
    return wire("masked", { ringBits, scale, extent }, this.ring(elementCount(extent), ringBits));
  }
  /** A share of a ring. */
  share(ringBits: number, extent: Extent, scale = 10): Share<"masked"> {
    return share("masked", { ringBits, scale, extent }, this.ring(elementCount(extent), ringBits));
  }
  /** An operand of a ring, and the share of its mask. */
  operand(ringBits: number, extent: Extent): Operand<"masked"> {
    const standing = this.ring(elementCount(extent), ringBits);
    return { ...this.wire(ringBits, extent), kind: "operand", standing, lift: null };
  }
  /** Random key bits: blocks in any place, not aligned to words. */
  record(fields: readonly Field[], counts: readonly number[], parity: 0 | 1 = this.bit()): RecordView {
    const at: number[] = [];
    const bits = recordBits(fields);
    let byteLength = this.int(0, 5);
    for (const count of counts) {
      at.push(byteLength);
      byteLength += Math.ceil(bits * count / 8) + this.int(0, 3);
    }
    const memory = this.engine.keyMemory(byteLength);
    this.engine.expand(this.bytes(32), memory, [{ nonce: this.bytes(12), offset: 0, byteLength }]);
    return { memory, bits, counts, at, parity, fields: fieldPlaces(fields) };
  }

  /**
   * Runs a party's face of a gate on random key bits, and answers its openings at random.
   *
   * @returns Everything that it opens, packed, then the tensors of its result.
   */
  async gate<P, I extends readonly Kind[], K extends Kind>(
    party: 0 | 1,
    primitive: Primitive<P, I, K>,
    params: P,
    ...x: Inputs<"masked", I>
  ): Promise<Result[]> {
    const { engine } = this, results: Result[] = [], views = new Map<string, RecordView>();
    const { key: records } = primitive.plan(params, x as unknown as Inputs<"plan", I>);
    for (const { name, fields, counts } of records) views.set(name, this.record(fields, counts));
    const salt = this.bytes(16),
      nothing = (): never => {
        throw new Error("Cannot read this in a test of parity");
      };
    const reader: KeyReader = {
      party,
      engine,
      salt,
      record: (name) => views.get(findRecord(records, name).name)!,
      weights: nothing,
      prepared: () => null,
      constants: nothing,
      input: () => null,
      realTokens: () => null,
      keepCoins: null,
    };
    const gate = primitive.run(params, x, reader);
    let next = gate.next();
    while (!next.done) {
      const opened: Handle[] = [];
      for (const { kind, share, count, bits } of next.value) {
        if (share !== null && bits[1 - party]! > 0) results.push(await engine.pack(share, bits[1 - party]!));
        const received = this.packed(count, bits[party]!);
        opened.push(engine.combine(kind, share, count, received, bits[party]!));
      }
      next = gate.next(opened);
    }
    const value = next.value as { readonly kind: string; readonly data?: Handle; readonly sum?: Wire<"masked"> };
    results.push(value.sum?.data ?? value.data!);
    return results;
  }

  /** A packed tensor with zero padding. */
  packed(count: number, bits: number): Uint8Array {
    const bytes = this.bytes(Math.ceil(count * bits / 8)), padding = 8 * bytes.length - count * bits;
    if (padding > 0) bytes[bytes.length - 1]! &= 0xff >>> padding;
    return bytes;
  }
}

/** Every call of a kernel that `run` makes, to be made again. */
export async function callsOf(
  engine: Engine,
  run: (kit: Kit) => Promise<unknown>,
): Promise<{ readonly kernel: Kernel; readonly call: KernelCall }[]> {
  const calls: { readonly kernel: Kernel; readonly call: KernelCall }[] = [];
  const recording = new Proxy(engine, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      if (name !== "step") return member.bind(target);
      return (kernel: Kernel, call: KernelCall) => {
        calls.push({ kernel, call });
        return target.step(kernel, call);
      };
    },
  });
  await run(new Kit(recording, 1));
  return calls;
}

/** What an operation gives. */
export type Result = Handle | Uint8Array;

/** Reads results back, to be compared. */
export async function readResults(engine: Engine, results: readonly Result[]): Promise<unknown[]> {
  return await Promise.all(results.map(async (result) => {
    if (result instanceof Uint8Array) return result;
    return { words: await engine.download(result), count: result.count, wordsPerElement: result.wordsPerElement };
  }));
}

/** Sum of numbers. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Makes a test for every engine: runs `operation` with many seeds on it and on the reference engine. */
export function parity(
  name: string,
  rounds: number,
  operation: (kit: Kit, round: number) => readonly Result[] | Promise<readonly Result[]>,
): void {
  for (const subject of SUBJECTS) {
    Deno.test(`${subject.name} equals the reference: ${name}`, { ignore: subject.isMissing ?? false }, async () => {
      const { engine, close } = await subject.make();
      try {
        const reference = new ReferenceEngine();
        for (let round = 0; round < rounds; round++) {
          const scope = engine.begin();
          const expected = await readResults(reference, await operation(new Kit(reference, round), round));
          const actual = await readResults(engine, await operation(new Kit(engine, round), round));
          assertEquals(actual, expected, `round ${round}`);
          scope.end([]);
        }
      } finally {
        close();
      }
    });
  }
}
