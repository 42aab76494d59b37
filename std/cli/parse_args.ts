/** Names given as one string or as a list. */
type Names<N extends string> = N | readonly N[];

type Declared<B extends string, S extends string, C extends string> =
  & { [K in Exclude<B, C>]: boolean }
  & { [K in Exclude<S, C>]?: string }
  & { [K in C]: (K extends S ? string : K extends B ? boolean : unknown)[] };

// A default makes its option required, and widens it by the default's own type.
type WithDefaults<T, D> =
  & Omit<T, keyof D>
  & { [K in keyof D]: D[K] | (K extends keyof T ? NonNullable<T[K]> : unknown) };

/** What {@link parseArgs} returns: options by name, positional arguments under `_`. */
export type Args<T extends Record<string, unknown> = Record<string, unknown>> = T & { _: (string | number)[] };

/** Options of {@link parseArgs}. */
export interface ParseOptions<B extends string, S extends string, C extends string, N extends string, D> {
  /** Options that are true when present; false by default. */
  boolean?: Names<B>;
  /** Options whose value is a string; empty when none follows. */
  string?: Names<S>;
  /** Options that may be repeated; an empty list by default. */
  collect?: Names<C>;
  /** Options that `--no-<name>` sets to false. */
  negatable?: Names<N>;
  /** Further names of an option. */
  alias?: Record<string, string | readonly string[]>;
  /** Values of options that are absent. */
  default?: D;
  /** Whether everything after the first positional argument is positional. */
  stopEarly?: boolean;
  /** Called for each argument that is not declared; returning `false` drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

function list<N extends string>(names: Names<N> | undefined): readonly string[] {
  return names === undefined ? [] : typeof names === "string" ? [names] : names as readonly string[];
}

function guess(text: string): string | number {
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$|^0x[0-9a-f]+$/i.test(text) ? Number(text) : text;
}

/**
 * Parses command-line arguments into options by name and positional arguments.
 *
 * `--name value`, `--name=value`, `-n value`, `-abc`, `--no-name`; everything after `--` is positional.
 *
 * @param args The arguments, such as `Deno.args`.
 * @param options Which options take what.
 * @returns Options by name; positional arguments under `_`.
 *
 * @example Parsing two options
 * ```ts
 * import { parseArgs } from "@std/cli/parse-args";
 * import { assertEquals } from "@std/assert";
 *
 * const flags = parseArgs(["demo", "--json", "--lanes", "4"], { boolean: ["json"], string: ["lanes"] });
 *
 * assertEquals(flags, { _: ["demo"], json: true, lanes: "4" });
 * ```
 */
export function parseArgs<
  B extends string = never,
  S extends string = never,
  C extends string = never,
  N extends string = never,
  D extends Record<string, unknown> = Record<never, never>,
>(
  args: string[],
  options: ParseOptions<B, S, C, N, D> = {},
): Args<Record<string, unknown> & WithDefaults<Declared<B, S, C>, D>> {
  const booleans = list(options.boolean), strings = list(options.string), collected = list(options.collect);
  const negatable = list(options.negatable);
  const known = new Set([...booleans, ...strings, ...collected, ...Object.keys(options.alias ?? {})]);
  const names = new Map<string, readonly string[]>(); // any name of an option -> all its names
  for (const [name, aliases] of Object.entries(options.alias ?? {})) {
    const group = [name, ...list(aliases)];
    for (const each of group) names.set(each, group);
  }
  const group = (name: string) => names.get(name) ?? [name];
  const isIn = (set: readonly string[], name: string) => group(name).some((each) => set.includes(each));

  const found: Record<string, unknown> = {}, positional: (string | number)[] = [];
  function put(name: string, value: unknown): void {
    for (const each of group(name)) {
      const earlier = found[each];
      found[each] = isIn(collected, name) ? [...(Array.isArray(earlier) ? earlier : []), value] : value;
    }
  }
  function set(arg: string, name: string, value: string | boolean): void {
    const isKnown = group(name).some((each) => known.has(each)) || names.has(name);
    if (!isKnown && options.unknown?.(arg, name, value) === false) return;
    if (typeof value === "boolean") put(name, isIn(strings, name) ? "" : value);
    else if (isIn(booleans, name)) put(name, value !== "false");
    else put(name, isIn(strings, name) ? value : guess(value));
  }
  function addPositional(arg: string): void {
    if (options.unknown?.(arg) === false) return;
    positional.push(strings.includes("_") ? arg : guess(arg));
  }

  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!, next = args[i + 1];
    if (arg === "--") {
      for (const rest of args.slice(i + 1)) addPositional(rest);
      break;
    }
    const long = arg.match(/^--([^=]+)(?:=([\s\S]*))?$/);
    const short = arg.match(/^-([^-\d][^=]*)(?:=([\s\S]*))?$/);
    if (!long && !short) {
      addPositional(arg);
      if (!options.stopEarly) continue;
      for (const rest of args.slice(i + 1)) addPositional(rest);
      break;
    }
    const keys = long ? [long[1]!] : [...short![1]!], last = keys.pop()!, value = (long ?? short!)[2];
    for (const key of keys) set(arg, key, true);
    const negated = long && last.startsWith("no-") ? last.slice(3) : undefined;
    if (negated !== undefined && isIn(negatable, negated)) put(negated, false);
    else if (value !== undefined) set(arg, last, value);
    else if (next === undefined || next.startsWith("-")) set(arg, last, true);
    else if (isIn(booleans, last) && next !== "true" && next !== "false") set(arg, last, true);
    else {
      set(arg, last, next);
      i++;
    }
  }

  for (const [name, value] of Object.entries(options.default ?? {})) {
    if (!(name in found)) { for (const each of group(name)) found[each] = value; }
  }
  for (const name of collected) if (!(name in found)) { for (const each of group(name)) found[each] = []; }
  for (const name of booleans) if (!(name in found)) { for (const each of group(name)) found[each] = false; }
  return { ...found, _: positional } as Args<Record<string, unknown> & WithDefaults<Declared<B, S, C>, D>>;
}
