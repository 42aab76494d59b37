import { ModelError } from "../core/errors.ts";

/** A JSON object as `JSON.parse` gives it. */
export type JsonObject = { readonly [name: string]: unknown };

/** Says whether a parsed JSON value is an object (not an array, not null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses UTF-8 JSON bytes.
 *
 * @param bytes The file's bytes, without a byte-order mark.
 * @param file The file's name, for the error.
 * @throws {ModelError} If the bytes are not UTF-8 or not JSON.
 */
export function parseJson(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ModelError(`Cannot read ${file} as it must be JSON in UTF-8: received ${bytes.length} other bytes`, {
      cause,
    });
  }
}

/**
 * Parses UTF-8 JSON bytes that must hold an object.
 *
 * @throws {ModelError} As {@linkcode parseJson}, or if they are not an object.
 */
export function parseJsonObject(bytes: Uint8Array, file: string): JsonObject {
  const value = parseJson(bytes, file);
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

/**
 * Reads typed fields of one public JSON object; every failure names the file and the field. A null field counts as absent.
 * It keeps account of what was read, so that a field that nobody reads can be refused.
 */
export class Fields {
  readonly #object: JsonObject;
  readonly #file: string;
  readonly #read = new Set<string>();

  constructor(object: JsonObject, file: string) {
    this.#object = object;
    this.#file = file;
  }

  /** Returns the raw value, or undefined when it is absent or null. */
  raw(name: string): unknown {
    return this.exact(name) ?? undefined;
  }

  /** Returns the value as it stands: null where the file says null, undefined where it says nothing. */
  exact(name: string): unknown {
    this.#read.add(name);
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
  }

  /** Names of the fields that nobody read. */
  unread(): string[] {
    return Object.keys(this.#object).filter((name) => !this.#read.has(name));
  }

  /** Refuses fields that nobody read: each might change what the model computes. */
  assertRead(): void {
    const [name] = this.unread();
    if (name !== undefined) {
      throw this.error(name, "must not be there: what it does is not known here", this.#object[name]);
    }
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

  /** Returns a positive finite number, or `fallback`, whatever it is, when the field is absent. */
  positive(name: string, fallback?: number): number {
    const value = this.raw(name) ?? fallback;
    if (value !== undefined && value === fallback) return fallback;
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

  /** Makes the error for one field. */
  error(name: string, requirement: string, value: unknown): ModelError {
    return new ModelError(`Cannot read ${this.#file} as ${name} ${requirement}: received ${describe(value)}`);
  }
}
