/**
 * Sluice: secure two-party transformer inference with function secret sharing.
 *
 * A {@linkcode Dealer} makes one-time keys; the {@linkcode Owner} of the weights (party 0) serves a model that
 * {@linkcode prepareModel} prepared; the {@linkcode Client} (party 1) owns the input and alone learns the output. What
 * a session costs is known beforehand ({@linkcode SessionPlan}). README.md has a program with all three in one process.
 * `gates.ts` and `engines.ts` are further entries, for those who build on the inside.
 *
 * `SPEC.md` is normative for everything here: roles, formulas, bytes.
 *
 * @example What the blocks of Llama 2 7B cost over 128 tokens
 * ```ts
 * import { defaultScales, namedShape, sessionPlan } from "sluice/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const config = namedShape("llama2-7b"), blocks = { scope: "blocks", scales: defaultScales(config) } as const;
 * const plan = sessionPlan(config, blocks, { promptTokens: 128 });
 * const layer = plan.lane(1, { from: 0, count: 128 });
 * const [key0, key1] = plan.keyBytes;
 *
 * assertEquals(layer.exchanges, 62);
 * assertEquals(Math.round((key0 + key1) / 1e8), 151); // 15.1 GB, both parties together
 * ```
 *
 * @module
 */

// The three roles, and preparing a model.
export { type Classification, Client, type ClientOptions } from "./roles/client.ts";
export { Deal, Dealer, type KeyOutput } from "./roles/dealer.ts";
export { Owner, type ServeOptions } from "./roles/owner.ts";
export type { ModelCache, ReceivedFiles } from "./roles/handover.ts";
export { type KeyStore, openKeys, type PartyKeys } from "./roles/keys.ts";
export type { ModelOptions, Prepared } from "./roles/model_folder.ts";
export { type Preparation, preparedFiles, prepareModel, type PrepareOptions } from "./roles/prepare.ts";
export type { Ask, Piece } from "./roles/request.ts";
export type { Peer, RunOptions, SessionReport } from "./roles/session.ts";
export { warmUp } from "./pipeline/session/warm_up.ts";

// What a session costs.
export { type Cost, type GateTotal, type PlanTotals, planTotals, type StageTotal } from "./roles/costs.ts";
export { RequestError, type SessionLengths, sessionPlan } from "./roles/lengths.ts";
export { SessionPlan, type SessionShape } from "./pipeline/session/session_plan.ts";
export { defaultScales } from "./pipeline/forward/scales.ts";

// Models.
export { knownArchitectures } from "./models/architectures.ts";
export { type ConfigOptions, parseModelConfig } from "./models/config.ts";
export * from "./models/files.ts";
export * from "./models/model_config.ts";
export * from "./models/tensor_names.ts";
export * from "./core/protocols/activations.ts";
export * from "./models/shapes.ts";
export * from "./models/tokenizer.ts";
export type { CharacterRange } from "./models/offsets.ts";
export { readModelConfig, type Task, type TaskOptions } from "./models/task.ts";
export * from "./roles/answers.ts";

// Links between the parties, and key folders.
export type { Duplex } from "./transport/duplex.ts";
export * from "./transport/handshake.ts";
export * from "./transport/key_file.ts";
export { type Control, Link } from "./transport/link.ts";
export * from "./transport/memory.ts";
export * from "./transport/socket_thread.ts";
export * from "./transport/tcp.ts";

// Engines.
export { createReferenceEngine } from "./engines.ts";
export * from "./cpu/mod.ts";
export * from "./gpu/mod.ts";

// Errors that a caller tells apart.
export * from "./core/errors.ts";
