/** Seeds, and the addresses under which their streams are expanded. */

/** Length of a session seed. */
export const SEED_BYTES = 32;

/** Length of a stream's nonce. */
const NONCE_BYTES = 12;

/** Throws unless a stream's seed and nonce have their lengths. */
export function assertStream(seed: Uint8Array, nonce: Uint8Array): void {
  if (seed.length !== SEED_BYTES || nonce.length !== NONCE_BYTES) {
    throw new RangeError(
      `Cannot expand a seed as seed and nonce must have ${SEED_BYTES} and ${NONCE_BYTES} bytes: received ${seed.length} and ${nonce.length}`,
    );
  }
}

/**
 * A secret 32-byte seed that cannot print itself: string conversion, JSON and inspection all give `Seed(32 bytes)`.
 *
 * @example Nothing leaks
 * ```ts
 * import { Seed } from "sluice/core/prg/seed.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(`${Seed.from(new Uint8Array(32))}`, "Seed(32 bytes)");
 * ```
 */
export class Seed {
  readonly #bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Draws a fresh seed from the system's generator. */
  static random(): Seed {
    return new Seed(crypto.getRandomValues(new Uint8Array(SEED_BYTES)));
  }

  /**
   * Wraps a copy of 32 bytes.
   *
   * @throws {RangeError} If there are not 32 bytes.
   */
  static from(bytes: Uint8Array): Seed {
    if (bytes.length !== SEED_BYTES) {
      throw new RangeError(`Cannot make a seed as it must have ${SEED_BYTES} bytes: received ${bytes.length}`);
    }
    return new Seed(bytes.slice());
  }

  /** Returns a copy of the bytes, for the generator or for sealed storage. */
  expose(): Uint8Array {
    return this.#bytes.slice();
  }

  /** Returns `Seed(32 bytes)`. */
  toString(): string {
    return `Seed(${SEED_BYTES} bytes)`;
  }

  /** Returns `Seed(32 bytes)`. */
  toJSON(): string {
    return this.toString();
  }

  /** Returns `Seed(32 bytes)`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** Returns `Seed(32 bytes)`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/** What a stream is for. Two purposes never share an address, so no pad is ever used twice. */
export const PURPOSE = {
  /** The seed part of a block: free pads, seed halves of given values and of one-hot vectors, the client's masks, roots of tree DPFs. */
  key: 0,
  /** Masks of weights. */
  weights: 1,
  /** Reserved. */
  input: 2,
  /** Reserved. */
  tree: 3,
} as const;

/** One of the values of {@linkcode PURPOSE}. */
export type Purpose = (typeof PURPOSE)[keyof typeof PURPOSE];

/** Where in a run a stream belongs. All numbers are public. */
export interface StreamAddress {
  /** One of {@linkcode PURPOSE}; u8. */
  readonly purpose: Purpose;
  /** Number of the request; u32. */
  readonly request: number;
  /** Position within the request; u32. */
  readonly position: number;
  /** Stage; u16. */
  readonly stage: number;
}

/** Throws unless `value` is an integer in `[0, 2^bits)`. */
function checkField(field: string, value: number, bits: number): void {
  if (!(Number.isInteger(value) && value >= 0 && value < 2 ** bits)) {
    throw new RangeError(`Cannot address a stream as its ${field} must be below 2^${bits}: received ${value}`);
  }
}

/**
 * Encodes a stream's address as the 12-byte nonce of its expansion. Every field has its own bytes, so the map is injective.
 *
 * Layout, little-endian: u8 purpose, u8 zero, u16 stage, u32 request, u32 position.
 *
 * @throws {RangeError} If a field does not fit.
 *
 * @example The key stream of stage 3 at position 7
 * ```ts
 * import { address, PURPOSE } from "sluice/core/prg/seed.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const nonce = address({ purpose: PURPOSE.key, request: 1, position: 7, stage: 3 });
 *
 * assertEquals(nonce, Uint8Array.of(0, 0, 3, 0, 1, 0, 0, 0, 7, 0, 0, 0));
 * ```
 */
export function address(stream: StreamAddress): Uint8Array {
  const { purpose, request, position, stage } = stream;
  checkField("purpose", purpose, 8);
  checkField("request", request, 32);
  checkField("position", position, 32);
  checkField("stage", stage, 16);
  const nonce = new Uint8Array(NONCE_BYTES);
  const view = new DataView(nonce.buffer);
  view.setUint8(0, purpose);
  view.setUint16(2, stage, true);
  view.setUint32(4, request, true);
  view.setUint32(8, position, true);
  return nonce;
}
