/**
 * The other party, as a role sees it.
 *
 * @module
 */

import type { Channel } from "../core/channel.ts";
import type { ControlBody } from "../transport/frame.ts";
import type { Control } from "../transport/link.ts";

/** An open link to the other party: openings, control messages, and an end that both see. `Link` is one. */
export interface Peer extends Channel {
  /** Resolves when the connection has ended; never rejects. */
  readonly closed: Promise<void>;
  /** Sends a control message, in order with everything else. */
  sendControl(type: string, body?: ControlBody, payload?: Uint8Array): void;
  /**
   * Receives the next control message of a type.
   *
   * @throws {ProtocolError} If the link is lost or the peer ends the session.
   */
  receiveControl(type: string): Promise<Control>;
}
