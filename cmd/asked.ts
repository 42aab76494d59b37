/**
 * What the client asks for, from its flags.
 *
 * @module
 */

import { isJsonObject } from "../models/fields.ts";
import type { ModelConfig, Sampling } from "../models/model_config.ts";
import { syntheticInput } from "../models/synthetic.ts";
import type { ChatMessage } from "../models/tokenizer.ts";
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
  { name: "text", value: "TEXT", help: "the text for a classifier and its like: the same as --prompt" },
  {
    name: "text-pair",
    value: "TEXT",
    help: "a second text: what a question is asked about, or a text is compared with",
  },
  {
    name: "file",
    value: "FILE",
    help: "several prompts or texts, one per line, or one JSON object per line: they run side by side",
  },
  { name: "prompt-ids", value: "IDS", help: "the prompt as token ids, separated by commas" },
  { name: "chat", help: "write the prompt, or a JSON list of messages, with the model's chat template" },
  { name: "system", value: "TEXT", help: "with --chat: what the system says first" },
  { name: "raw", help: "the prompt holds all special tokens already" },
  { name: "input-seed", value: "SEED", help: "hidden states from a seed, for keys of blocks alone" },
  { name: "input-tokens", value: "N", help: "how many of these hidden states are real (default all)" },
  {
    name: "bucket",
    value: "N",
    help: "insist that the keys fill this text up to the next multiple of N tokens (those that hide lengths always do)",
  },
  { name: "generate", value: "M", help: "tokens to generate (default: what the keys were dealt for)" },
  { name: "sample", help: "draw tokens as generation_config.json says, instead of taking the best one" },
  { name: "temperature", value: "T", help: "draw tokens, with logits divided by T" },
  { name: "top-k", value: "K", help: "draw among the K best tokens" },
  { name: "top-p", value: "P", help: "draw among the best tokens that have chance P together" },
  { name: "min-p", value: "P", help: "draw among tokens with at least P times the best one's chance" },
  { name: "repetition-penalty", value: "R", help: "make tokens that were there before less likely, by R" },
  { name: "seed", value: "N", help: "draw the same tokens again" },
  { name: "dimensions", value: "N", help: "keep the first N values of an embedding" },
];

/** A request and what its line in the file calls it. */
export interface NamedAsk {
  readonly asked: Ask;
  /** Handed through to the result; null where the line has none. */
  readonly id: unknown;
}

/** Reads the client's requests from its flags. */
export async function readAsked(options: Options, { model, shape }: SessionPlan): Promise<NamedAsk[]> {
  const bucket = bucketOf(options), { config } = model;
  if (model.scope === "blocks") {
    const states = syntheticInput(shape.promptTokens, config.hiddenWidth, options.required("input-seed"));
    return [{ asked: { states, realTokens: options.count("input-tokens", shape.promptTokens, 1), bucket }, id: null }];
  }
  const tokens = options.text("generate") === undefined || config.head.answer !== "tokens"
    ? undefined
    : options.count("generate", 0, 1);
  const seed = options.text("seed") === undefined ? undefined : options.count("seed", 0, 0);
  const dimensions = options.text("dimensions") === undefined ? undefined : options.count("dimensions", 1, 1);
  const common = { tokens, bucket, sampling: samplingOf(options, config), seed, dimensions };
  return (await readTexts(options)).map(({ id, asked }) => ({ id, asked: { ...common, ...asked } }));
}

/** Reads texts and conversations alone. */
export async function readTexts(
  options: Options,
): Promise<{ readonly asked: Exclude<Ask, { readonly states: Float32Array }>; readonly id: unknown }[]> {
  return (await readPrompts(options)).map(({ id, ...asked }) => ({ id, asked }));
}

