import type { ModelError } from "../core/errors.ts";
import type { Architecture, Variant } from "./architecture.ts";
import type { TensorNames } from "./tensor_names.ts";
import { FIXED, isHarmless, type Meaning, meaningOf, NAMES } from "./field_names.ts";
import { describe, Fields, isJsonObject, type JsonObject } from "./fields.ts";

/**
 * Reads a configuration by what its fields mean, with the defaults of the class, and keeps account of them: a field that does
 * not act must be harmless.
 */
export class ConfigReader {
  /** The fields of the file. */
  readonly fields: Fields;
  /** The architecture, with the variants that follow from the fields. */
  readonly row: Architecture;

  constructor(json: JsonObject, row: Architecture) {
    this.fields = new Fields(json, "config.json");
    this.row = row;
    for (const variant of row.variants ?? []) {
      const follows = Object.entries(variant.when).every(([field, wanted]) => this.valueOf(field) === wanted);
      if (follows) this.row = withVariant(this.row, variant);
    }
  }

  /** The value of a field by its name, or the class's default. */
  valueOf(field: string): unknown {
    const value = this.fields.exact(field);
    return value === undefined ? this.row.fields[field] : value;
  }

  /** Whether the class has a field of that meaning. */
  has(meaning: Meaning): boolean {
    return NAMES[meaning].some((name) => this.row.fields[name] !== undefined);
  }

  /** The value of what classes call by several names, or the class's default; null where the class has none. */
  value(meaning: Meaning): unknown {
    if (!this.has(meaning)) return null;
    const names = NAMES[meaning],
      given = names.filter((name) => this.fields.exact(name) !== undefined),
      told = given.filter((name) => this.fields.raw(name) !== undefined),
      [first] = told;
    if (first === undefined) {
      return given.length > 0
        ? null
        : names.map((name) => this.row.fields[name] ?? null).find((value) => value !== null) ?? null;
    }
    const value = this.fields.raw(first);
    // Gemma's older name of the activation is not used where the newer one is there; GPT-Neo lists its blocks in two forms.
    const other = meaning === "activation" || meaning === "attentionTypes"
      ? undefined
      : told.find((name) => JSON.stringify(this.fields.raw(name)) !== JSON.stringify(value));
    if (other !== undefined) {
      throw this.fields.error(other, `must be what ${first} is, ${describe(value)}`, this.fields.raw(other));
    }
    return value;
  }

  /** An integer of at least `min`. */
  integer(meaning: Meaning, options: { min?: number; fallback?: number } = {}): number {
    const { min = 1, fallback } = options, value = this.value(meaning) ?? fallback;
    if (!Number.isSafeInteger(value) || (value as number) < min) {
      throw this.error(meaning, `must be an integer of at least ${min}`, value);
    }
    return value as number;
  }

  /** A positive number; null where the class has none. */
  optional(meaning: Meaning): number | null {
    const value = this.value(meaning);
    if (value === null) return null;
    if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) {
      throw this.error(meaning, "must be a positive number", value);
    }
    return value;
  }

  /** A positive number. */
  positive(meaning: Meaning): number {
    const value = this.optional(meaning);
    if (value === null) throw this.error(meaning, "must be a positive number", undefined);
    return value;
  }

  /** True or false; false where the class has no such field. */
  flag(meaning: Meaning): boolean {
    const value = this.value(meaning) ?? false;
    if (typeof value !== "boolean") throw this.error(meaning, "must be true or false", value);
    return value;
  }

  /** Makes the error for a field of that meaning. */
  error(meaning: Meaning, requirement: string, value: unknown): ModelError {
    const names: readonly string[] = NAMES[meaning];
    const name = names.find((name) => this.fields.exact(name) !== undefined) ??
      names.find((name) => this.row.fields[name] !== undefined) ?? names[0]!;
    return this.fields.error(name, requirement, value);
  }

  /** Refuses every field that neither acts nor is harmless, or has a value that does what is not done here. */
  assertRead(): void {
    const { fields, also = {}, only = {}, harmless = [], variants = [] } = this.row;
    for (const [name, standard] of Object.entries(fields)) {
      if (standard === undefined || meaningOf(name) !== undefined || harmless.includes(name)) continue;
      if (isJsonObject(standard)) {
        this.#assertMembers(this.fields.object(name), standard);
        continue;
      }
      // Where one of true and false has a variant, the other is the row as it stands.
      const values = variants.filter(({ when }) => Object.hasOwn(when, name)).map(({ when }) => when[name]),
        both = values.some((value) => typeof value === "boolean") ? [true, false] : [],
        allowed = only[name] ?? new Set([standard, ...values, ...both, ...also[name] ?? []]);
      assertOneOf(this.fields, name, this.valueOf(name), [...allowed]);
    }
    for (const [name, allowed] of Object.entries(FIXED)) {
      const value = this.fields.raw(name);
      if (value !== undefined && !harmless.includes(name)) assertOneOf(this.fields, name, value, allowed);
    }
    // A number that the class has counts as known where another field says that it does not act.
    const unknown = this.fields.unread().find((name) =>
      fields[name] === undefined && !isHarmless(name) && !harmless.includes(name) &&
      this.fields.raw(name) !== undefined &&
      !(name === "rope_parameters" && this.has("theta"))
    );
    if (unknown !== undefined) {
      const requirement = "must not be there: what it does in this class is not known here";
      throw this.fields.error(unknown, requirement, this.fields.raw(unknown));
    }
  }

  #assertMembers(given: Fields | undefined, allowed: JsonObject): void {
    for (const [member, values] of Object.entries(allowed)) {
      const value = given?.exact(member);
      if (value !== undefined) assertOneOf(given!, member, value, values as readonly unknown[]);
    }
    given?.assertRead();
  }
}

function assertOneOf(fields: Fields, name: string, value: unknown, allowed: readonly unknown[]): void {
  if (!allowed.includes(value)) throw fields.error(name, `must be ${allowed.map(describe).join(" or ")}`, value);
}

function withVariant(row: Architecture, variant: Variant): Architecture {
  const { switches, tensors, biases = [], noBiases = [], fused, heads } = variant;
  return {
    ...row,
    switches: { ...row.switches, ...switches },
    tensors: { ...row.tensors, ...tensors } as TensorNames,
    biases: [...row.biases ?? [], ...biases].filter((part) => !noBiases.includes(part)),
    heads: { ...row.heads, ...heads },
    ...(fused === undefined ? {} : { fused }),
  };
}
