/**
 * Deals the keys of a session: the forward pass on masks, chunk by chunk, into both parties' key streams.
 *
 * @module
 */

import type { Wire } from "../../core/protocols/tensor.ts";
import { DealContext, type DealerKeys, LaneDealer } from "../interpreters/deal.ts";
import { layerCache, stage, stageCount, wanted } from "../forward/forward.ts";
import { finish } from "../interpreters/plan.ts";
import { type SessionPlan, STREAM_PREFIX_BYTES } from "./session_plan.ts";

/** Where key bytes go. */
export interface KeySink {
  /** Writes bytes at an offset of one party's key stream; every byte is written once. */
  write(party: 0 | 1, bytes: Uint8Array, offset: number): Promise<void>;
}

/** Positions that are dealt together: enough rows for the dealer's products, few enough to keep memory flat. */
const DEAL_TOKENS = 32;

/**
 * Writes both key streams of a session.
 *
 * @param progress Called after every lane with the key bytes of both parties so far.
 */
export async function dealSession(
  plan: SessionPlan,
  keys: DealerKeys,
  sink: KeySink,
  progress: (bytes: number) => void = () => {},
): Promise<void> {
  const { model, shape } = plan, last = stageCount(model) - 1;
  let bytes = 0;
  for (const party of [0, 1] as const) {
    const prefix = new Uint8Array(STREAM_PREFIX_BYTES);
    prefix.set(keys.seeds[party].expose());
    prefix.set(keys.salt, 32);
    await sink.write(party, prefix, 0);
    bytes += prefix.length;
  }
  for (let request = 0; request < shape.requests; request++) {
    const caches = Array.from(
      { length: model.config.layers },
      () => layerCache(model, "mask", 0, () => new Uint32Array(0)),
    );
    for (const positions of plan.chunks({ promptTokens: plan.positions, generate: 0 }, DEAL_TOKENS)) {
      const at = plan.blocksOf(positions);
      let x: Wire<"mask"> | null = null;
      for (let index = 0; index <= last; index++) {
        const lane: LaneDealer = new LaneDealer(
          keys,
          at.map((position) => plan.layout(index, position)),
          at.map((position) => ({ request, position, stage: index })),
        );
        const cache = index === 0 || index === last ? null : caches[index - 1]!;
        // A causal model's keys serve any split into prompt and generated tokens: its output is dealt at every
        // position.
        const context: DealContext = new DealContext(lane),
          read: Wire<"mask"> | null = x !== null && index === last && !model.config.causal
            ? wanted(context, model, x)
            : x;
        x = finish(stage(context, model, index, { x: read, cache, positions })).value;
        for (const [i, block] of lane.blocks.entries()) {
          for (const party of [0, 1] as const) {
            const explicit = block.explicit[party];
            if (explicit.length > 0) await sink.write(party, explicit, plan.offset(party, request, index, at[i]!));
            bytes += explicit.length;
          }
        }
        progress(bytes);
      }
    }
  }
}