/** How tokens are drawn: as flags say, over what the model's authors say; null where no flag asks for it. */
function samplingOf(options: Options, config: ModelConfig): Sampling | null {
  const flags = ["temperature", "top-k", "top-p", "min-p", "repetition-penalty"];
  if (!options.has("sample") && flags.every((flag) => options.text(flag) === undefined)) return null;
  const first = config.sampling ?? { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };
  const number = (flag: string, fallback: number, holds: (value: number) => boolean): number => {
    const text = options.text(flag), value = text === undefined ? fallback : Number(text);
    if (!holds(value)) throw new UsageError(`Cannot use --${flag} as it is out of its range`);
    return value;
  };
  return {
    temperature: number("temperature", first.temperature, (value) => value > 0),
    topK: number("top-k", first.topK, (value) => Number.isInteger(value) && value >= 0),
    topP: number("top-p", first.topP, (value) => value > 0 && value <= 1),
    minP: number("min-p", first.minP, (value) => value >= 0 && value <= 1),
    repetitionPenalty: number("repetition-penalty", first.repetitionPenalty, (value) => value > 0),
  };
}

type Prompt =
  & { readonly id: unknown }
  & ({ readonly prompt: string | number[]; readonly textPair?: string | undefined; readonly raw?: boolean } | {
    readonly messages: readonly ChatMessage[];
  });

async function readPrompts(options: Options): Promise<Prompt[]> {
  const text = options.text("prompt") ?? options.text("text"),
    file = options.text("file"),
    list = options.text("prompt-ids"),
    textPair = options.text("text-pair"),
    raw = options.has("raw");
  if ([text, file, list].filter((given) => given !== undefined).length !== 1) {
    throw new UsageError("Cannot run without a prompt: give one of --prompt, --file and --prompt-ids");
  }
  if (list !== undefined) return [{ id: null, prompt: list.split(",").map(Number) }];
  const plain = (line: string): Prompt =>
    options.has("chat")
      ? { id: null, messages: messagesOf(line, options.text("system")) }
      : { id: null, prompt: line, textPair, raw };
  if (file === undefined) return [plain(text!)];
  const lines = new TextDecoder().decode(await readOrExplain(file)).split(/\r?\n/).filter((line) => line !== "");
  if (lines.length === 0) throw new UsageError(`Cannot run ${file} as it has no prompts`);
  return lines.map((line, i) => line.startsWith("{") ? jsonPrompt(line, `${file}, line ${i + 1}`) : plain(line));
}

/** The messages of a conversation: a JSON list of them, or what the user says. */
function messagesOf(text: string, system: string | undefined): ChatMessage[] {
  const given: ChatMessage[] = text.startsWith("[")
    ? messageList(parsed(text), "--prompt")
    : [{ role: "user", content: text }];
  return system === undefined ? given : [{ role: "system", content: system }, ...given];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function messageList(value: unknown, where: string): ChatMessage[] {
  const isMessage = (item: unknown): item is ChatMessage =>
    isJsonObject(item) && typeof item["role"] === "string" && typeof item["content"] === "string";
  if (!Array.isArray(value) || value.length === 0 || !value.every(isMessage)) {
    throw new UsageError(`Cannot run ${where} as messages must be a list of {"role", "content"}`);
  }
  return value;
}

/** A line of JSON: a prompt, a text with its pair, or messages; and an id that is handed through. */
function jsonPrompt(line: string, where: string): Prompt {
  const value = parsed(line);
  if (!isJsonObject(value)) throw new UsageError(`Cannot run ${where} as it is no JSON`);
  const { id = null, prompt, text = prompt, textPair, text_pair = textPair, messages, ...rest } = value,
    [other] = Object.keys(rest);
  if (other !== undefined) {
    throw new UsageError(`Cannot run ${where} as its fields must be prompt, text, textPair, messages, id`);
  }
  if (messages !== undefined) return { id, messages: messageList(messages, where) };
  const isText = typeof text === "string" && (text_pair === undefined || typeof text_pair === "string");
  if (!isText) throw new UsageError(`Cannot run ${where} as it must have a text`);
  return { id, prompt: text, textPair: text_pair as string | undefined };
}
