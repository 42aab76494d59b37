/**
 * `sluice party0`: the owner of the model serves one session.
 *
 * @module
 */

import { ProtocolError } from "../core/errors.ts";
import { warmUp } from "../pipeline/session/warm_up.ts";
import { Owner } from "../roles/owner.ts";
import type { Session } from "../transport/session.ts";
import { formatAddress, type Listener } from "../transport/tcp.ts";
import type { Command, Options } from "./args.ts";
import { diskFiles, type KeyFolder, openKeyFolder } from "./disk.ts";
import { ENGINE_FLAGS, openEngine, startDevice } from "./engine.ts";
import { costTable, SESSION_FLAGS, sessionNumbers, windowBytes } from "./report.ts";
import { addressOf, openSockets } from "./sockets.ts";
import { stoppable } from "./stop.ts";
import { CLIENT_FLAGS, clientsOf, ledgerOf, openOptions, TRUST_FLAGS } from "./trust.ts";
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
    ...CLIENT_FLAGS,
    ...TRUST_FLAGS,
    ...SESSION_FLAGS,
    ...ENGINE_FLAGS,
  ],
  example: "sluice party0 --model ./llama --keys ./keys/party0 --listen 0.0.0.0:7700 --identity ./owner.id " +
    "--client sluice-client1…",
};

/** Runs the command. */
export async function party0(options: Options, ui: Ui): Promise<void> {
  await stoppable((signal) => servedOnce(options, ui, signal));
}

async function servedOnce(options: Options, ui: Ui, signal: AbortSignal): Promise<void> {
  const start = performance.now(), files = diskFiles(options.required("model")), address = addressOf(options, "listen");
  const [peers, keyWindow] = [await clientsOf(options), windowBytes(options)];
  const folder = await openKeyFolder(options.required("keys"), 0, ledgerOf(options)), { keys } = folder;
  const opened = await openEngine(options, navigator.hardwareConcurrency, (line) => ui.note(line)), { engine } = opened;
  const sockets = openSockets(options, engine.name);
  try {
    const trust = await openOptions(options, folder, { role: "owner", peers, ui });
    const owner = await Owner.open({ files, engine });
    owner.assertServes(keys);
    await owner.load();
    await warmUp(engine, keys.plan.model);
    const listener = await sockets.listen(address, { ...trust, onStranger: strangerNotes(ui) });
    signal.addEventListener("abort", () => listener.close());
    if (signal.aborted) throw signal.reason;
    ui.note(`listening on ${formatAddress(listener.address)} as ${trust.identity}`);
    let bar: Progress | undefined, lanes = 0, setupMs = 0, deviceOf = opened.device;
    const report = await firstAsked(listener, { folder, ui, signal }, (link) =>
      owner.serve(link, keys, {
        windowBytes: keyWindow,
        onClient: () => ui.note(`${peers.get(link.peer)} is here: ${link.peer}`),
        onReady: async (total) => {
          bar = ui.progress("run", total, "lanes");
          await opened.settle();
          setupMs = Math.round(performance.now() - start);
          deviceOf = startDevice(opened);
        },
        onLane: () => bar?.update(++lanes),
      }));
    bar?.end();
    listener.close();
    const { setupBytes, onlineMs } = report;
    ui.result(
      {
        ...sessionNumbers(report),
        keysSpent: folder.spent,
        setupMs,
        setupBytes,
        onlineMs: Math.round(onlineMs),
        threads: opened.threads,
        ...deviceOf(),
        engine: engine.name,
      },
      () => `served session ${keys.agreement.session}: ${costTable(report, options.has("profile"))}`,
    );
  } catch (error) {
    throw Object.assign(error as Error, { keysSpent: folder.spent });
  } finally {
    folder.close();
    if (!options.has("keep")) await folder.erase((line) => ui.note(line));
    sockets.close();
    opened.close();
  }
}

/** Serves one client after the other until one has asked: who leaves before has spent nothing, and others may come. */
async function firstAsked<T>(
  listener: Listener,
  { folder, ui, signal }: { readonly folder: KeyFolder; readonly ui: Ui; readonly signal: AbortSignal },
  serve: (link: Session) => Promise<T>,
): Promise<T> {
  for (;;) {
    const link = await listener.accept(), stop = (): void => link.close(new ProtocolError("The owner was stopped"));
    signal.addEventListener("abort", stop);
    try {
      return await serve(link);
    } catch (error) {
      if (folder.spent || !(error instanceof ProtocolError) || signal.aborted) throw error;
      ui.note(`the client left before it asked, and no key is spent: ${error.message}; waiting on`);
    } finally {
      signal.removeEventListener("abort", stop);
    }
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
