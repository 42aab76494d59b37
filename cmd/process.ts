/**
 * Child processes of `demo` and `e2e`: the same program with another sub-command.
 *
 * @module
 */

import { TextLineStream } from "@std/streams";
import { argsOf, type Values } from "./args.ts";
import { ChildError, type Failure, kindOfExit } from "./ui.ts";

/** A running sub-command. */
export interface Child {
  /** Resolves with its JSON result, or rejects with its failure. */
  readonly result: Promise<Record<string, unknown>>;
  /** Resolves with the first line of its standard error that contains `text`. */
  line(text: string): Promise<string>;
  kill(): void;
}

/** How to start this program again: from its sources, from a bundle, or as one binary. */
function command(args: readonly string[]): Deno.Command {
  const options = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  if (Deno.build.standalone) return new Deno.Command(Deno.execPath(), { ...options, args: [...args] });
  const permissions = [
    "--no-prompt",
    "--allow-read",
    "--allow-write",
    "--allow-net",
    "--allow-env=SLUICE_SHARED,REQUIRE_GPU,NO_COLOR,HOME,XDG_CACHE_HOME,XDG_STATE_HOME,INIT_CWD",
  ];
  return new Deno.Command(Deno.execPath(), { ...options, args: ["run", ...permissions, Deno.mainModule, ...args] });
}

/** Children that have not ended. */
const running = new Set<Deno.ChildProcess>();

/** Ends all children at once, without leave to clean up: for a command that is itself being ended. */
export function killChildren(): void {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
}

/** Where the text of a child goes as it comes, and its result. */
export interface TextMode {
  readonly onText: (text: string) => void;
  /** Path of a file. */
  readonly report: string;
}

/**
 * Starts a sub-command with `--json`. In text mode its output is passed on as it comes instead, and its result read
 * from a file.
 */
export function spawn(name: string, values: Values, text?: TextMode): Child {
  const mode: Values = text === undefined ? { json: true } : { report: text.report },
    child = command([name, ...argsOf(values), ...argsOf(mode)]).spawn();
  running.add(child);
  void child.status.then(() => running.delete(child));
  const said: string[] = [], waiting: { text: string; resolve: (line: string) => void }[] = [];
  const stderr = (async () => {
    for await (const line of child.stderr.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
      said.push(line);
      for (const { text, resolve } of waiting) if (line.includes(text)) resolve(line);
    }
  })();
  const stdout = (async () => {
    let all = "";
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      all += piece;
      text?.onText(piece);
    }
    return all;
  })();
  const result = (async () => {
    const [status, out] = await Promise.all([child.status, stdout, stderr]);
    if (status.success) {
      const parsed = parse(text === undefined ? out : await Deno.readTextFile(text.report));
      if (parsed !== null) return parsed;
    }
    throw new ChildError(
      failureFrom(name, text === undefined ? parse(out) : null, said, status.code),
      status.code === 0 ? 1 : status.code,
    );
  })();
  result.catch(() => {}); // whoever waits for it sees the failure
  return {
    result,
    line: (text) => {
      const seen = said.find((line) => line.includes(text));
      if (seen !== undefined) return Promise.resolve(seen);
      const found = new Promise<string>((resolve) => waiting.push({ text, resolve }));
      // A child that fails before it says the line must not be waited for.
      return Promise.race([found, result.then(() => found)]);
    },
    kill: () => {
      try {
        child.kill("SIGTERM");
      } catch {
        // it has ended
      }
    },
  };
}

/** What a child said about its failure: its JSON, its last error and hint lines, or its last words. */
function failureFrom(
  name: string,
  parsed: Record<string, unknown> | null,
  said: readonly string[],
  code: number,
): Failure {
  if (parsed?.["error"] !== undefined) return parsed["error"] as Failure;
  const after = (mark: string): string | undefined => said.findLast((line) => line.includes(mark))?.split(mark)[1];
  const message = after(": error: ") ?? `sluice ${name} ended with code ${code}: ${said.slice(-5).join(" | ")}`;
  return { kind: kindOfExit(code), message, hint: after(": hint: ") ?? "" };
}

function parse(text: string): Record<string, unknown> | null {
  const line = text.trimEnd().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}
