/**
 * Flags of a sub-command as data: parsing, defaults and help from one table.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { typed } from "./program.ts";
import { UsageError } from "./ui.ts";

/** One flag. */
export interface Flag {
  readonly name: string;
  /** Name of its value in the help; absent for a switch. */
  readonly value?: string;
  readonly help: string;
  readonly required?: boolean;
}

/** Values of flags by name: true for a switch, undefined for a flag that is not given. */
export type Values = Readonly<Record<string, string | number | true | undefined>>;

/** The arguments that give flags these values. */
export function argsOf(values: Values): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : value === true ? [`--${name}`] : [`--${name}`, String(value)]
  );
}

/** Parsed flags. */
export class Options {
  readonly #values: Readonly<Record<string, unknown>>;
  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }
  has(name: string): boolean {
    return this.#values[name] === true;
  }
  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === "") throw new UsageError(`Cannot run as --${name} needs a value`);
    return value;
  }
  /** A whole number of at least `least`. */
  count(name: string, fallback: number, least: number = 0): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least || text.trim() === "") {
      throw new UsageError(`Cannot use --${name} as it must be a whole number of at least ${least}: received ${text}`);
    }
    return value;
  }
}

/** Flags that every command has. */
export const COMMON_FLAGS: readonly Flag[] = [
  { name: "json", help: "print one line of JSON on stdout and nothing else" },
  { name: "help", help: "show this text; -h too" },
];

/** One sub-command. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  readonly example: string;
}

/**
 * Parses the arguments of a command. A flag with a value takes the next argument, whatever it begins with.
 *
 * @throws {UsageError} If a flag is unknown, repeated or without its value, or an argument is left over; what may be a
 * text is not repeated.
 */
export function parseFlags(command: Command, args: readonly string[]): Options {
  const flags = [...command.flags, ...COMMON_FLAGS], { name } = command, unknown: string[] = [];
  const given: string[] = [], empty: string[] = [];
  const takesValue = (arg: string) => flags.some((flag) => flag.value !== undefined && arg === `--${flag.name}`);
  // The parser would take a value that begins with a dash for a flag, and one that is empty for a part of its name.
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!, isEmpty = arg.endsWith("=") && takesValue(arg.slice(0, -1));
    if (isEmpty) empty.push(arg.slice(0, -1));
    else if (!takesValue(arg) || i + 1 === args.length) given.push(arg);
    else if (args[++i] === "") empty.push(arg);
    else given.push(`${arg}=${args[i]}`);
  }
  const parsed = parseArgs(given, {
    boolean: flags.filter((flag) => flag.value === undefined).map((flag) => flag.name),
    string: flags.filter((flag) => flag.value !== undefined).map((flag) => flag.name),
    alias: { help: "h" },
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  }) as Record<string, unknown> & { readonly _: readonly unknown[] };
  // What follows a bare -- is no flag, and belongs to none either.
  const [first] = [...unknown, ...parsed._.map(String)];
  if (first !== undefined) {
    const what = /^--?[a-z0-9-]{0,20}$/.test(first) ? `${first}: it is not a flag of this command` : null;
    throw new UsageError(
      `Cannot run ${name} with ${what ?? "an argument that belongs to no flag: a text with spaces needs quotes"}`,
    );
  }
  for (const arg of empty) parsed[arg.slice(2)] = "";
  for (const { name: flag, value, required } of flags) {
    const [arg, again] = [...given, ...empty].filter((arg) => arg === `--${flag}` || arg.startsWith(`--${flag}=`));
    if (again !== undefined) throw new UsageError(`Cannot run ${name} as --${flag} is given more than once`);
    if (value === undefined && arg?.includes("=")) {
      throw new UsageError(`Cannot run ${name} as --${flag} takes no value`);
    }
    const mayBeEmpty = (flag === "prompt" || flag === "text") && empty.includes(`--${flag}`);
    if (value !== undefined && arg === `--${flag}` && !mayBeEmpty) {
      throw new UsageError(`Cannot run ${name} as --${flag} needs a value`);
    }
    if (required && arg === undefined && parsed["help"] !== true) {
      throw new UsageError(`Cannot run ${name} without --${flag}`);
    }
  }
  return new Options(parsed);
}

/** Widest line of a help text, and where the help of a flag begins. */
const HELP_COLUMNS = 80, FLAG_COLUMNS = 24;

/** Help of one command. */
export function commandHelp({ name, summary, flags, example }: Command): string {
  const lines = [...flags, ...COMMON_FLAGS].flatMap(({ name, value, help, required }) => {
    const flag = `  --${name}${value ? ` ${value}` : ""}`, said = typed(help) + (required ? " (required)" : "");
    const [first, ...more] = wrapped(said, HELP_COLUMNS - FLAG_COLUMNS).map((line) => " ".repeat(FLAG_COLUMNS) + line);
    const short = flag.length < FLAG_COLUMNS - 1;
    return [...short ? [flag.padEnd(FLAG_COLUMNS) + first!.trimStart()] : [flag, first!], ...more];
  });
  const [first = "", ...more] = wrapped(typed(example), HELP_COLUMNS - 8);
  return [
    ...wrapped(`sluice ${name}: ${summary}`, HELP_COLUMNS),
    "",
    "flags:",
    ...lines,
    "",
    "example:",
    [`  ${first}`, ...more.map((line) => `      ${line}`)].join(" \\\n"),
  ].join("\n");
}

/** A text in lines of at most so many characters, cut at spaces. */
function wrapped(text: string, columns: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!, longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= columns || line === "") lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
