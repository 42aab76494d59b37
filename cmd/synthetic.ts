/**
 * `sluice synthetic`: random weights for a configuration, to plan, measure and try before there is a checkpoint.
 *
 * @module
 */

import { safetensorsHead } from "../models/safetensors.ts";
import { modelConfigFrom } from "../models/config.ts";
import { architectureOf } from "../models/architectures.ts";
import { parseJsonObject } from "../models/fields.ts";
import { syntheticWeights } from "../models/synthetic.ts";
import { tensorsOf } from "../models/tensors.ts";
import { WEIGHTS_FILE } from "../models/weights.ts";
import type { Command, Options } from "./args.ts";
import { readOrExplain } from "./disk.ts";
import { amount, type Ui } from "./ui.ts";

/** The command. */
export const SYNTHETIC: Command = {
  name: "synthetic",
  summary: "random weights for a configuration (for measurements)",
  flags: [
    { name: "config", value: "FILE", help: "a Hugging Face config.json", required: true },
    { name: "out", value: "DIR", help: "the model folder to write", required: true },
    { name: "seed", value: "N", help: "seed of the weights (default 1)" },
  ],
  example: "sluice synthetic --config config.json --out ./random",
};

/** Runs the command. */
export async function synthetic(options: Options, ui: Ui): Promise<void> {
  const bytes = await readOrExplain(options.required("config")),
    folder = options.required("out"),
    seed = options.count("seed", 1);
  const json = parseJsonObject(bytes, "config.json"), name = (json["architectures"] as string[] | undefined)?.[0] ?? "";
  // A base without a head has its body's tensors whatever it is asked for.
  const isBase = ["body", "masked"].includes(architectureOf(name).classes[name] ?? "");
  const config = modelConfigFrom(json, { answer: isBase ? "hidden" : undefined }), specs = tensorsOf(config);
  const source = syntheticWeights(config, seed), bar = ui.progress("write", specs.length, "tensors");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeFile(`${folder}/config.json`, bytes);
  const head = safetensorsHead(specs, "BF16");
  using file = await Deno.open(`${folder}/${WEIGHTS_FILE}`, { write: true, create: true, truncate: true });
  const write = async (data: Uint8Array): Promise<void> => {
    for (let at = 0; at < data.length;) at += await file.write(data.subarray(at));
  };
  await write(head);
  let writtenBytes = head.length;
  for (const [i, { name }] of specs.entries()) {
    const { data } = await source.tensor(name), words = new Uint32Array(data.buffer);
    const halves = new Uint8Array(Uint16Array.from(words, (word) => word >>> 16).buffer);
    await write(halves);
    writtenBytes += halves.length;
    bar.update(i + 1);
  }
  bar.end();
  ui.result(
    { folder, tensors: specs.length, writtenBytes },
    () => `wrote ${folder}: ${specs.length} tensors, ${amount(writtenBytes)}`,
  );
}
