/**
 * The clear oracle of a prepared folder, against which `demo` and `e2e` check a run.
 *
 * @module
 */

import { CoinRecord } from "../pipeline/interpreters/coins.ts";
import { Oracle } from "../pipeline/forward/oracle.ts";
import { collectIntegers } from "../pipeline/forward/weights.ts";
import type { SessionPlan } from "../pipeline/session/session_plan.ts";
import { type SessionLengths, sessionPlan } from "../roles/lengths.ts";
import { readPrepared, readWeights } from "../roles/model_folder.ts";
import { diskFiles } from "./disk.ts";

/**
 * The oracle at position 0, and the plan of the run that it checks.
 *
 * @param coins File of the coins that the client wrote, for its first request; a run that rounds to nearest has none.
 */
export async function readOracle(
  folder: string,
  lengths: SessionLengths,
  coins: string,
): Promise<{ plan: SessionPlan; oracle: Oracle }> {
  const files = diskFiles(folder),
    source = await readWeights(files),
    plan = sessionPlan(source.config, await readPrepared(files), lengths),
    matrices = await collectIntegers(plan.model, source),
    kept = lengths.rounding === "dither" ? CoinRecord.decode(await Deno.readFile(coins)).reader(0) : undefined;
  return { plan, oracle: new Oracle(plan.model, (name) => matrices.get(name)!.data, { coins: kept }) };
}
