/**
 * One request of the client: from what is asked to the words that go in, and from the words that come out to text.
 *
 * @module
 */

import { KeyError, ModelError } from "../core/errors.ts";
import type { Positions } from "../core/protocols/layers/attention.ts";
import { toSignedNumbers, wordsPerElement } from "../core/ring/words.ts";
import type { ModelConfig, Sampling } from "../models/model_config.ts";
import type { ChatMessage, EncodedText, StreamDecoder, Tokenizer } from "../models/tokenizer.ts";
import { answersEvery, outputBits, outputScale, outputWidth, streamScale } from "../pipeline/forward/model_spec.ts";
import { argmax, oneHotRows } from "../pipeline/forward/oracle.ts";
import type { ClientRequest, RequestShape } from "../pipeline/session/session.ts";
import type { SessionPlan } from "../pipeline/session/session_plan.ts";
import { type Reading, readingOf } from "./answers.ts";
import { hiddenAmong, RequestError, whyUnserved } from "./lengths.ts";
import { nextToken, randomOf } from "./sampling.ts";

/** What a client asks: a prompt or a text, a conversation; or hidden states, of keys for blocks alone. */
export type Ask =
  & {
    /** Tokens to generate; what the keys were dealt for by default, and none of a model that does not generate. */
    readonly tokens?: number | undefined;
    /** Insists that the text is filled up to a multiple of this many tokens; keys that hide lengths always do. */
    readonly bucket?: number | undefined;
    /** How tokens are drawn; null, the default, takes the best one. */
    readonly sampling?: Sampling | null | undefined;
    /** Makes what is drawn repeatable. */
    readonly seed?: number | undefined;
    /** Values of an embedding that are kept; all by default. */
    readonly dimensions?: number | undefined;
  }
  & ({
    /** Text, or token ids. */
    readonly prompt: string | readonly number[];
    /** The second of two texts: the one that is asked about, or compared. */
    readonly textPair?: string | undefined;
    /** Whether the text holds all special tokens already. */
    readonly raw?: boolean | undefined;
  } | {
    /** A conversation, which the model's chat template writes. */
    readonly messages: readonly ChatMessage[];
  } | {
    /** Hidden states, shape (T, C) with the tokens that the keys are for. */
    readonly states: Float32Array;
    /** How many of them are real. */
    readonly realTokens: number;
  });

/** One output of the model, as the client reveals it. */
export interface Piece {
  /** Number of the request. */
  readonly request: number;
  /** Text that is complete now: of generated tokens up to one that ends the text, or what was read. Empty amid a character. */
  readonly text: string;
  /** The generated token, or the class; null for what is neither. */
  readonly id: number | null;
  /** Whether a token that ends the text has come: what is generated from it on is not shown. */
  readonly ended: boolean;
  /** Logits of the classes, in real units; empty where the model has none. */
  readonly scores: readonly number[];
  /** What the model says of the whole text; null for generated tokens, and until all of it is there. */
  readonly reading: Reading | null;
  /** The revealed integers: i32, or i64 in two words (low first) of wider rings; of rows for each token the real ones alone. */
  readonly words: Uint32Array;
  /** The same in real units. */
  readonly values: readonly number[];
}

/** A request that its keys serve, while it runs. */
export class OpenRequest implements ClientRequest {
  /** Public lengths, padding included. */
  readonly shape: RequestShape;
  /** How many tokens are real; nobody else learns it. */
  readonly realTokens: number;
  /** The words of a chunk of the prompt: one-hot rows, or hidden states. */
  readonly prompt: (chunk: Positions) => Uint32Array;
  readonly #plan: SessionPlan;
  readonly #decoder: StreamDecoder | undefined;
  readonly #asked: Ask;
  readonly #encoded: EncodedText | null;
  readonly #random: () => number;
  readonly #ids: number[] = [];
  readonly #values: number[] = [];
  #generated = 0;
  #ended = false;
  #open = true;

