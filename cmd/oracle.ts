/**
 * `sluice oracle`: the clear fixed-point answer of a prepared model, for owners who want to know what their clients will get.
 *
 * @module
 */

import { ModelError } from "../core/errors.ts";
import { argmax } from "../pipeline/forward/oracle.ts";
import { type ClearAnswer, ClearModel } from "../roles/clear.ts";
import type { Command, Options } from "./args.ts";
import { ASK_FLAGS, readTexts } from "./asked.ts";
import { diskFiles } from "./disk.ts";
import type { Ui } from "./ui.ts";

/** Flags of what is asked that a single clear run has too. */
const ASKED = new Set(["prompt", "text", "text-pair", "prompt-ids", "chat", "system", "raw", "dimensions"]);

/** The command. */
export const ORACLE: Command = {
  name: "oracle",
  summary: "the clear fixed-point answer of a prepared model (owner of the weights)",
  flags: [
    { name: "model", value: "DIR", help: "the prepared model folder", required: true },
    ...ASK_FLAGS.filter(({ name }) => ASKED.has(name)),
    { name: "float", help: "the float model's answer beside it" },
  ],
  example: 'sluice oracle --model ./llama --prompt "Once upon a time"',
};

/** Runs the command. */
export async function oracle(options: Options, ui: Ui): Promise<void> {
  const model = await ClearModel.read(diskFiles(options.required("model"))), { config, scope } = model.model;
  if (scope === "blocks") throw new ModelError("Cannot answer as blocks alone read no tokens");
  const asked = (await readTexts(options))[0]!.asked, encoded = model.encode(asked);
  const texts = "prompt" in asked && typeof asked.prompt === "string"
    ? [asked.prompt, ...asked.textPair === undefined ? [] : [asked.textPair]]
    : [];
  const dimensions = options.text("dimensions") === undefined ? undefined : options.count("dimensions", 1, 1);
  const fixed = model.answer(encoded, texts, { dimensions });
  const float = options.has("float") ? model.answer(encoded, texts, { dimensions, float: true }) : null;
  const rows = ({ output, width }: ClearAnswer): unknown =>
    model.isEvery
      ? Array.from({ length: output.length / width }, (_, i) => output.slice(i * width, (i + 1) * width))
      : output;
  const offsets = encoded.places.some((place) => place !== null)
    ? { offsets: encoded.places.map((place) => place === null ? null : [place.start, place.end]) }
    : {};
  const { kind, ...reading } = fixed.reading;
  ui.result({
    arch: config.architecture,
    head: config.pooling === undefined ? config.head.answer : "embedding",
    ids: encoded.ids,
    output: rows(fixed),
    ...(config.labels.length === 0 ? {} : { labels: config.labels }),
    ...offsets,
    ...(kind === "states" || kind === "embedding" ? {} : reading),
    ...(float === null ? {} : { float: rows(float) }),
  }, () => {
    const best = (answer: ClearAnswer): string =>
      config.head.answer === "tokens" ? `token ${argmax(answer.output)}` : JSON.stringify(answer.reading);
    return [best(fixed), ...(float === null ? [] : [`float: ${best(float)}`])].join("\n");
  });
}
