/**
 * Sluice: secure two-party transformer inference with function secret sharing.
 *
 * A dealer makes one-time keys, party 0 owns the weights, party 1 (the client) owns the input and alone learns the output. The model's forward pass is
 * written once, over wires, and four interpreters run it:
 *
 * - in the clear it is the oracle ({@linkcode Oracle}), which every secure run reproduces bit for bit,
 * - under the plan it is the exact cost and the layout of the keys ({@linkcode SessionPlan}),
 * - under the dealer it writes both key streams ({@linkcode dealSession}),
 * - under a party it is that party's side of the inference ({@linkcode PartySession}), on an {@linkcode Engine} and a {@linkcode Channel}.
 *
 * `SPEC.md` is normative for everything here: roles, formulas, bytes.
 *
 * @example What the blocks of Llama 2 7B cost over 128 tokens
 * ```ts
 * import { defaultScales, namedShape, SessionPlan } from "sluice/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const config = namedShape("llama2-7b");
 * const plan = new SessionPlan(
 *   { scope: "blocks", config, scales: defaultScales(config), maxPositions: 128, rounding: "nearest" },
 *   { promptTokens: 128, generate: 0, requests: 1 },
 * );
 * const layer = plan.lane(1, { from: 0, count: 128 });
 * const [key0, key1] = plan.keyBytes;
 *
 * assertEquals(layer.exchanges, 62);
 * assertEquals(Math.round((key0 + key1) / 1e8), 151); // 15.1 GB, both parties together
 * ```
 *
 * @module
 */

import type { Engine } from "./core/engine.ts";
import { ReferenceEngine } from "./core/reference/engine.ts";

/** Makes the reference engine: plain loops, the definition that every other engine equals bit for bit. */
export function createReferenceEngine(): Engine {
  return new ReferenceEngine();
}

// Errors that a caller tells apart.
export * from "./core/errors.ts";

// Rings, fixed point, packed bits.
export * from "./core/ring/bits.ts";
export * from "./core/ring/words.ts";

// Seeds, streams, function secret sharing.
export * from "./core/prg/chacha8.ts";
export * from "./core/prg/seed.ts";
export * from "./core/fss/flat_dpf.ts";
export * from "./core/fss/permuted.ts";
export * from "./core/fss/tree_dpf.ts";

// What a gate is; primitive gates; public-linear operations; compositions.
export * from "./core/protocols/tensor.ts";
export * from "./core/protocols/key.ts";
export * from "./core/protocols/opening.ts";
export * from "./core/protocols/primitive.ts";
export * from "./core/protocols/exp/gate.ts";
export * from "./core/protocols/extend/gate.ts";
export * from "./core/protocols/linear/gate.ts";
export * from "./core/protocols/maximum/gate.ts";
export * from "./core/protocols/open/gate.ts";
export * from "./core/protocols/padding/gate.ts";
export {
  type AttentionParams as AttentionProductParams,
  hold,
  mix,
  multiply,
  type MultiplyParams,
  scores,
} from "./core/protocols/products/gate.ts";
export * from "./core/protocols/row_function/gate.ts";
export * from "./core/protocols/splice/gate.ts";
export * from "./core/protocols/squares/gate.ts";
export * from "./core/protocols/tables.ts";
export * from "./core/protocols/truncate/gate.ts";
export * from "./core/protocols/local/gate.ts";
export * from "./core/protocols/layers/attention.ts";
export * from "./core/protocols/layers/mlp.ts";
export * from "./core/protocols/dither/gate.ts";
export * from "./core/protocols/exp_dithered/gate.ts";
export * from "./core/protocols/layers/norm.ts";
export * from "./core/protocols/layers/rounding.ts";
export * from "./core/protocols/layers/softmax.ts";

// The two interfaces that engines and links implement, and the implementations.
export * from "./core/channel.ts";
export * from "./core/engine.ts";
export * from "./core/kernel.ts";
export * from "./cpu/mod.ts";
export { type DeviceOptions } from "./gpu/device.ts";
export * from "./gpu/mod.ts";

// Models: configs, weights, tokenizers.
export { knownArchitectures } from "./models/architectures.ts";
export * from "./models/model_config.ts";
export * from "./models/config.ts";
export * from "./models/files.ts";
export * from "./models/matrices.ts";
export * from "./models/fold.ts";
export * from "./models/safetensors.ts";
export * from "./models/shapes.ts";
export * from "./models/synthetic.ts";
export * from "./models/tokenizer.ts";
export * from "./models/weights.ts";

// The forward pass, its interpreters, and sessions.
export * from "./pipeline/forward/calibrate.ts";
export * from "./pipeline/interpreters/clear.ts";
export * from "./pipeline/interpreters/coins.ts";
export * from "./pipeline/interpreters/deal.ts";
export * from "./pipeline/session/dealer.ts";
export * from "./pipeline/session/digest.ts";
export { forward, inputStage, layerStage, outputStage, stage, stageCount, wanted } from "./pipeline/forward/forward.ts";
export {
  expTableScale,
  type MatrixRef,
  type ModelScope,
  type ModelSpec,
  outputScale,
  outputWidth,
  streamScale,
  TANH_DIGITS,
  weightRefs,
} from "./pipeline/forward/model_spec.ts";
export * from "./pipeline/session/key_window.ts";
export * from "./pipeline/interpreters/layout.ts";
export * from "./pipeline/forward/oracle.ts";
export * from "./pipeline/interpreters/party.ts";
export * from "./pipeline/interpreters/plan.ts";
export * from "./pipeline/interpreters/runner.ts";
export * from "./pipeline/forward/scales.ts";
export * from "./pipeline/session/session.ts";
export * from "./pipeline/session/session_plan.ts";
export * from "./pipeline/session/warm_up.ts";
export * from "./pipeline/forward/weights.ts";

// Links between the parties, and key folders.
export * from "./transport/duplex.ts";
export { type ControlBody } from "./transport/frame.ts";
export * from "./transport/handshake.ts";
export * from "./transport/key_file.ts";
export * from "./transport/link.ts";
export { DEFAULT_MAILBOX_LIMITS, type MailboxLimits } from "./transport/mailbox.ts";
export * from "./transport/memory.ts";
export * from "./transport/seal.ts";
export * from "./transport/socket_thread.ts";
export * from "./transport/tcp.ts";
