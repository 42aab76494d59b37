/**
 * A session of `demo` or `e2e`: owner, dealer and both parties as processes on this machine, and the oracle that it is
 * checked against.
 *
 * @module
 */

import { CoinRecord } from "../pipeline/interpreters/coins.ts";
import { Oracle } from "../pipeline/forward/oracle.ts";
import { collectIntegers } from "../pipeline/forward/weights.ts";
import type { SessionPlan } from "../pipeline/session/session_plan.ts";
import { type SessionLengths, sessionPlan } from "../roles/lengths.ts";
import { MASKS_FILE, readPrepared, readWeights, SLUICE_FILE } from "../roles/model_folder.ts";
import type { Values } from "./args.ts";
import { diskFiles } from "./disk.ts";
import { type Child, spawn, type TextMode } from "./process.ts";
import { withTempFolder } from "./temp.ts";
import type { Ui } from "./ui.ts";

/** What is run. */
export interface LocalRun {
  /** The model's files; `config` is the one that says what it is. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly config: string;
  /** Flags of `prepare`. */
  readonly prepare: Values;
  readonly lengths: SessionLengths;
  /** Threads of the dealer. */
  readonly threads: number;
  /** Engine flags of party 0 and of the client. */
  readonly engines: readonly [Values, Values];
  /** What the client asks. */
  readonly client: Values;
  /** Where the prompt and the client's text go as they come. */
  readonly onText?: (text: string) => void;
  /** What is said before the model is prepared, the keys are dealt, and both parties run. */
  readonly says: readonly [string, string, string];
}

/** What came out. */
export interface LocalResult {
  /** What dealer, party 0 and client report. */
  readonly dealt: Record<string, unknown>;
  readonly party0: Record<string, unknown>;
  readonly party1: Record<string, unknown>;
  /** The revealed words. */
  readonly output: ArrayBuffer;
  readonly plan: SessionPlan;
  /** The oracle at position 0, with the coins of the run. */
  readonly oracle: Oracle;
}

/** Runs a session in a folder that is gone afterwards. */
export async function runLocal(run: LocalRun, ui: Ui): Promise<LocalResult> {
  return await withTempFolder(async (folder) => {
    const { files, config, lengths, threads, engines, says, onText } = run, { rounding, bucket, generate } = lengths;
    const path = (name: string): string => `${folder}/${name}`, model = path("model"), dealer = path("dealer");
    for (const name of [model, dealer]) await Deno.mkdir(name);
    for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(`${model}/${name}`, bytes);
    ui.note(says[0]);
    await spawn("prepare", { model, ...run.prepare }).result;
    // The dealer gets the public files and the masks of the weights, and nothing else.
    for (const name of [config, SLUICE_FILE, MASKS_FILE]) await Deno.link(`${model}/${name}`, `${dealer}/${name}`);
    ui.note(says[1]);
    const keys = path("keys"), dealing = { "prompt-tokens": lengths.promptTokens, generate, bucket, rounding, threads };
    const dealt = await spawn("keygen", { model: dealer, out: keys, ...dealing }).result;
    const [owner, asker] = ["owner", "client"].map((role) => ({ role, out: path(`${role}.id`) })), ids = [];
    for (const values of [owner!, asker!]) ids.push((await spawn("identity", values).result)["public"] as string);
    const ledger = path("ledger.db"), [ownerId, clientId] = ids;
    ui.note(says[2]);
    onText?.(String(run.client["prompt"]));
    const output = path("output"),
      coins = rounding === "dither" ? path("coins") : undefined,
      cache = path("cache"),
      text = onText === undefined ? undefined : { onText, report: path("report.json") },
      serving = { identity: owner!.out, client: clientId, ledger },
      asking = { identity: asker!.out, owner: ownerId, ledger, output, coins, cache },
      parties = await runParties(
        { model, keys, ...engines[0], ...serving },
        { keys, ...engines[1], ...run.client, ...asking },
        text,
      );
    return {
      dealt,
      ...parties,
      output: (await Deno.readFile(output)).buffer,
      ...await readOracle(model, lengths, coins),
    };
  });
}

/** Starts both parties and waits for both. */
async function runParties(
  owner: Values,
  client: Values,
  text: TextMode | undefined,
): Promise<Pick<LocalResult, "party0" | "party1">> {
  const server = spawn("party0", { ...owner, keys: `${owner["keys"]}/party0`, listen: "127.0.0.1:0" });
  let asking: Child | null = null;
  try {
    const [connect] = (await server.line("listening on ")).split("listening on ")[1]!.split(" ");
    asking = spawn("party1", { ...client, keys: `${client["keys"]}/party1`, connect }, text);
    // The one that fails first knows why; the other only lost its peer.
    const [party0, party1] = await Promise.all([server.result, asking.result]);
    return { party0, party1 };
  } finally {
    server.kill();
    asking?.kill();
  }
}

async function readOracle(
  folder: string,
  lengths: SessionLengths,
  coins: string | undefined,
): Promise<Pick<LocalResult, "plan" | "oracle">> {
  const files = diskFiles(folder),
    source = await readWeights(files),
    plan = sessionPlan(source.config, await readPrepared(files), lengths),
    matrices = await collectIntegers(plan.model, source),
    kept = coins === undefined ? undefined : CoinRecord.decode(await Deno.readFile(coins)).reader(0);
  return { plan, oracle: new Oracle(plan.model, (name) => matrices.get(name)!.data, { coins: kept }) };
}

/** Whether a run revealed what the oracle expects. */
export function isSame(revealed: ArrayLike<number>, expected: ArrayLike<number>): boolean {
  return revealed.length === expected.length && Array.from(revealed).every((value, i) => value === expected[i]);
}