  /**
   * Checks what is asked.
   *
   * @throws {KeyError} If it needs other keys.
   * @throws {RequestError} If the prompt is empty, an id is none of the model's, or the keys are for another kind of
   * input.
   * @throws {ModelError} If text is asked and the model lacks a tokenizer, or a row for a token.
   */
  constructor(asked: Ask, plan: SessionPlan, tokenizer: Tokenizer | null) {
    const { model, shape } = plan, { config, scope } = model, { hiddenWidth, padTokenId = 0 } = config;
    this.#plan = plan;
    this.#decoder = tokenizer?.createStreamDecoder();
    if ("states" in asked !== (scope === "blocks")) {
      throw new RequestError(
        `Cannot ask as the keys are for ${scope === "blocks" ? "states of blocks" : "prompts"} alone`,
      );
    }
    const { tokens } = asked, encoded = "states" in asked ? null : encodedOf(asked, config, tokenizer);
    this.#asked = asked;
    this.#encoded = encoded;
    this.#random = randomOf(asked.seed);
    this.#ids.push(...encoded?.ids ?? []);
    if (tokens !== undefined && !(Number.isSafeInteger(tokens) && tokens >= 1)) {
      throw new RequestError(`Cannot generate as tokens must be a whole number of at least 1: received ${tokens}`);
    }
    this.realTokens = "states" in asked ? asked.realTokens : encoded!.ids.length;
    const promptTokens = hiddenAmong(this.realTokens, asked.bucket, plan),
      generates = scope === "model" && config.head.answer === "tokens";
    this.shape = { promptTokens, generate: generates ? tokens ?? Math.max(1, shape.generate) : 0 };
    const unserved = whyUnserved(plan, this.shape);
    if (unserved !== null) throw new KeyError(unserved);
    if ("states" in asked) {
      const one = 2 ** streamScale(model), { states } = asked;
      if (states.length < promptTokens * hiddenWidth) {
        throw new RequestError(`Cannot ask as there must be states of ${promptTokens} tokens: received fewer`);
      }
      this.prompt = ({ from, count }) =>
        Uint32Array.from(states.subarray(from * hiddenWidth, (from + count) * hiddenWidth), (x) => Math.round(x * one));
    } else {
      const { ids: own, types } = encoded!,
        ids = [...own, ...new Array<number>(promptTokens - own.length).fill(padTokenId)];
      const typed = config.typeCount > 1 ? types : [];
      this.prompt = ({ from, count }) =>
        Uint32Array.from(oneHotRows(config, ids.slice(from, from + count), typed.slice(from)));
    }
  }

