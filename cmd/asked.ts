/**
 * What the client asks for, from its flags.
 *
 * @module
 */

import { syntheticInput } from "../models/synthetic.ts";
import type { SessionPlan } from "../pipeline/session/session_plan.ts";
import type { Ask } from "../roles/request.ts";
import type { Flag, Options } from "./args.ts";
import { readOrExplain } from "./disk.ts";
import { bucketOf } from "./plan_flags.ts";
import { UsageError } from "./ui.ts";

/** Flags that say what to ask. */
export const ASK_FLAGS: readonly Flag[] = [
  {
    name: "prompt",
    value: "TEXT",
    help:
      "the prompt; party 0 learns its length in tokens alone (others on this machine may see flags: --file hides it)",
  },
  { name: "text", value: "TEXT", help: "the text for a classifier: the same as --prompt" },
  { name: "file", value: "FILE", help: "several prompts or texts, one per line: they run side by side" },
  { name: "prompt-ids", value: "IDS", help: "the prompt as token ids, separated by commas" },
  { name: "input-seed", value: "SEED", help: "hidden states from a seed, for keys of blocks alone" },
  { name: "input-tokens", value: "N", help: "how many of these hidden states are real (default all)" },
  {
    name: "bucket",
    value: "N",
    help: "insist that the keys fill this text up to the next multiple of N tokens (those that hide lengths always do)",
  },
  { name: "generate", value: "M", help: "tokens to generate (default: what the keys were dealt for)" },
];

/** Reads the client's requests from its flags. */
export async function readAsked(options: Options, { model, shape }: SessionPlan): Promise<Ask[]> {
  const bucket = bucketOf(options);
  if (model.scope === "blocks") {
    const states = syntheticInput(shape.promptTokens, model.config.hiddenWidth, options.required("input-seed"));
    return [{ states, realTokens: options.count("input-tokens", shape.promptTokens, 1), bucket }];
  }
  const tokens = options.text("generate") === undefined || !model.config.causal
    ? undefined
    : options.count("generate", 0, 1);
  return (await readPrompts(options)).map((prompt) => ({ prompt, tokens, bucket }));
}

async function readPrompts(options: Options): Promise<(string | number[])[]> {
  const text = options.text("prompt") ?? options.text("text"),
    file = options.text("file"),
    list = options.text("prompt-ids");
  if ([text, file, list].filter((given) => given !== undefined).length !== 1) {
    throw new UsageError("Cannot run without a prompt: give one of --prompt, --file and --prompt-ids");
  }
  if (list !== undefined) return [list.split(",").map(Number)];
  if (file === undefined) return [text!];
  const lines = new TextDecoder().decode(await readOrExplain(file)).split("\n").filter((line) => line !== "");
  if (lines.length === 0) throw new UsageError(`Cannot run ${file} as it has no prompts`);
  return lines;
}
