/**
 * `sluice party0`: the owner of the model serves one session.
 *
 * @module
 */

import { warmUp } from "../pipeline/session/warm_up.ts";
import { Owner } from "../roles/owner.ts";
import { formatAddress } from "../transport/tcp.ts";
import type { Command, Options } from "./args.ts";
import { diskFiles, openKeyFolder } from "./disk.ts";
import { ENGINE_FLAGS, openEngine, startDevice } from "./engine.ts";
import { costTable, SESSION_FLAGS, sessionNumbers, windowBytes } from "./report.ts";
import { addressOf, openSockets } from "./sockets.ts";
import type { Progress, Ui } from "./ui.ts";

/** The command. */
export const PARTY0: Command = {
  name: "party0",
  summary: "serve one session (owner of the model)",
  flags: [
    { name: "model", value: "DIR", help: "prepared model folder, with its weights", required: true },
    { name: "keys", value: "DIR", help: "the dealer's folder for party 0", required: true },
    {
      name: "listen",
      value: "HOST:PORT",
      help: "address to listen on; port 0 takes a free one and prints it",
      required: true,
    },
    ...SESSION_FLAGS,
    ...ENGINE_FLAGS,
  ],
  example: "sluice party0 --model ./llama --keys ./keys/party0 --listen 0.0.0.0:7700",
};

/** Runs the command. */
export async function party0(options: Options, ui: Ui): Promise<void> {
  const start = performance.now(), files = diskFiles(options.required("model")), address = addressOf(options, "listen");
  const { keys, linkKey, close } = await openKeyFolder(options.required("keys"), 0), { identity } = keys;
  const opened = await openEngine(options, navigator.hardwareConcurrency, (line) => ui.note(line)), { engine } = opened;
  const sockets = openSockets(options, engine.name);
  try {
    const owner = await Owner.open({ files, engine });
    owner.assertServes(keys);
    await owner.load();
    await warmUp(engine, keys.plan.model);
    const listener = await sockets.listen(address, { linkKey, identity });
    ui.note(`listening on ${formatAddress(listener.address)}`);
    const link = await listener.accept(strangerNotes(ui));
    let bar: Progress | undefined, lanes = 0, setupMs = 0, deviceOf = opened.device;
    const report = await owner.serve(link, keys, {
      windowBytes: windowBytes(options),
      onClient: () => ui.note("the client is here"),
      onReady: async (total) => {
        bar = ui.progress("run", total, "lanes");
        await opened.settle();
        setupMs = Math.round(performance.now() - start);
        deviceOf = startDevice(opened);
      },
      onLane: () => bar?.update(++lanes),
    });
    bar?.end();
    const { setupBytes, onlineMs } = report;
    ui.result(
      {
        ...sessionNumbers(report),
        setupMs,
        setupBytes,
        onlineMs: Math.round(onlineMs),
        threads: opened.threads,
        ...deviceOf(),
        engine: engine.name,
      },
      () => `served session ${identity.session}: ${costTable(report, options.has("profile"))}`,
    );
  } finally {
    close();
    sockets.close();
    opened.close();
  }
}

/** Tells of strangers: of a few at once, then at most once a second. */
function strangerNotes(ui: Ui): (error: Error) => void {
  let budget = 8, refilled = performance.now(), untold = 0;
  return ({ message }) => {
    const now = performance.now();
    budget = Math.min(8, budget + (now - refilled) / 1000);
    refilled = now;
    if (budget < 1) return void untold++;
    budget--;
    ui.note(`turned a stranger away: ${message}${untold > 0 ? ` (and ${untold} others before)` : ""}`);
    untold = 0;
  };
}
