/**
 * What a model folder is for: read from its class, from the files of sentence-transformers, and from `generation_config.json`.
 *
 * @module
 */

import { ModelError } from "../core/errors.ts";
import { modelConfigFrom } from "./config.ts";
import { architectureOf } from "./architectures.ts";
import { describe, Fields, isJsonObject, type JsonObject, parseJson, parseJsonObject } from "./fields.ts";
import type { ModelFiles } from "./files.ts";
import type { Answer, ModelConfig, Pooling, Sampling } from "./model_config.ts";

/** What to use a model for: what its class answers, or one vector for a text. */
export type Task = Answer | "embedding";

/** All tasks. */
export const TASKS: readonly Task[] = ["tokens", "classes", "tokenClasses", "spans", "embedding", "hidden", "pooled"];

/** What to read a folder for. */
export interface TaskOptions {
  /** What it is used for; what its files say by default. */
  readonly task?: Task | undefined;
  /** How tokens become one vector, where its files do not say. */
  readonly pooling?: Pooling["mode"] | undefined;
}

/**
 * The public numbers of a folder's model, with what it is used for.
 *
 * @throws {ModelError} If a file is malformed, or a base of other models is not told what it shall give.
 */
export async function readModelConfig(files: ModelFiles, options: TaskOptions = {}): Promise<ModelConfig> {
  const json = parseJsonObject(await files.read("config.json"), "config.json"),
    isSentence = await files.has("modules.json");
  const task = options.task ?? (isSentence ? "embedding" : undefined);
  if (task === undefined) assertAnswers(json);
  const config = modelConfigFrom(json, { answer: task === "embedding" ? "hidden" : task });
  const generation = config.head.answer === "tokens" ? await readGeneration(files, config) : {};
  if (task !== "embedding") return { ...config, ...generation };
  const pooling = await readPooling(files, isSentence, options.pooling);
  const rows = pooling.mode === "cls" ? "first" : pooling.mode === "last" && config.causal ? "last" : "every";
  const maxPositions = Math.min(config.maxPositions, await sentenceTokens(files));
  return { ...config, maxPositions, pooling, head: { ...config.head, rows } };
}

/** Refuses a base of other models: what it computes is not an answer yet. */
function assertAnswers(json: JsonObject): void {
  const names = json["architectures"], name: unknown = Array.isArray(names) ? names[0] : undefined;
  if (typeof name !== "string" || architectureOf(name).classes[name] !== "body") return;
  throw new ModelError(
    `Cannot load model as ${name} has no head that answers: give --task embedding with --pooling mean, cls or last, ` +
      "or --task hidden or pooled",
  );
}

/** Kinds of modules that follow one another in a folder of sentence-transformers. */
const MODULE = /^(?:sentence_transformers\.(?:models|base\.modules|sentence_transformer\.modules)\.)?(?:\w+\.)*(\w+)$/;

async function readPooling(
  files: ModelFiles,
  isSentence: boolean,
  asked: Pooling["mode"] | undefined,
): Promise<Pooling> {
  const prompt = await defaultPrompt(files);
  if (!isSentence) {
    if (asked === undefined) {
      throw new ModelError("Cannot embed as the folder has no modules.json: give --pooling mean, cls or last");
    }
    return { mode: asked, normalise: true, prompt, lowerCase: false };
  }
  const modules = parseJson(await files.read("modules.json"), "modules.json");
  let mode = asked, normalise = false;
  for (const [at, item] of (Array.isArray(modules) ? modules : []).entries()) {
    const module = new Fields(isJsonObject(item) ? item : {}, `modules.json (module ${at})`), type = module.raw("type");
    const kind = typeof type === "string" ? MODULE.exec(type)?.[1] : undefined, path = module.raw("path");
    if (kind === "Transformer" && at === 0) continue;
    if (kind === "Pooling" && typeof path === "string" && /^[\w.-]+$/.test(path)) {
      mode ??= await poolingMode(files, path);
    } else if (kind === "Normalize") normalise = true;
    else if (kind !== "Dropout") throw module.error("type", "must be Transformer, Pooling or Normalize", type);
  }
  if (mode === undefined) throw new ModelError("Cannot embed as modules.json must have a Pooling: received none");
  return { mode, normalise, prompt, lowerCase: await sentenceFlag(files) };
}

