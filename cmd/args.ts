/**
 * Flags of a sub-command as data: parsing, defaults and help from one table.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
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
  { name: "help", help: "show this text" },
];

/** One sub-command. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  readonly example: string;
}

/**
 * Parses the arguments of a command.
 *
 * @throws {UsageError} If a flag is unknown, repeated or without its value, or an argument is left over.
 */
export function parseFlags(command: Command, args: readonly string[]): Options {
  const flags = [...command.flags, ...COMMON_FLAGS], unknown: string[] = [];
  const parsed = parseArgs([...args], {
    boolean: flags.filter((flag) => flag.value === undefined).map((flag) => flag.name),
    string: flags.filter((flag) => flag.value !== undefined).map((flag) => flag.name),
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  }) as Record<string, unknown>;
  if (unknown.length > 0) {
    throw new UsageError(`Cannot run ${command.name} with ${unknown[0]}: it is not a flag of this command`);
  }
  for (const { name, value } of flags) {
    if (args.filter((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`)).length > 1) {
      throw new UsageError(`Cannot run ${command.name} as --${name} is given more than once`);
    }
    if (value !== undefined && parsed[name] === "" && name !== "prompt") {
      throw new UsageError(`Cannot run ${command.name} as --${name} needs a value`);
    }
  }
  if (parsed["help"] !== true) {
    for (const { name, required } of flags) {
      if (required && parsed[name] === undefined) {
        throw new UsageError(`Cannot run ${command.name} without --${name}`);
      }
    }
  }
  return new Options(parsed);
}

/** Help of one command. */
export function commandHelp({ name, summary, flags, example }: Command): string {
  const all = [...flags, ...COMMON_FLAGS].map(({ name, value, help, required }) =>
    [`--${name}${value ? ` ${value}` : ""}`, help + (required ? " (required)" : "")] as const
  );
  const width = Math.max(...all.map(([flag]) => flag.length));
  return [
    `sluice ${name}: ${summary}`,
    "",
    "flags:",
    ...all.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`),
    "",
    `example:\n  ${example}`,
  ].join("\n");
}
