/**
 * What a party's runner needs of a link to the other party: post a share, take the peer's.
 *
 * The runner in `pipeline/` uses this interface, `transport/` implements it, and neither knows the other. Payloads are opaque bytes.
 */

/** A compute party: 0 owns the weights, 1 (the client) owns the input. The dealer is never a party. */
export type Party = 0 | 1;

/** Names one lane: one chunk of one request in one stage. All three numbers are public and count from 0. */
export interface Lane {
  /** Number of the request. */
  readonly request: number;
  /** Position of the lane's first token; grows within a request, so no two lanes of a stage share it. */
  readonly step: number;
  /** Stage: 0 is the input stage, 1..L the layers, L+1 the output stage. */
  readonly stage: number;
}

/** Bytes and frames that a channel has moved so far. */
export interface ChannelStats {
  /** Frames sent. */
  readonly frames: number;
  /** Bytes written to the socket: heads, seals and lengths included. */
  readonly wireBytes: number;
  /** Sum of the payload bytes posted with `post`. */
  readonly payloadBytes: number;
}

/** One party's end of a link. Messages are addressed by (lane, exchange); there is no order between lanes. */
export interface Channel {
  /** Whose end this is. */
  readonly party: Party;
  /** Counts so far. */
  readonly stats: ChannelStats;
  /**
   * Queues this party's message of one exchange and returns at once. The bytes are copied or written before the caller may reuse them: implementations copy.
   * An empty message is not sent at all: sizes are public, so the peer knows that there is nothing to wait for.
   */
  post(lane: Lane, exchange: number, payload: readonly Uint8Array[]): void;
  /**
   * Takes the peer's message of one exchange; it is returned directly when it is already here, and an `expectedBytes` of 0 returns an empty array at once.
   *
   * @throws {ProtocolError} If the message has another length than `expectedBytes`, or the link is lost (then every waiting take rejects with the same error).
   */
  take(lane: Lane, exchange: number, expectedBytes: number): Uint8Array | Promise<Uint8Array>;
  /** Closes the link; every waiting take rejects with `reason` (or a plain "closed" error). Idempotent. */
  close(reason?: Error): void;
}
