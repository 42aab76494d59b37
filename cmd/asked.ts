/**
 * What the client asks for, from its flags.
 *
 * @module
 */

import { decodeText } from "../core/text.ts";
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
      "the prompt, or - for standard input; party 0 learns its length in tokens alone, but others on this machine " +
      "may see flags: --prompt-file or a pipe hides them",
  },
  { name: "text", value: "TEXT", help: "the text for a classifier: the same as --prompt" },
  { name: "prompt-file", value: "FILE", help: "the prompt from a file, lines and all; - is standard input" },
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

/** Flags of which one says what is asked. */
const SOURCES = ["prompt", "text", "prompt-file", "file", "prompt-ids"] as const;

/**
 * Reads the client's requests from its flags, or from standard input where they name none.
 *
 * @throws {UsageError} If there is no prompt, or more than one.
 * @throws {ModelError} If a file is missing or no text.
 */
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
  const given = SOURCES.filter((flag) => options.text(flag) !== undefined), [source] = given;
  if (given.length > 1 || source === undefined && Deno.stdin.isTerminal()) {
    throw new UsageError(
      "Cannot run without a prompt: give one of --prompt, --prompt-file, --file, --prompt-ids and a pipe",
    );
  }
  const value = source === undefined ? "-" : options.text(source)!;
  if (source === "prompt-ids") return [value.split(",").map((id) => id.trim() === "" ? NaN : Number(id))];
  if ((source === "prompt" || source === "text") && value !== "-") return [value];
  const text = await readText(value),
    lines = source === "file" ? text.split("\n").filter((line) => line !== "") : [text];
  // A prompt ends with its text: the last line end is the editor's, or that of echo.
  const prompts = source === "file" ? lines : [text.replace(/\n$/, "")];
  if (prompts.length > 0 && prompts[0] !== "") return prompts;
  const where = value === "-" ? "standard input" : value;
  throw new UsageError(`Cannot run without a prompt: received none in ${where}`);
}

/** The text of a file, or of standard input. */
async function readText(path: string): Promise<string> {
  if (path === "-") return decodeText(await new Response(Deno.stdin.readable).bytes(), "standard input");
  return decodeText(await readOrExplain(path), path);
}
