import { ModelError } from "../core/errors.ts";

/** A JSON object as `JSON.parse` gives it. */
export type JsonObject = { readonly [name: string]: unknown };

/** Says whether a parsed JSON value is an object (not an array, not null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses UTF-8 JSON bytes that must hold an object.
 *
 * @param bytes The file's bytes, without a byte-order mark.
 * @param file The file's name, for the error.
 * @throws {ModelError} If the bytes are not UTF-8, not JSON, or not an object.
 */
export function parseJsonObject(bytes: Uint8Array, file: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ModelError(`Cannot read ${file} as it must be JSON in UTF-8: received ${bytes.length} other bytes`, {
      cause,
    });
  }
  if (!isJsonObject(value)) {
    throw new ModelError(`Cannot read ${file} as it must hold a JSON object: received ${describe(value)}`);
  }
  return value;
}

/** Describes a public JSON value in a few words, for an error message. */
export function describe(value: unknown): string {
  if (value === undefined) return "no value";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isJsonObject(value)) return "an object";
  return typeof value === "string" ? `"${value.slice(0, 80)}"` : String(value);
}

/** Reads typed fields of one public JSON object; every failure names the file and the field. A null field counts as absent. */
export class Fields {
  readonly #object: JsonObject;
  readonly #file: string;

  constructor(object: JsonObject, file: string) {
    this.#object = object;
    this.#file = file;
  }

  /** Returns the raw value, or undefined when it is absent or null. */
  raw(name: string): unknown {
    return this.#object[name] ?? undefined;
  }

  /** Returns an integer of at least `min` (1 unless told), or `fallback` when the field is absent. */
  integer(name: string, options: { min?: number; fallback?: number } = {}): number {
    const { min = 1, fallback } = options;
    const value = this.raw(name) ?? fallback;
    if (!Number.isSafeInteger(value) || (value as number) < min) {
      throw this.error(name, `must be an integer of at least ${min}`, value);
    }
    return value as number;
  }

  /** Returns a positive finite number, or `fallback` when the field is absent. */
  positive(name: string, fallback?: number): number {
    const value = this.raw(name) ?? fallback;
    if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) {
      throw this.error(name, "must be a positive number", value);
    }
    return value;
  }

  /** Returns true or false, or `fallback` when the field is absent. */
  flag(name: string, fallback: boolean): boolean {
    const value = this.raw(name) ?? fallback;
    if (typeof value !== "boolean") throw this.error(name, "must be true or false", value);
    return value;
  }

  /** Returns the field's object, or undefined when it is absent. */
  object(name: string): Fields | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (!isJsonObject(value)) throw this.error(name, "must be an object", value);
    return new Fields(value, `${this.#file} (${name})`);
  }

  /** Refuses a field that has another value than the ones the secure forward pass implements. */
  only(name: string, allowed: readonly unknown[]): void {
    const value = this.raw(name);
    if (value !== undefined && !allowed.includes(value)) {
      throw this.error(name, `must be ${allowed.map(describe).join(" or ")}`, value);
    }
  }

  /** Makes the error for one field. */
  error(name: string, requirement: string, value: unknown): ModelError {
    return new ModelError(`Cannot read ${this.#file} as ${name} ${requirement}: received ${describe(value)}`);
  }
}

/**
 * Reads the tokens that begin and end a text: absent, one id, or a list of them.
 *
 * @param options `vocabCount`: ids lie below it. `fallback`: the class's default for absent fields, where the vocabulary
 * has that id.
 * @throws {ModelError} If a value is not a token id.
 */
export function tokenIds(
  fields: Fields,
  options: { vocabCount: number; fallback?: number },
): { bosTokenId?: number; eosTokenId?: number; stopTokenIds: number[] } {
  const { vocabCount, fallback = vocabCount } = options;
  const read = (name: string): number[] => {
    const value = fields.raw(name) ?? (fallback < vocabCount ? fallback : []);
    const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const id of ids) {
      if (!Number.isSafeInteger(id) || (id as number) < 0 || (id as number) >= vocabCount) {
        throw fields.error(name, `must be a token id from 0 to ${vocabCount - 1}`, id);
      }
    }
    return ids as number[];
  };
  const [bosTokenId] = read("bos_token_id");
  const stopTokenIds = read("eos_token_id");
  const [eosTokenId] = stopTokenIds;
  return {
    ...(bosTokenId === undefined ? {} : { bosTokenId }),
    ...(eosTokenId === undefined ? {} : { eosTokenId }),
    stopTokenIds,
  };
}

/** Returns a count of heads that divides the hidden width, and the width of one of them. */
export function headsOf(
  fields: Fields,
  names: { heads: string; width: string },
): { hiddenWidth: number; heads: number; headWidth: number } {
  const hiddenWidth = fields.integer(names.width);
  const heads = fields.integer(names.heads);
  if (hiddenWidth % heads !== 0) {
    throw fields.error(names.width, `must be a multiple of ${names.heads}, ${heads}`, hiddenWidth);
  }
  return { hiddenWidth, heads, headWidth: hiddenWidth / heads };
}

/** Hugging Face's names of the two forms of GELU. */
const GELUS: ReadonlyMap<unknown, "gelu" | "gelu_tanh"> = new Map([
  ["gelu", "gelu"],
  ["gelu_python", "gelu"],
  ["gelu_new", "gelu_tanh"],
  ["gelu_fast", "gelu_tanh"],
  ["gelu_pytorch_tanh", "gelu_tanh"],
]);

/** Returns which form of GELU a field names, or `fallback` when it is absent; refuses other activations. */
export function geluOf(fields: Fields, name: string, fallback: "gelu" | "gelu_new"): "gelu" | "gelu_tanh" {
  fields.only(name, [...GELUS.keys()]);
  return GELUS.get(fields.raw(name) ?? fallback)!;
}
