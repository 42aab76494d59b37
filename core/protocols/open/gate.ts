/**
 * Opening a share as it is, and revealing an output to the client alone.
 *
 * - **Source:** masked wires and a dealer as in [BGI19]
 *
 * @module
 */

import { type KeyRecord, writeMask } from "../key.ts";
import { open, type OpeningSize } from "../opening.ts";
import { assertKnownToBoth, assertRange, type Primitive } from "../primitive.ts";
import { blockCounts, elementCount, type Share, type View, type Wire, wire } from "../tensor.ts";
import { sum } from "../local/kernels.ts";

function toBoth(z: Share<View>): OpeningSize[] {
  return [{ kind: "add", count: elementCount(z.extent), bits: [z.ringBits, z.ringBits] }];
}

/**
 * Opens a share to both parties, without a key: the share carries its pad.
 *
 * - **Exchanges:** `1`   **Sends:** `n` bits per element   **Key:** `0`   **Spec:** SPEC.md §5.3
 */
export const openShare: Primitive<Record<never, never>, ["share"], "wire"> = {
  name: "open",
  clear(_p, [z]) {
    assertRange(z.data, 2 ** (z.ringBits - 1), `open a ${z.ringBits}-bit value`);
    return wire("clear", z, z.data);
  },
  plan: (_p, [z]) => ({ out: wire("plan", z, null), key: [], opens: [toBoth(z)] }),
  deal: (_p, [z]) => wire("mask", z, z.data),
  *run(_p, [z]) {
    const [data] = yield* open(toBoth(z), z.data);
    return wire("masked", z, data);
  },
};

function toClient(z: Wire<View> | Share<View>): OpeningSize[][] {
  return z.kind === "wire" ? [] : [[{ kind: "add", count: elementCount(z.extent), bits: [0, z.ringBits] }]];
}

/**
 * Reveals a value to the client alone: party 1's key holds the mask r_z; of a share, party 0 also sends its padded
 * half.
 *
 * Party 0's pad e_0 is fresh for every output of every evaluation and never known to party 1; without it as many
 * revealed rows as the layer has inputs would give the client the whole matrix. The result of `run` is z itself at
 * party 1, and nothing of use at party 0.
 *
 * - **Exchanges:** `share`, which is 1 of a share   **Sends:** nothing; of a share `[n, 0]` bits per element
 * - **Key:** `n` bits per element, in party 1's stream   **Spec:** SPEC.md §5.3
 */
export const reveal: Primitive<Record<never, never>, ["value"], "wire"> = {
  name: "reveal",
  clear(_p, [z]) {
    assertRange(z.data, 2 ** (z.ringBits - 1), `reveal a ${z.ringBits}-bit value`);
    return wire("clear", z, z.data);
  },
  plan(_p, [z]) {
    if (z.kind === "wire") assertKnownToBoth(z, "reveal a wire");
    const key: KeyRecord[] = [{
      name: "mask",
      kind: "client",
      counts: blockCounts(z.extent),
      fields: [{ name: "r", bits: z.ringBits }],
    }];
    return { out: wire("plan", z, null), key, opens: toClient(z) };
  },
  deal(_p, [z], key) {
    const { data: r } = z, mask = key.record("mask");
    for (let e = 0; e < r.length; e++) {
      mask.seek(e);
      // The client subtracts: its stream holds -r, so that one addition finishes.
      writeMask(mask, 0, z.ringBits, -r[e]!);
    }
    return wire("mask", z, r);
  },
  *run(_p, [z], key) {
    const { engine, party } = key, [sizes] = toClient(z);
    const mine = party === 1 ? sum(engine, z.data, engine.unpack(key.record("mask"), "r"), z.ringBits) : z.data;
    const [data] = sizes === undefined ? [mine] : yield* open(sizes, mine);
    return wire("masked", z, data);
  },
};