  /** Takes one revealed output: what it says, and the words of the token that it adds to the request. */
  take(words: Uint32Array): { readonly piece: Omit<Piece, "request">; readonly next: Uint32Array | null } {
    const { model } = this.#plan, { scope, config } = model, width = wordsPerElement(outputBits(model));
    const empty = { text: "", id: null, scores: [], reading: null, ended: false, values: [] } as const;
    const isToken = scope === "model" && config.head.answer === "tokens";
    // A row for each token: those of padding mean nothing.
    const rowWords = outputWidth(config) * width,
      real = answersEvery(model) ? this.realTokens * rowWords : words.length;
    const own = words.slice(0, Math.max(0, real - this.#values.length * width));
    if (scope === "blocks") return { piece: { ...empty, words: words.slice(0, real) }, next: null };
    const one = 2 ** outputScale(model), more = config.head.outputs === 0 ? 1 : 0, cap = config.logitCap;
    const values = signedValues(own, width).map((value) => value / one - more);
    const none = { ...empty, values };
    if (isToken) {
      const logits = cap === null ? values : values.map((value) => cap * Math.tanh(value / cap));
      const id = nextToken(logits, this.#asked.sampling ?? null, { before: this.#ids, random: this.#random });
      this.#ids.push(id);
      const last = ++this.#generated === this.shape.generate;
      // The session goes on, as its length is public; what comes after the end is not shown.
      const ended = this.#ended ||= config.stopTokenIds.includes(id),
        text = ended ? this.#finish() : this.#decode(id, last);
      return {
        piece: { ...none, text, id, ended, words },
        next: last ? null : Uint32Array.from(oneHotRows(config, [id])),
      };
    }
    this.#values.push(...values);
    const whole = answersEvery(model) ? this.#values.length === this.realTokens * outputWidth(config) : true;
    if (!whole) return { piece: { ...none, words: own }, next: null };
    const asked = this.#asked,
      texts = "prompt" in asked && typeof asked.prompt === "string"
        ? [asked.prompt, ...asked.textPair === undefined ? [] : [asked.textPair]]
        : [];
    const reading = readingOf(config, this.#values, { encoded: this.#encoded, texts, dimensions: asked.dimensions });
    const isClass = config.head.answer === "classes", id = isClass ? argmax(this.#values) : null;
    const text = isClass ? config.labels[id!] ?? String(id) : textOf(reading);
    return { piece: { ...none, text, id, scores: isClass ? [...this.#values] : [], reading, words: own }, next: null };
  }

  /** What is left of the last character, once. */
  #finish(): string {
    const text = this.#open ? this.#decoder?.finish() ?? "" : "";
    this.#open = false;
    return text;
  }

  /**
   * Text of a generated token. One that the tokenizer lacks must not end the session: party 0 would learn when it came.
   */
  #decode(id: number, last: boolean): string {
    if (this.#decoder === undefined) return `${id} `;
    let text: string;
    try {
      text = this.#decoder.push(id);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      text = "\uFFFD";
    }
    return last ? text + this.#finish() : text;
  }
}

/** Integers of one or two words. A value that leaves a wider ring must not end the session: it is what it is. */
function signedValues(words: Uint32Array, width: 1 | 2): number[] {
  if (width === 1) return Array.from(toSignedNumbers(words, 32));
  return Array.from({ length: words.length / 2 }, (_, i) => words[2 * i]! + (words[2 * i + 1]! | 0) * 2 ** 32);
}

/** What was read, in words. */
function textOf(reading: Reading): string {
  switch (reading.kind) {
    case "tokenClasses":
      return reading.spans.map(({ label, text }) => `${label}: ${text}`).join("\n");
    case "spans":
      return reading.answer?.text ?? "";
    case "embedding":
      return JSON.stringify(reading.vector);
    default:
      return "";
  }
}

/** The tokens of what is asked; each has a row of the model. */
export function encodedOf(
  asked: Exclude<Ask, { readonly states: Float32Array }>,
  config: ModelConfig,
  tokenizer: Tokenizer | null,
): EncodedText {
  const { vocabCount, pooling, typeCount } = config;
  const isId = (id: number): boolean => Number.isSafeInteger(id) && id >= 0 && id < vocabCount;
  if ("prompt" in asked && typeof asked.prompt !== "string") {
    const ids = asked.prompt;
    if (!ids.every(isId)) {
      throw new RequestError(`Cannot use --prompt-ids as every id must be a whole number below ${vocabCount}`);
    }
    return { ids, types: ids.map(() => 0), places: ids.map(() => null), continues: ids.map(() => false) };
  }
  if (tokenizer === null) {
    throw new ModelError("Cannot encode the prompt as the model has no tokenizer.json: use --prompt-ids");
  }
  if ("messages" in asked && tokenizer.chat === null) {
    throw new ModelError("Cannot take a conversation as the model must have a chat template: received none");
  }
  const text = "messages" in asked
    ? tokenizer.chat!(asked.messages)
    : `${pooling?.prompt ?? ""}${asked.prompt as string}`;
  const raw = "messages" in asked || asked.raw === true, pair = "messages" in asked ? undefined : asked.textPair;
  const encoded = tokenizer.encodeParts(pooling?.lowerCase === true ? text.toLowerCase() : text, { raw, pair }),
    { ids } = encoded;
  if (ids.length === 0) throw new RequestError("Cannot run an empty prompt");
  // A tokenizer may know added tokens that the model has no row for.
  if (!ids.every(isId)) {
    throw new ModelError(`Cannot run the prompt as every token must be one of the model's ${vocabCount}`);
  }
  const separator = ids.at(-1)!, inside = ids.slice(0, -1).includes(separator);
  if (pair === undefined && typeCount > 1 && !config.causal && encoded.places.at(-1) === null && inside) {
    throw new RequestError("Cannot run a text with a separator in it: give the second text as --text-pair");
  }
  return encoded;
}
