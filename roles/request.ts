/**
 * One request of the client: from what is asked to the words that go in, and from the words that come out to text.
 *
 * @module
 */

import { KeyError, ModelError } from "../core/errors.ts";
import type { Positions } from "../core/protocols/layers/attention.ts";
import { toSignedNumbers, wordsPerElement } from "../core/ring/words.ts";
import type { StreamDecoder, Tokenizer } from "../models/tokenizer.ts";
import { outputBits, outputScale, streamScale } from "../pipeline/forward/model_spec.ts";
import { argmax } from "../pipeline/forward/oracle.ts";
import type { ClientRequest, RequestShape } from "../pipeline/session/session.ts";
import type { SessionPlan } from "../pipeline/session/session_plan.ts";
import { hiddenAmong, RequestError, whyUnserved } from "./lengths.ts";

/** What a client asks: a prompt or a text; or hidden states, of keys for blocks alone. */
export type Ask =
  & {
    /** Tokens to generate; what the keys were dealt for by default, and none of a bidirectional model. */
    readonly tokens?: number | undefined;
    /** Insists that the text is filled up to a multiple of this many tokens; keys that hide lengths always do. */
    readonly bucket?: number | undefined;
  }
  & ({
    /** Text, or token ids. */
    readonly prompt: string | readonly number[];
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
  /** Text that is complete now: of generated tokens, or the name of a class. Empty amid a character, and for states. */
  readonly text: string;
  /** The generated token, or the class; null for states. */
  readonly id: number | null;
  /**
   * Whether the text has ended: from the first token on that ends one. The steps after it run like any other, for
   * party 0 must not learn where it was; nothing of them is text.
   */
  readonly ended: boolean;
  /** Scores of the classes, in real units; empty where the model has none. */
  readonly scores: readonly number[];
  /** The revealed integers: i32, or i64 in two words (low first) of wider rings; of states, the real rows alone. */
  readonly words: Uint32Array;
}

/** One-hot rows of token ids, shape (T, V). */
export function oneHotRows(ids: readonly number[], vocabCount: number): Uint32Array {
  const rows = new Uint32Array(ids.length * vocabCount);
  ids.forEach((id, row) => rows[row * vocabCount + id] = 1);
  return rows;
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
  #generated = 0;
  #ended = false;

  /**
   * Checks what is asked.
   *
   * @throws {KeyError} If it needs other keys.
   * @throws {RequestError} If the prompt is empty, an id is none of the model's, or the keys are for another kind of
   * input.
   * @throws {ModelError} If text is asked and the model lacks a tokenizer, or a row for a token.
   */
  constructor(asked: Ask, plan: SessionPlan, tokenizer: Tokenizer | null) {
    const { model, shape } = plan, { config, scope } = model, { vocabCount, hiddenWidth, padTokenId = 0 } = config;
    this.#plan = plan;
    this.#decoder = tokenizer?.createStreamDecoder();
    if ("states" in asked !== (scope === "blocks")) {
      throw new RequestError(
        `Cannot ask as the keys are for ${scope === "blocks" ? "states of blocks" : "prompts"} alone`,
      );
    }
    const { tokens } = asked, own = "states" in asked ? null : idsOf(asked.prompt, tokenizer, vocabCount);
    if (tokens !== undefined && !(Number.isSafeInteger(tokens) && tokens >= 1)) {
      throw new RequestError(`Cannot generate as tokens must be a whole number of at least 1: received ${tokens}`);
    }
    this.realTokens = "states" in asked ? asked.realTokens : own!.length;
    const promptTokens = hiddenAmong(this.realTokens, asked.bucket, plan),
      generates = scope === "model" && config.causal;
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
      const ids = [...own!, ...new Array<number>(promptTokens - own!.length).fill(padTokenId)];
      this.prompt = ({ from, count }) => oneHotRows(ids.slice(from, from + count), vocabCount);
    }
  }

  /** Takes one revealed output: what it says, and the words of the token that it adds to the request. */
  take(words: Uint32Array): { readonly piece: Omit<Piece, "request">; readonly next: Uint32Array | null } {
    const { model } = this.#plan, { scope, config } = model, width = wordsPerElement(outputBits(model));
    if (scope === "blocks" || config.head === "pooled" || config.head === "hidden") {
      // A row for each token: those of padding mean nothing.
      const real = config.head === "pooled" && scope === "model"
        ? words.length
        : this.realTokens * config.hiddenWidth * width;
      return { piece: { text: "", id: null, ended: false, scores: [], words: words.slice(0, real) }, next: null };
    }
    // Of tokens and classes alone, which have 32 bits: a value that leaves a wider ring must not end the session.
    const values = toSignedNumbers(words, 32 * width), id = argmax(values);
    if (config.head === "classes") {
      const scores = Array.from(values, (value) => value / 2 ** outputScale(model));
      return { piece: { text: config.labels[id] ?? String(id), id, ended: false, scores, words }, next: null };
    }
    const last = ++this.#generated === this.shape.generate, ends = config.stopTokenIds.includes(id);
    const text = this.#ended ? "" : ends ? this.#decoder?.finish() ?? "" : this.#decode(id, last);
    this.#ended ||= ends;
    const piece = { text, id, ended: this.#ended, scores: [], words };
    return { piece, next: last ? null : oneHotRows([id], config.vocabCount) };
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
    return last ? text + this.#decoder.finish() : text;
  }
}

/** The ids of a prompt; each has a row of the model. */
function idsOf(prompt: string | readonly number[], tokenizer: Tokenizer | null, vocabCount: number): readonly number[] {
  const isId = (id: number): boolean => Number.isSafeInteger(id) && id >= 0 && id < vocabCount;
  if (typeof prompt !== "string") {
    if (prompt.every(isId)) return prompt;
    throw new RequestError(`Cannot use --prompt-ids as every id must be a whole number below ${vocabCount}`);
  }
  if (tokenizer === null) {
    throw new ModelError("Cannot encode the prompt as the model has no tokenizer.json: use --prompt-ids");
  }
  const ids = tokenizer.encode(prompt);
  if (ids.length === 0) throw new RequestError("Cannot run an empty prompt");
  // A tokenizer may know added tokens that the model has no row for.
  if (!ids.every(isId)) {
    throw new ModelError(`Cannot run the prompt as every token must be one of the model's ${vocabCount}`);
  }
  return ids;
}
