/**
 * The command line as a user meets it: real processes with the permissions of the tasks in `deno.json`.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { demoModel } from "../assets/demo_model.ts";

const root = `${import.meta.dirname}/..`;
const { tasks }: { tasks: Record<string, string> } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));

/** Commands that end with one JSON line. */
export type CommandName = "demo" | "identity" | "prepare" | "keygen" | "party0" | "party1" | "plan" | "e2e";

/** How to start `deno task NAME ARGS` without the task runner. */
export function denoCommand(name: CommandName, args: readonly string[]): Deno.Command {
  const [deno, ...words] = tasks[name]!.split(" ");
  assertEquals(deno, "deno");
  return new Deno.Command(Deno.execPath(), {
    args: [...words, ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** What a command left behind. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function run(name: CommandName, ...args: readonly string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await denoCommand(name, args).output(), decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The one line of JSON on stdout, and nothing else there. */
export function oneLine({ stdout, stderr }: Outcome): Record<string, unknown> {
  assert(/^[^\n]+\n$/.test(stdout), `stdout must be one line: ${stdout}\nstderr: ${stderr}`);
  return JSON.parse(stdout);
}

/** Runs a command with `--json` that must end well. */
export async function runJson(name: CommandName, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const outcome = await run(name, "--json", ...args);
  assertEquals(outcome.code, 0, outcome.stdout + outcome.stderr);
  return oneLine(outcome);
}

/** What a failed command says. */
export interface Failure {
  readonly kind: string;
  readonly message: string;
  readonly hint: string;
}

/** The failure of a command that ran with `--json` and must end with `code`. */
export function failureOf(outcome: Outcome, code: number): Failure {
  const line = oneLine(outcome), failure = line["error"] as Failure;
  assertEquals(Object.keys(line).filter((field) => field !== "keysSpent"), ["error"]);
  assertEquals(Object.keys(failure), ["kind", "message", "hint"]);
  assertEquals(outcome.code, code, failure.message);
  assert(failure.message.startsWith("Cannot "), failure.message);
  return failure;
}

/** Runs a command with `--json` that must fail with `code`. */
export async function runFailing(code: number, name: CommandName, ...args: readonly string[]): Promise<Failure> {
  return failureOf(await run(name, "--json", ...args), code);
}

/** A command that is still running. */
export interface Running {
  /** Resolves with the rest of the first line on stderr that contains `text`, from `text` on. */
  said(text: string): Promise<string>;
  /** Resolves at the first output on stdout. */
  readonly printed: Promise<void>;
  readonly outcome: Promise<Outcome>;
  /** Ends it; at once unless another signal is named. */
  kill(signal?: Deno.Signal): void;
}

/** Commands that have not ended. */
const running = new Set<Running>();

/** Starts a command; it ends with the folder of its test at the latest. */
export function start(name: CommandName, ...args: readonly string[]): Running {
  const child = denoCommand(name, args).spawn(), printed = Promise.withResolvers<void>();
  let stdout = "", stderr = "";
  const heard: (() => void)[] = [];
  const reading = Promise.all([
    (async () => {
      for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
        stdout += piece;
        printed.resolve();
      }
    })(),
    (async () => {
      for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
        stderr += piece;
        for (const hear of heard) hear();
      }
    })(),
  ]);
  const outcome = (async () => {
    const [{ code }] = await Promise.all([child.status, reading]);
    return { code, stdout, stderr };
  })();
  const said = async (text: string): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const hear = (): void => {
      const line = stderr.split("\n").slice(0, -1).find((line) => line.includes(text));
      if (line !== undefined) resolve(line.slice(line.indexOf(text) + text.length));
    };
    heard.push(hear);
    hear();
    const ended = outcome.then(({ code }) => {
      throw new Error(`Cannot hear "${text}" as sluice ${name} must say it: received code ${code}, ${stdout}${stderr}`);
    });
    return await Promise.race([promise, ended]);
  };
  const command: Running = {
    said,
    printed: printed.promise,
    outcome,
    kill: (signal = "SIGKILL") => {
      try {
        child.kill(signal);
      } catch {
        // it has ended
      }
    },
  };
  running.add(command);
  void outcome.then(() => running.delete(command));
  return command;
}

/** Writes the embedded model into a folder. */
export async function writeDemoModel(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(demoModel())) await Deno.writeFile(`${folder}/${name}`, bytes);
}

/** Runs a test with a folder of its own. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-test-" });
  try {
    await body(folder);
  } finally {
    // A test that fails leaves party 0 waiting for a client.
    for (const command of running) command.kill();
    await Promise.all([...running].map(({ outcome }) => outcome));
    await Deno.remove(folder, { recursive: true });
  }
}
