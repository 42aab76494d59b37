/** CBOR with one set of options and one encoding per value: what does not re-encode to the same bytes is refused. */

import { Encoder } from "cbor-x";
import { FrameError } from "../core/errors.ts";

// No records (their definitions would be state), shortest maps, plain byte strings, and copies: the receive buffer is reused.
const cbor = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true, copyBuffers: true });

/** Encodes a value; the result is the caller's to keep. */
export function encodeCbor(value: unknown): Uint8Array {
  const bytes = cbor.encode(value);
  // Not a Buffer: its slice() would be a view.
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * Decodes exactly one value in the encoding that `encodeCbor` gives it.
 *
 * @throws {FrameError} If the bytes are no CBOR, hold more than one value, or are not the canonical encoding; the offset is that of the first byte that differs.
 */
export function decodeCbor(bytes: Uint8Array): unknown {
  let value: unknown;
  let canonical: Uint8Array;
  try {
    value = cbor.decode(bytes);
    canonical = cbor.encode(value);
  } catch {
    throw new FrameError(`Cannot decode CBOR as it must be one complete value: received ${bytes.length} bytes`, 0);
  }
  for (let offset = 0; offset < Math.max(bytes.length, canonical.length); offset++) {
    if (bytes[offset] !== canonical[offset]) {
      throw new FrameError(
        `Cannot decode CBOR as it must be canonical: received another encoding at byte ${offset}`,
        offset,
      );
    }
  }
  return value;
}
