/** Sealing of whole frames, on whichever thread does it. */

import { LENGTH_BYTES } from "./frame.ts";
import { type Sealer, TAG_BYTES } from "./seal.ts";

/** Seals the frames of one direction into one buffer, reused: a sealed frame is valid until the next one is made. */
export class FrameSealer {
  readonly #sealer: Sealer;
  #wire = new Uint8Array(0);

  /** Seals with a direction's sealer. */
  constructor(sealer: Sealer) {
    this.#sealer = sealer;
  }

  /** Seals a frame that stands in the clear behind its sealed length, and keeps that in front. */
  seal(frame: Uint8Array): Uint8Array {
    const bytes = frame.length + TAG_BYTES;
    if (this.#wire.length < bytes) this.#wire = new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
    this.#wire.set(frame.subarray(0, LENGTH_BYTES));
    this.#sealer.seal(frame.subarray(LENGTH_BYTES), this.#wire, LENGTH_BYTES);
    return this.#wire.subarray(0, bytes);
  }
}
