/**
 * The voice of the command line: results on stdout, everything else on stderr, lower case and without a period.
 *
 * @module
 */

import { RequestError } from "../roles/lengths.ts";
import { DeviceError, DiskError, FrameError, KeyError, ModelError, ProtocolError } from "../core/errors.ts";
import { systemCode } from "../transport/durable.ts";
import { typed } from "./program.ts";
import { StoppedError } from "./stop.ts";

/** A mistake in the command line. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** A failure of a child process, with what it said. */
export class ChildError extends Error {
  override name = "ChildError";
  readonly failure: Failure;
  readonly exitCode: number;
  constructor(failure: Failure, exitCode: number) {
    super(failure.message);
    this.failure = failure;
    this.exitCode = exitCode;
  }
}

/** What a failed command says. */
export interface Failure {
  readonly kind: "internal" | "usage" | "peer" | "keys" | "model" | "disk" | "device" | "stopped";
  readonly message: string;
  readonly hint: string;
}

const EXIT_CODES: Readonly<Record<Exclude<Failure["kind"], "stopped">, number>> = {
  internal: 1,
  usage: 2,
  peer: 3,
  keys: 4,
  model: 5,
  disk: 5,
  device: 6,
};

/** The kind of failure that an exit code stands for. */
export function kindOfExit(code: number): Failure["kind"] {
  if (code > 128) return "stopped";
  for (const [kind, exit] of Object.entries(EXIT_CODES)) if (exit === code) return kind as Failure["kind"];
  return "internal";
}

const HINTS: Readonly<Record<Exclude<Failure["kind"], "stopped">, string>> = {
  internal: "this is a bug in sluice: please report it with the command that you ran",
  usage: "run the command with --help",
  peer: "check that both parties run the same model and keys, and that the address is right",
  keys: "deal new keys with sluice keygen: a key set serves one session",
  model: "check the model folder, then run sluice prepare again",
  disk: "check space and permissions there",
  device: "try --engine wasm",
};

/** Classifies an error for the user. */
export function failureOf(error: unknown): { failure: Failure; exitCode: number } {
  if (error instanceof ChildError) return { failure: error.failure, exitCode: error.exitCode };
  if (error instanceof StoppedError) {
    const hint = "run the command again, with new keys if these are spent";
    return { failure: { kind: "stopped", message: error.message, hint }, exitCode: error.exitCode };
  }
  const kind = kindOf(error), message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Error && typeof (error as { hint?: unknown }).hint === "string"
    ? (error as unknown as { hint: string }).hint
    : HINTS[kind];
  return { failure: { kind, message, hint }, exitCode: EXIT_CODES[kind] };
}

function kindOf(error: unknown): Exclude<Failure["kind"], "stopped"> {
  if (error instanceof UsageError || error instanceof RequestError) return "usage";
  if (error instanceof ProtocolError || error instanceof FrameError) return "peer";
  if (error instanceof KeyError) return "keys";
  if (
    error instanceof ModelError || error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable ||
    error instanceof Deno.errors.AlreadyExists
  ) return "model";
  if (error instanceof DiskError || systemCode(error) !== null) return "disk";
  if (error instanceof DeviceError) return "device";
  return "internal";
}

/** Progress of long work. */
export interface Progress {
  update(done: number): void;
  end(): void;
}

/** Controls, and marks that change the direction of a text: a terminal would act on them. */
const ACTING = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** A text as a terminal shows it without acting on it: controls but line ends and tabs become visible. */
export function shown(text: string): string {
  return text.replace(ACTING, (char) => {
    const code = char.codePointAt(0)!;
    if (char === "\n" || char === "\t") return char;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? "\u2421" : `\\u{${code.toString(16)}}`;
  });
}

/** Writes one command's messages. */
export class Ui {
  readonly json: boolean;
  readonly #who: string;
  readonly #interactive = Deno.stderr.isTerminal();

  constructor(who: string, json: boolean) {
    this.#who = who;
    this.json = json;
  }

  /** One line on stderr. */
  note(message: string): void {
    console.error(`${this.#who}: ${typed(shown(message))}`);
  }

  /** What the model says, on stdout: on a terminal as text alone, elsewhere as it is. */
  answer(text: string): void {
    Deno.stdout.writeSync(new TextEncoder().encode(Deno.stdout.isTerminal() ? shown(text) : text));
  }

  /** The command's result: one JSON line, or text. */
  result(value: Readonly<Record<string, unknown>>, text: () => string): void {
    console.log(this.json ? JSON.stringify(value) : text());
  }

  /** The failure, as JSON on stdout or as two lines on stderr. */
  fail(error: unknown): number {
    const { failure: said, exitCode } = failureOf(error), { keysSpent } = Object(error) as { keysSpent?: boolean };
    const failure = { kind: said.kind, message: typed(shown(said.message)), hint: typed(shown(said.hint)) };
    if (this.json) console.log(JSON.stringify({ error: failure, ...(keysSpent === undefined ? {} : { keysSpent }) }));
    else {
      console.error(`${this.#who}: error: ${failure.message}`);
      console.error(`${this.#who}: hint: ${failure.hint}`);
      if (keysSpent !== undefined) console.error(`${this.#who}: the keys are ${keysSpent ? "spent" : "not spent"}`);
    }
    return exitCode;
  }

  /**
   * Progress of long work on stderr, with rate and time left: on a terminal four times a second, otherwise every ten
   * seconds.
   */
  progress(what: string, total: number, unit: string): Progress {
    const start = performance.now(), period = this.#interactive ? 250 : 10_000;
    let last = start, drawn = false;
    return {
      update: (done) => {
        const now = performance.now();
        if (now - last < period) return;
        last = now;
        drawn = true;
        const seconds = (now - start) / 1000, rate = done / seconds, left = rate > 0 ? (total - done) / rate : 0;
        const line = `${this.#who}: ${what} ${amount(done, unit)} of ${amount(total, unit)}, ${amount(rate, unit)}/s, ${
          left.toFixed(0)
        } s left`;
        if (this.#interactive) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${line}`));
        else console.error(line);
      },
      end: () => {
        if (drawn && this.#interactive) Deno.stderr.writeSync(new TextEncoder().encode("\r\x1b[K"));
      },
    };
  }
}

/** A quantity for people: bytes in kB, MB or GB. */
export function amount(value: number, unit: string = "B"): string {
  if (unit !== "B") return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
  for (const [size, name] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]] as const) {
    if (value >= size) return `${(value / size).toFixed(2)} ${name}`;
  }
  return `${value.toFixed(0)} B`;
}
