/**
 * Two parties that trust each other, as tests and benches on real sockets need them: fixed keys, so that threads agree.
 *
 * @module
 */

import type { OpenOptions } from "../transport/handshake.ts";
import { Identity } from "../transport/identity.ts";
import { LINK_KEY_BYTES } from "../transport/seal.ts";
import { KeyPair } from "../transport/x25519.ts";

/** Identities of party 0 and party 1. */
export const IDENTITIES: readonly [Identity, Identity] = [
  new Identity("owner", KeyPair.from(new Uint8Array(32).fill(1))),
  new Identity("client", KeyPair.from(new Uint8Array(32).fill(2))),
];

/** What a party brings to a link, changed where a test says so. */
export function credentials(party: 0 | 1, changes: Partial<OpenOptions> = {}): OpenOptions {
  return {
    identity: IDENTITIES[party],
    peers: new Map([[IDENTITIES[1 - party]!.publicLine, "peer"]]),
    linkKey: new Uint8Array(LINK_KEY_BYTES).fill(3),
    agreement: {
      session: "00000000-0000-4000-8000-000000000000",
      weightsId: "weights",
      masksDigest: "masks",
      tokenizerDigest: "tokenizer",
      planDigest: "plan",
      layoutVersion: 1,
    },
    ...changes,
  };
}
