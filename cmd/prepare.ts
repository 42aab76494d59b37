/**
 * `sluice prepare`: the owner of the weights calibrates and quantises a model and draws the masks of its weights.
 *
 * @module
 */

import { MASKS_FILE, SEED_FILE, SLUICE_FILE } from "../roles/model_folder.ts";
import { PADDED_TOKENS, prepareModel } from "../roles/prepare.ts";
import type { Command, Options } from "./args.ts";
import { diskFiles, readOrExplain, writePreparation } from "./disk.ts";
import { RESIDUAL_FLAG, residualBitsOf } from "./plan_flags.ts";
import { amount, type Progress, type Ui } from "./ui.ts";

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
    residualBits: residualBitsOf(options),
    padTo: options.count("pad-to", PADDED_TOKENS, 2),
    onMatrix: (done, total) => (bar ??= ui.progress("quantise", total, "matrices")).update(done),
    note: (line) => {
      bar?.end();
      ui.note(line);
    },
  });
  await writePreparation(folder, preparation);
  const { prepared: { weightsId, weightsDigest, scales }, sampleTokens, magnitudes, maskBytes } = preparation;
  const largest = [...magnitudes].sort(([, a], [, b]) => b - a).slice(0, 3).map(([wire, value]) =>
    `${wire} ${value.toFixed(1)}`
  );
  const elapsedMs = Math.round(performance.now() - start);
  ui.result({ weightsId, weightsDigest, scales, sampleTokens, maskBytes, elapsedMs }, () =>
    [
      `prepared ${folder}: weights ${weightsId}`,
      `  ${SLUICE_FILE.padEnd(14)} public: scales and the digest of the integers`,
      `  ${SEED_FILE.padEnd(14)} for the client (party 0 sends it): never give it to the dealer`,
      `  ${MASKS_FILE.padEnd(14)} for the dealer, ${amount(maskBytes)}: never give it to the client`,
      `  largest wires  ${largest.join(", ")}`,
    ].join("\n"));
}
