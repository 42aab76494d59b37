/**
 * Ending a command from outside: a party says goodbye, says whether its keys are spent, and leaves no process behind.
 *
 * @module
 */

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** How often a command looks whether the task runner that started it is still there. */
const PARENT_MS = 1000;

/** The command was told to end. */
export class StoppedError extends Error {
  override name = "StoppedError";
  readonly exitCode: number;
  constructor(how: keyof typeof EXIT_CODES) {
    super(`Cannot go on as the command was told to end: received ${how}`);
    this.exitCode = EXIT_CODES[how];
  }
}

/** Whether a task runner has started this process: it says so in a variable of the environment. */
function isTask(): boolean {
  const variable = "INIT_CWD", { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" && Deno.env.get(variable) !== undefined;
}

/**
 * Runs a command that SIGINT, SIGTERM, SIGHUP and the end of its task runner ask to end; a second signal ends it at once.
 *
 * @param run Is given a signal that aborts then; whatever it fails with afterwards, the command was stopped.
 */
export async function stoppable<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController(), parent = Deno.ppid;
  let stopped: StoppedError | null = null;
  const stop = (how: keyof typeof EXIT_CODES): void => {
    if (stopped !== null) Deno.exit(stopped.exitCode);
    stopped = new StoppedError(how);
    controller.abort(stopped);
  };
  const names = Deno.build.os === "windows" ? ["SIGINT"] as const : ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const listeners = names.map((name) => [name, () => stop(name)] as const);
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  // A task runner that is killed tells nobody, and would leave a server behind. Started otherwise, it is nobody's affair.
  const look = (): void => {
    if (Deno.ppid !== parent && stopped === null) stop("SIGHUP");
  };
  const looks = isTask() ? setInterval(look, PARENT_MS) : undefined;
  try {
    return await run(controller.signal);
  } catch (error) {
    const { keysSpent } = Object(error) as { keysSpent?: boolean };
    throw stopped === null ? error : Object.assign(stopped, { keysSpent });
  } finally {
    clearInterval(looks);
    for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
  }
}
