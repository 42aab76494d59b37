/**
 * The entry: one program with sub-commands.
 *
 * @module
 */

import { runKernelWorkerIfNamed } from "../cpu/mod.ts";
import { runSocketThreadIfNamed } from "../transport/socket_thread.ts";
import { type Command, commandHelp, type Options, parseFlags } from "./args.ts";
import { Ui, UsageError } from "./ui.ts";
import { DEMO, demo } from "./demo.ts";
import { E2E, e2e } from "./e2e.ts";
import { KEYGEN, keygen } from "./keygen.ts";
import { ORACLE, oracle } from "./oracle.ts";
import { PARTY0, party0 } from "./party0.ts";
import { PARTY1, party1 } from "./party1.ts";
import { PLAN, plan } from "./plan.ts";
import { PREPARE, prepare } from "./prepare.ts";
import { SYNTHETIC, synthetic } from "./synthetic.ts";

type Run = (options: Options, ui: Ui) => Promise<number | void>;

const COMMANDS: readonly (readonly [Command, Run])[] = [
  [DEMO, demo],
  [PREPARE, prepare],
  [KEYGEN, keygen],
  [PARTY0, party0],
  [PARTY1, party1],
  [PLAN, plan],
  [ORACLE, oracle],
  [SYNTHETIC, synthetic],
  [E2E, e2e],
];

/** Help of the whole program. */
function mainHelp(): string {
  const lines = COMMANDS.map(([{ name, summary }]) => `  ${name.padEnd(9)}  ${summary}`);
  return [
    "sluice: private transformer inference between two parties",
    "",
    "usage: sluice COMMAND [flags]",
    "",
    ...lines,
    "",
    "sluice COMMAND --help shows the flags of a command",
  ].join("\n");
}

/** Runs a command line and returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "help") {
    console.log(mainHelp());
    return name === undefined ? 2 : 0;
  }
  const ui = new Ui(name.startsWith("-") ? "sluice" : `sluice ${name}`, args.includes("--json"));
  try {
    if (name.startsWith("-")) throw new UsageError(`Cannot run with ${name} as the command comes first`);
    const found = COMMANDS.find(([command]) => command.name === name);
    if (found === undefined) {
      throw new UsageError(
        `Cannot run ${name} as it is not a command: known are ${COMMANDS.map(([command]) => command.name).join(", ")}`,
      );
    }
    const [command, run] = found, options = parseFlags(command, rest);
    if (options.has("help")) {
      console.log(commandHelp(command));
      return 0;
    }
    return await run(options, ui) ?? 0;
  } catch (error) {
    return ui.fail(error);
  }
}

// Helper threads of the engine and the socket thread start from this same file: then there is nothing else to do.
if (!runKernelWorkerIfNamed() && !runSocketThreadIfNamed() && import.meta.main) Deno.exit(await main(Deno.args));
