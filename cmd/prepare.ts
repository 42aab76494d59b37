/**
 * `sluice prepare`: the owner of the weights calibrates and quantises a model and draws the masks of its weights.
 *
 * @module
 */

import { MASKS_FILE, SEED_FILE, SLUICE_FILE } from "../roles/model_folder.ts";
import type { Pooling } from "../models/model_config.ts";
import { taskNamed, type TaskOptions, TASKS } from "../models/task.ts";
import { CALIBRATE_TOKENS, PADDED_TOKENS, prepareModel } from "../roles/prepare.ts";
import type { Command, Options } from "./args.ts";
import { diskFiles, readOrExplain, writePreparation } from "./disk.ts";
import { RESIDUAL_FLAG, residualBitsOf } from "./plan_flags.ts";
import { amount, type Progress, type Ui, UsageError } from "./ui.ts";

/** The command. */
export const PREPARE: Command = {
  name: "prepare",
  summary: "calibrate and quantise a model (owner of the weights)",
  flags: [
    {
      name: "model",
      value: "DIR",
      help: "Hugging Face model folder; the results are written beside the weights",
      required: true,
    },
    { name: "text", value: "FILE", help: "sample text for calibration, like the text to come" },
    {
      name: "pad-to",
      value: "N",
      help:
        `of a bidirectional model: calibrate on padding up to N tokens, for keygen --bucket (default ${PADDED_TOKENS})`,
    },
    {
      name: "task",
      value: "TASK",
      help: `what the model is used for, where its files do not say: ${TASKS.join(", ")}`,
    },
    { name: "pooling", value: "MODE", help: "of an embedding whose folder does not say it: mean, cls, last or max" },
    {
      name: "calibrate-tokens",
      value: "N",
      help: `tokens of the sample text that are used, in windows spread over all of it (default ${CALIBRATE_TOKENS})`,
    },
    { ...RESIDUAL_FLAG, help: "ring of the residual stream at least, 32 to 64 bits (default 32)" },
  ],
  example: "sluice prepare --model ./llama",
};

/** Runs the command. */
export async function prepare(options: Options, ui: Ui): Promise<void> {
  const folder = options.required("model"), name = options.text("text"), start = performance.now();
  let bar: Progress | undefined;
  const preparation = await prepareModel(diskFiles(folder), {
    sample: name === undefined ? undefined : { name, text: new TextDecoder().decode(await readOrExplain(name)) },
    task: taskOf(options),
    calibrateTokens: options.count("calibrate-tokens", CALIBRATE_TOKENS, 1),
    residualBits: residualBitsOf(options),
    padTo: options.count("pad-to", PADDED_TOKENS, 2),
    onMatrix: (done, total) => (bar ??= ui.progress("quantise", total, "matrices")).update(done),
    note: (line) => {
      bar?.end();
      ui.note(line);
    },
  });
  await writePreparation(folder, preparation);
  const { prepared: { weightsId, weightsDigest, scales }, sampleTokens, agreement, magnitudes, maskBytes } =
    preparation;
  const largest = [...magnitudes].sort(([, a], [, b]) => b - a).slice(0, 3).map(([wire, value]) =>
    `${wire} ${value.toFixed(1)}`
  );
  const elapsedMs = Math.round(performance.now() - start);
  ui.result({ weightsId, weightsDigest, scales, sampleTokens, agreement, maskBytes, elapsedMs }, () =>
    [
      `prepared ${folder}: weights ${weightsId}`,
      `  ${SLUICE_FILE.padEnd(14)} public: scales and the digest of the integers`,
      `  ${SEED_FILE.padEnd(14)} for the client (party 0 sends it): never give it to the dealer`,
      `  ${MASKS_FILE.padEnd(14)} for the dealer, ${amount(maskBytes)}: never give it to the client`,
      `  largest wires  ${largest.join(", ")}`,
    ].join("\n"));
}

/** What a model is used for, where flags say it. */
export function taskOf(options: Options): TaskOptions {
  const task = options.text("task"), mode = options.text("pooling");
  if (mode !== undefined && !isMode(mode)) {
    throw new UsageError("Cannot use --pooling as it must be mean, cls, last or max");
  }
  return { task: task === undefined ? undefined : taskNamed(task), pooling: mode };
}

function isMode(mode: string): mode is Pooling["mode"] {
  return ["mean", "cls", "last", "max"].includes(mode);
}
