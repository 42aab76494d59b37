/**
 * Where tokens stand in the text that they were made of.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "./fields.ts";

/** A half-open range of a text's UTF-16 units, as `slice` takes it. */
export interface CharacterRange {
  /** First unit. */
  readonly start: number;
  /** One past the last unit. */
  readonly end: number;
}

/** How a tokenizer writes its tokens: what a token adds to the text. */
export interface TokenSpelling {
  /** The bytes of a token, in UTF-8; null for the unknown one. */
  readonly bytes: (token: string) => Uint8Array | null;
  /** Whether a token goes on with the word of the one before it. */
  readonly continues: (token: string) => boolean;
}

const encoder = new TextEncoder();

/** GPT-2's letters for bytes: printable ones stand for themselves, the others for 256 and what follows. */
const BYTE_OF: ReadonlyMap<string, number> = new Map((() => {
  const printable = (byte: number): boolean => byte >= 33 && byte <= 126 || byte >= 161 && byte <= 172 || byte >= 174;
  let next = 256;
  return Array.from(
    { length: 256 },
    (_, byte) => [String.fromCodePoint(printable(byte) ? byte : next++), byte] as const,
  );
})());

/** Reads from a `tokenizer.json` how its tokens are spelled. */
export function spellingOf(json: JsonObject): TokenSpelling {
  const text = JSON.stringify([json["decoder"], json["pre_tokenizer"]]), model = json["model"];
  const unknown = isJsonObject(model) ? model["unk_token"] ?? unknownOf(model) : undefined;
  if (text.includes('"ByteLevel"')) {
    return {
      bytes: (token) => Uint8Array.from(token, (letter) => BYTE_OF.get(letter) ?? 0x3f),
      continues: (token) => !/^[ĠĊĉ]/.test(token),
    };
  }
  if (text.includes('"WordPiece"') || isJsonObject(model) && model["type"] === "WordPiece") {
    return {
      bytes: (token) => token === unknown ? null : encoder.encode(token.replace(/^##/, "")),
      continues: (token) => token.startsWith("##"),
    };
  }
  return {
    bytes: (token) => {
      if (token === unknown) return null;
      const byte = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
      return byte === undefined ? encoder.encode(token.replaceAll("▁", " ")) : Uint8Array.of(parseInt(byte, 16));
    },
    continues: (token) => !token.startsWith("▁"),
  };
}

/** The unknown token of a Unigram model. */
function unknownOf(model: JsonObject): unknown {
  const vocab = model["vocab"], id = model["unk_id"];
  const entry: unknown = Array.isArray(vocab) && typeof id === "number" ? vocab[id] : undefined;
  return Array.isArray(entry) ? entry[0] : undefined;
}

/** A text as tokenizers compare it: without case, marks, white space and compatibility forms; `at` says where each unit came from. */
interface Folded {
  readonly text: string;
  readonly at: readonly CharacterRange[];
}

/** One character with the marks that follow it. */
const CLUSTER = /\P{M}\p{M}*|\p{M}+/gu;

function fold(text: string): string {
  return text.normalize("NFKD").replace(/[\p{M}\p{Cc}\p{Cf}\s▁�]/gu, "").toLowerCase();
}

function foldText(text: string): Folded {
  let folded = "";
  const at: CharacterRange[] = [];
  for (const { 0: cluster, index } of text.matchAll(CLUSTER)) {
    const own = fold(cluster), range = { start: index, end: index + cluster.length };
    folded += own;
    for (let i = 0; i < own.length; i++) at.push(range);
  }
  return { text: folded, at };
}

/**
 * Where each token stands in a text: the characters that it spells, without the white space before them. Tokenizers may change
 * a text before they cut it (case, accents, compatibility forms), so characters are compared without these; what an unknown
 * token stands for is what lies between its neighbours.
 *
 * @param tokens The tokens of the text alone, in order.
 */
export function offsetsOf(text: string, tokens: readonly string[], spelling: TokenSpelling): CharacterRange[] {
  const { text: folded, at } = foldText(text), { spelled, ends } = spelledUnits(tokens, spelling);
  const units: ([number, number] | null)[] = [];
  let cursor = 0;
  for (const own of spelled) {
    if (own === null) {
      units.push(null);
      continue;
    }
    // What comes after an unknown token is searched; what does not fit at all stands where it would.
    const found = own === "" ? cursor : folded.indexOf(own, cursor), start = found < 0 ? cursor : found;
    units.push([start, found < 0 ? start : start + own.length]);
    cursor = found < 0 ? cursor : start + own.length;
  }
  const ranges = units.map((range, i): CharacterRange => {
    const [start, end] = range ?? gapAround(units, i, folded.length);
    if (start === end) {
      const place = at[start]?.start ?? text.length;
      return { start: place, end: place };
    }
    return { start: at[start]!.start, end: at[end - 1]!.end };
  });
  return ranges.map((range, i) => {
    const last = ends.get(i), end = last === undefined ? range : ranges[last]!;
    return { start: range.start === range.end ? end.start : range.start, end: end.end };
  });
}

/** The units between the known neighbours of an unknown token, shared evenly among those that stand there. */
function gapAround(units: readonly ([number, number] | null)[], index: number, length: number): [number, number] {
  let first = index, last = index;
  while (first > 0 && units[first - 1] === null) first--;
  while (last + 1 < units.length && units[last + 1] === null) last++;
  const from = first === 0 ? 0 : units[first - 1]![1], to = last + 1 === units.length ? length : units[last + 1]![0];
  const share = (i: number): number => from + Math.round((to - from) * i / (last - first + 1));
  return [share(index - first), share(index - first + 1)];
}

/** What each token spells, folded, null for unknown ones; and for tokens that hold the beginning of a character the token that ends it. */
function spelledUnits(
  tokens: readonly string[],
  spelling: TokenSpelling,
): { spelled: (string | null)[]; ends: ReadonlyMap<number, number> } {
  const spelled: (string | null)[] = [], ends = new Map<number, number>(), decoder = new TextDecoder();
  let tail: number[] = [], began: number[] = [];
  for (const [i, token] of tokens.entries()) {
    const bytes = spelling.bytes(token), all: number[] = [...tail, ...bytes ?? []];
    // A character that is not whole yet has at most three bytes.
    let whole = all.length;
    while (whole > Math.max(0, all.length - 3) && isOpen(all, whole)) whole--;
    if (isOpen(all, whole)) whole = all.length;
    spelled.push(bytes === null ? null : fold(decoder.decode(Uint8Array.from(all.slice(0, whole)))));
    if (whole > 0) {
      for (const before of began) ends.set(before, i);
      began = [];
    }
    tail = all.slice(whole);
    if (tail.length > 0) began.push(i);
  }
  return { spelled, ends };
}

/** Whether the first `count` bytes end amid a character. */
function isOpen(bytes: readonly number[], count: number): boolean {
  for (let back = 1; back <= Math.min(3, count); back++) {
    const byte = bytes[count - back]!;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2);
    if (byte < 0x80) return false;
  }
  return false;
}
