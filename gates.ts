/**
 * For those who build gates, compositions and architectures. The forward pass is written once, over wires, and four
 * interpreters run it:
 *
 * - in the clear it is the oracle ({@linkcode Oracle}), which every secure run reproduces bit for bit,
 * - under the plan it is the exact cost and the layout of the keys ({@linkcode SessionPlan}),
 * - under the dealer it writes both key streams ({@linkcode dealSession}),
 * - under a party it is that party's side of the inference ({@linkcode PartySession}), on an {@linkcode Engine} and a
 * {@linkcode Channel}.
 *
 * @module
 */

// Seeds, streams, function secret sharing.
export * from "./core/prg/chacha8.ts";
export * from "./core/prg/seed.ts";
export * from "./core/fss/flat_dpf.ts";
export * from "./core/fss/permuted.ts";
export * from "./core/fss/tree_dpf.ts";

// What a gate and its kernels are; primitive gates; public-linear operations; compositions.
export * from "./core/kernel.ts";
export * from "./core/protocols/tensor.ts";
export * from "./core/protocols/cost.ts";
export * from "./core/protocols/key.ts";
export * from "./core/protocols/opening.ts";
export * from "./core/protocols/primitive.ts";
export * from "./core/protocols/exp/gate.ts";
export * from "./core/protocols/exp/tables.ts";
export * from "./core/protocols/extend/gate.ts";
export * from "./core/protocols/linear/gate.ts";
export * from "./core/protocols/maximum/gate.ts";
export * from "./core/protocols/open/gate.ts";
export * from "./core/protocols/padding/gate.ts";
export * from "./core/protocols/score_bias/gate.ts";
export {
  type AttentionParams as AttentionProductParams,
  hold,
  mix,
  multiply,
  type MultiplyParams,
  scores,
} from "./core/protocols/products/gate.ts";
export * from "./core/protocols/row_function/gate.ts";
export * from "./core/protocols/row_function/tables.ts";
export * from "./core/protocols/splice/gate.ts";
export * from "./core/protocols/splice/tables.ts";
export * from "./core/protocols/squares/gate.ts";
export * from "./core/protocols/truncate/gate.ts";
export * from "./core/protocols/local/gate.ts";
export * from "./core/protocols/layers/attention.ts";
export * from "./core/protocols/layers/mlp.ts";
export * from "./core/protocols/dither/gate.ts";
export * from "./core/protocols/exp_dithered/gate.ts";
export * from "./core/protocols/exp_dithered/tables.ts";
export * from "./core/protocols/layers/norm.ts";
export * from "./core/protocols/layers/rounding.ts";
export * from "./core/protocols/layers/softmax.ts";

// Weights: checkpoints, and the matrices that they fold to.
export * from "./models/matrices.ts";
export * from "./models/fold.ts";
export * from "./models/safetensors.ts";
export * from "./models/synthetic.ts";
export * from "./models/weights.ts";

// The forward pass, its interpreters, and sessions.
export * from "./pipeline/forward/calibrate.ts";
export * from "./pipeline/interpreters/clear.ts";
export * from "./pipeline/interpreters/coins.ts";
export * from "./pipeline/interpreters/deal.ts";
export * from "./pipeline/session/dealer.ts";
export * from "./pipeline/session/digest.ts";
export { forward, inputStage, layerStage, outputStage, stage, stageCount, wanted } from "./pipeline/forward/forward.ts";
export type { LayerInput, StageInput } from "./pipeline/forward/forward.ts";
export {
  expTableScale,
  type MatrixRef,
  type ModelScope,
  type ModelSpec,
  outputScale,
  outputWidth,
  streamScale,
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
