/** A stream of bytes in both directions, as a socket gives it, and the two loops that everything above it needs. */

import { ProtocolError } from "../core/errors.ts";

/** One end of a reliable byte stream. `Deno.TcpConn` has this shape. */
export interface Duplex {
  /** Reads at least one byte into `into` and returns the count, or null at the end of the stream. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes` and returns the count, at once where nothing has to be waited for; the caller keeps `bytes` unchanged until then. */
  write(bytes: Uint8Array): number | Promise<number>;
  /** Ends both directions; a waiting `read` ends too. */
  close(): void;
  /**
   * Takes over the sealing, where the stream's other thread does it: from here on `write` is given frames in the clear, each behind its sealed length.
   *
   * @param key Key of the frames that this side sends; secret.
   */
  sealWith?(key: Uint8Array): Promise<void>;
}

/**
 * Fills `into` from the stream.
 *
 * @throws {ProtocolError} If the stream ends first.
 */
export async function readFully(duplex: Duplex, into: Uint8Array): Promise<void> {
  for (let filledBytes = 0; filledBytes < into.length;) {
    const count = await duplex.read(into.subarray(filledBytes));
    if (count === null) {
      throw new ProtocolError(
        `Cannot read from the peer as it must send ${into.length} bytes: received ${filledBytes} bytes and the end of the connection`,
      );
    }
    filledBytes += count;
  }
}

/** Writes all of `bytes`, at once where the stream takes them at once. */
export function writeFully(duplex: Duplex, bytes: Uint8Array): void | Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    const written = duplex.write(rest);
    if (typeof written !== "number") return written.then((count) => writeFully(duplex, rest.subarray(count)));
    rest = rest.subarray(written);
  }
}

/** Closes a stream that may already be closed. */
export function closeQuietly(duplex: Duplex): void {
  try {
    duplex.close();
  } catch {
    // A socket that the peer or an earlier close has ended says so; there is nothing left to do.
  }
}