/** Names of the ways to pool, in the older layout one field each. */
const MODES: Readonly<Record<string, Pooling["mode"]>> = {
  pooling_mode_cls_token: "cls",
  pooling_mode_mean_tokens: "mean",
  pooling_mode_max_tokens: "max",
  pooling_mode_lasttoken: "last",
};

async function poolingMode(files: ModelFiles, path: string): Promise<Pooling["mode"]> {
  const name = `${path}/config.json`, fields = new Fields(parseJsonObject(await files.read(name), name), name);
  for (const quiet of ["word_embedding_dimension", "embedding_dimension", "include_prompt"]) fields.raw(quiet);
  const newer = fields.raw("pooling_mode"),
    names = { cls: "cls", mean: "mean", max: "max", lasttoken: "last" } as const;
  if (newer !== undefined) {
    if (!Object.hasOwn(names, String(newer))) {
      throw fields.error("pooling_mode", "must be cls, mean, max or lasttoken", newer);
    }
    return names[newer as keyof typeof names];
  }
  const all = [...Object.keys(MODES), "pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens"];
  const chosen = all.filter((mode) => fields.flag(mode, false)), [only] = chosen;
  fields.assertRead();
  if (chosen.length !== 1 || MODES[only!] === undefined) {
    throw new ModelError(
      `Cannot embed as ${name} must choose one of ${Object.keys(MODES).join(", ")}: received ${
        chosen.join(", ") || "none"
      }`,
    );
  }
  return MODES[only!]!;
}

/** The text that a model of sentence-transformers has before every text. */
async function defaultPrompt(files: ModelFiles): Promise<string> {
  const name = "config_sentence_transformers.json";
  if (!await files.has(name)) return "";
  const fields = new Fields(parseJsonObject(await files.read(name), name), name),
    chosen = fields.raw("default_prompt_name");
  if (chosen === undefined) return "";
  const prompt = fields.object("prompts")?.raw(String(chosen));
  if (typeof prompt !== "string") throw fields.error("default_prompt_name", "must name one of prompts", chosen);
  return prompt;
}

async function sentenceFields(files: ModelFiles): Promise<Fields | null> {
  const name = "sentence_bert_config.json";
  return await files.has(name) ? new Fields(parseJsonObject(await files.read(name), name), name) : null;
}

async function sentenceFlag(files: ModelFiles): Promise<boolean> {
  return (await sentenceFields(files))?.flag("do_lower_case", false) ?? false;
}

/** Longest text that a model of sentence-transformers takes. */
async function sentenceTokens(files: ModelFiles): Promise<number> {
  const fields = await sentenceFields(files);
  return fields?.raw("max_seq_length") === undefined ? Infinity : fields.integer("max_seq_length");
}

/** Tokens that end a text, and how its authors sample, of `generation_config.json`. */
async function readGeneration(files: ModelFiles, config: ModelConfig): Promise<Partial<ModelConfig>> {
  const name = "generation_config.json";
  if (!await files.has(name)) return {};
  const fields = new Fields(parseJsonObject(await files.read(name), name), name), value = fields.raw("eos_token_id");
  const more: readonly unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
  const ids = more.filter((id): id is number =>
    Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < config.vocabCount
  );
  if (ids.length !== more.length) {
    throw fields.error("eos_token_id", `must be token ids below ${config.vocabCount}`, value);
  }
  const sampling: Sampling = {
    temperature: fields.positive("temperature", 1),
    topK: fields.integer("top_k", { min: 0, fallback: 50 }),
    topP: fields.positive("top_p", 1),
    minP: numberOr(fields, "min_p", 0),
    repetitionPenalty: fields.positive("repetition_penalty", 1),
  };
  return {
    stopTokenIds: [...new Set([...config.stopTokenIds, ...ids])],
    ...(fields.flag("do_sample", false) ? { sampling } : {}),
  };
}

function numberOr(fields: Fields, name: string, fallback: number): number {
  const value = fields.raw(name) ?? fallback;
  if (typeof value !== "number" || !(value >= 0)) throw fields.error(name, "must be a number of at least 0", value);
  return value;
}

/** Says what a value that is no task would have to be. */
export function taskNamed(name: string): Task {
  const task = TASKS.find((task) => task === name);
  if (task === undefined) {
    throw new ModelError(`Cannot use a model for ${describe(name)} as the task must be one of ${TASKS.join(", ")}`);
  }
  return task;
}
