/**
 * The public coins of dithered rounding, as a run has kept them for the oracle.
 *
 * They are the low bits of masked values, which both parties see anyway: uniform and independent of every input.
 * Whoever checks a run needs them, nobody else.
 *
 * @module
 */

import { packedBytes, unpackBits } from "../../core/ring/bits.ts";

/** What one gate of one lane kept. */
interface Kept {
  readonly request: number;
  readonly stage: number;
  readonly path: string;
  readonly bits: number;
  readonly count: number;
}

/** Gives the next `count` coins of a gate, in the order of positions. */
export type CoinReader = (stage: number, path: string, bits: number, count: number) => Uint32Array;

/**
 * Coins of a session.
 *
 * @example What was kept lane by lane is read in any pieces
 * ```ts
 * import { CoinRecord } from "sluice/pipeline/interpreters/coins.ts";
 * import { packBits } from "sluice/core/ring/bits.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const record = new CoinRecord(), keep = record.keeper(0, 1);
 * keep("score", packBits(Uint32Array.of(1, 2, 3), 4), 4, 3);
 * keep("score", packBits(Uint32Array.of(4), 4), 4, 1);
 * const read = CoinRecord.decode(await record.encode()).reader(0);
 *
 * assertEquals([read(1, "score", 4, 2), read(1, "score", 4, 2)], [Uint32Array.of(1, 2), Uint32Array.of(3, 4)]);
 * ```
 */
export class CoinRecord {
  readonly #entries: { readonly kept: Kept; readonly packed: Uint8Array | Promise<Uint8Array> }[] = [];

  /** Takes the coins of one lane. */
  keeper(
    request: number,
    stage: number,
  ): (path: string, packed: Uint8Array | Promise<Uint8Array>, bits: number, count: number) => void {
    return (path, packed, bits, count) => {
      if (packed instanceof Promise) packed.catch(() => {}); // a run that fails says so elsewhere
      this.#entries.push({ kept: { request, stage, path, bits, count }, packed });
    };
  }

  /** One file: u32 length of a JSON list of what was kept (little-endian), that list, then the packed coins. */
  async encode(): Promise<Uint8Array<ArrayBuffer>> {
    const payloads = await Promise.all(this.#entries.map(({ packed }) => packed)),
      head = new TextEncoder().encode(JSON.stringify(this.#entries.map(({ kept }) => kept)));
    const out = new Uint8Array(payloads.reduce((sum, bytes) => sum + bytes.length, 4 + head.length));
    new DataView(out.buffer).setUint32(0, head.length, true);
    out.set(head, 4);
    let at = 4 + head.length;
    for (const bytes of payloads) {
      out.set(bytes, at);
      at += bytes.length;
    }
    return out;
  }

  /** Reads what {@linkcode encode} wrote. */
  static decode(file: Uint8Array<ArrayBuffer>): CoinRecord {
    const record = new CoinRecord(), length = new DataView(file.buffer, file.byteOffset).getUint32(0, true);
    let at = 4 + length;
    for (const kept of JSON.parse(new TextDecoder().decode(file.subarray(4, at))) as Kept[]) {
      const bytes = packedBytes(kept.bits, kept.count);
      record.#entries.push({ kept, packed: file.subarray(at, at += bytes) });
    }
    return record;
  }

  /**
   * The coins of one request. Lanes of a stage run in the order of positions, so the n-th coin of a gate is the same
   * however the oracle cuts the positions.
   *
   * @throws {RangeError} If a gate asks for other coins than were kept.
   */
  reader(request: number): CoinReader {
    const waiting = new Map<string, { kept: Kept; packed: Uint8Array }[]>(), left = new Map<string, Uint32Array>();
    for (const { kept, packed } of this.#entries) {
      if (kept.request !== request) continue;
      if (packed instanceof Promise) throw new RangeError("Cannot read coins as they must have been encoded first");
      const name = `${kept.stage}: ${kept.path}`;
      waiting.set(name, [...(waiting.get(name) ?? []), { kept, packed }]);
    }
    return (stage, path, bits, count) => {
      const name = `${stage}: ${path}`, out = new Uint32Array(count);
      let have = 0, rest = left.get(name) ?? new Uint32Array(0);
      while (have < count) {
        if (rest.length === 0) {
          const next = waiting.get(name)?.shift();
          if (next === undefined || next.kept.bits !== bits) {
            throw new RangeError(`Cannot read ${bits}-bit coins of ${name} as the run must have kept them`);
          }
          rest = unpackBits(next.packed, bits, next.kept.count);
        }
        const taken = rest.subarray(0, count - have);
        out.set(taken, have);
        have += taken.length;
        rest = rest.subarray(taken.length);
      }
      left.set(name, rest);
      return out;
    };
  }
}
