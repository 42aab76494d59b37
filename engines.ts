/**
 * For those who build engines and links: the two interfaces that they implement, the definition that every engine
 * equals bit for bit, and the words and bits that both move. `tests/engine_parity_test.ts` says when an engine is one.
 *
 * @module
 */

import type { Engine } from "./core/engine.ts";
import { ReferenceEngine } from "./core/reference/engine.ts";

/** Makes the reference engine: plain loops, the definition that every other engine equals bit for bit. */
export function createReferenceEngine(): Engine {
  return new ReferenceEngine();
}

export * from "./core/engine.ts";
export * from "./core/kernel.ts";
export * from "./core/channel.ts";
export * from "./core/ring/bits.ts";
export * from "./core/ring/words.ts";
export { type DeviceOptions } from "./gpu/device.ts";

// Under the links: byte streams, frames and seals.
export * from "./transport/duplex.ts";
export { type ControlBody } from "./transport/frame.ts";
export { DEFAULT_MAILBOX_LIMITS, type MailboxLimits } from "./transport/mailbox.ts";
export * from "./transport/seal.ts";
