/**
 * What a client makes of revealed numbers: classes with their chances, named spans, the span of an answer, a text's vector. All of it is
 * public arithmetic on what the client alone knows.
 *
 * @module
 */

import type { ModelConfig } from "../models/model_config.ts";
import type { EncodedText } from "../models/tokenizer.ts";

/** A class and its score: a chance, or a value of a regression. */
export interface Scored {
  /** Name of the class. */
  readonly label: string;
  /** Its score. */
  readonly score: number;
}

/** Characters of a text, in UTF-16 units as `slice` takes them. */
export interface Span {
  /** First unit. */
  readonly start: number;
  /** One past the last unit. */
  readonly end: number;
  /** The characters themselves; empty where the text is not known. */
  readonly text: string;
  /** How sure the model is, 0 to 1. */
  readonly score: number;
}

/** A span with the name of what it is. */
export interface NamedSpan extends Span {
  /** What it is, without `B-` and `I-`. */
  readonly label: string;
}

/** What a model says of a text. */
export type Reading =
  | { readonly kind: "classes"; readonly classes: readonly Scored[] }
  | {
    readonly kind: "tokenClasses";
    readonly tokens: readonly (Scored & Omit<Span, "text">)[];
    readonly spans: readonly NamedSpan[];
  }
  | { readonly kind: "spans"; readonly answer: Span | null }
  | { readonly kind: "embedding"; readonly vector: readonly number[] }
  | { readonly kind: "states" };

/** What is known of the text that was read. */
export interface ReadText {
  /** The tokens. */
  readonly encoded: EncodedText | null;
  /** The texts. */
  readonly texts: readonly string[];
  /** Values of a vector that are kept, before it is normalised; all by default. */
  readonly dimensions?: number | undefined;
}

/** Most tokens of an answer's span, as in Hugging Face's pipelines. */
const MAX_ANSWER_TOKENS = 15;

/**
 * What the values of a model's head say.
 *
 * @param values In real units, a row for each token or one row; rows of padding are not among them.
 */
export function readingOf(config: ModelConfig, values: ArrayLike<number>, read: ReadText): Reading {
  const { head, pooling } = config, width = Math.max(1, head.outputs), rows = Math.floor(values.length / width);
  const row = (index: number): number[] => Array.from({ length: width }, (_, i) => values[index * width + i]!);
  if (pooling !== undefined) {
    return {
      kind: "embedding",
      vector: pooled(pooling, Array.from({ length: rows }, (_, i) => row(i)), read),
    };
  }
  switch (head.answer) {
    case "classes": {
      const scores = scoresOf(config, row(0));
      return { kind: "classes", classes: scores.map((score, i) => ({ label: config.labels[i] ?? String(i), score })) };
    }
    case "tokenClasses":
      return named(config, Array.from({ length: rows }, (_, i) => scoresOf(config, row(i))), read);
    case "spans":
      return { kind: "spans", answer: bestSpan(Array.from({ length: rows }, (_, i) => row(i)), read) };
    default:
      return { kind: "states" };
  }
}

/** Chances of all classes together, of each alone, or the values. */
export function scoresOf({ scoring }: Pick<ModelConfig, "scoring">, logits: readonly number[]): number[] {
  if (scoring === "values") return [...logits];
  return scoring === "sigmoid" ? logits.map((x) => 1 / (1 + Math.exp(-x))) : softmax(logits);
}

/** Chances that sum to 1. */
export function softmax(logits: readonly number[]): number[] {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity), powers = logits.map((x) => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function pooled(
  pooling: NonNullable<ModelConfig["pooling"]>,
  rows: readonly number[][],
  { dimensions }: ReadText,
): number[] {
  const [first] = rows, { mode, normalise } = pooling;
  const over = (merge: (a: number, b: number) => number): number[] =>
    first!.map((_, i) => rows.map((row) => row[i]!).reduce(merge));
  const whole = mode === "cls"
    ? first!
    : mode === "last"
    ? rows.at(-1)!
    : mode === "max"
    ? over((a, b) => Math.max(a, b))
    : over((a, b) => a + b).map((sum) => sum / rows.length);
  const vector = whole.slice(0, dimensions), length = Math.hypot(...vector);
  return normalise && length > 0 ? vector.map((value) => value / length) : vector;
}

/** The kind of a label: without `B-` and `I-`; null for what is outside of all. */
function kindOf(label: string): string | null {
  return label === "O" ? null : label.replace(/^[BI]-/, "");
}

/** Tokens with their classes, and spans of words: a word has the class of its first token, and joins the span before it as B-I-O says. */
function named(config: ModelConfig, scores: readonly number[][], { encoded, texts }: ReadText): Reading {
  const tokens = scores.map((row, i) => {
    const best = row.reduce((most, score, j) => score > row[most]! ? j : most, 0), place = encoded?.places[i] ?? null;
    const { start, end } = place ?? { start: 0, end: 0 };
    return { label: config.labels[best] ?? String(best), score: row[best]!, start, end, place };
  });
  const spans: NamedSpan[] = [];
  let open: { label: string; start: number; end: number; scores: number[]; part: 0 | 1 } | null = null, inside = false;
  const close = (): void => {
    if (open !== null) {
      const { label, start, end, scores, part } = open, score = scores.reduce((a, b) => a + b) / scores.length;
      spans.push({ label, start, end, text: (texts[part] ?? "").slice(start, end), score });
    }
    open = null;
  };
  for (const [i, { label, score, start, end, place }] of tokens.entries()) {
    if (place === null || start === end) continue;
    const goesOn = i > 0 && tokens[i - 1]!.place?.part === place.part && (encoded?.continues[i] ?? false);
    if (goesOn) {
      if (inside && open !== null) (open as { end: number }).end = end;
      continue;
    }
    const kind = kindOf(label), current = open as { label: string; end: number; scores: number[]; part: 0 | 1 } | null;
    inside = kind !== null;
    if (current !== null && kind === current.label && !label.startsWith("B-") && current.part === place.part) {
      current.end = end;
      current.scores.push(score);
      continue;
    }
    close();
    if (kind !== null) open = { label: kind, start, end, scores: [score], part: place.part };
  }
  close();
  return { kind: "tokenClasses", tokens: tokens.map(({ place: _, ...token }) => token), spans };
}

/** The best span of the second text, or of the only one: the largest product of the chances of its two ends. */
function bestSpan(rows: readonly number[][], { encoded, texts }: ReadText): Span | null {
  const part = texts.length > 1 ? 1 : 0, own = rows.map((_, i) => encoded?.places[i]?.part === part);
  const chances = (column: number): number[] => softmax(rows.map((row, i) => own[i] ? row[column]! : -Infinity));
  const [starts, ends] = [chances(0), chances(1)];
  let best: { start: number; end: number; score: number } | null = null;
  for (let start = 0; start < rows.length; start++) {
    for (let end = start; end < Math.min(rows.length, start + MAX_ANSWER_TOKENS); end++) {
      const score = own[start] && own[end] ? starts[start]! * ends[end]! : 0;
      if (score > (best?.score ?? 0)) best = { start, end, score };
    }
  }
  if (best === null) return null;
  const start = encoded!.places[best.start]!.start, end = encoded!.places[best.end]!.end;
  return { start, end, text: texts[part]!.slice(start, end), score: best.score };
}
