/**
 * Connections that are cut at random times: every session ends with the right answer, or with keys unspent.
 *
 * @module
 */

import { type Cut, CUTS } from "./relay.ts";
import { type Random, type Row, Tally, together, type Workshop } from "./workshop.ts";

/** Silence after which the parties count a connection as lost. */
const IDLE_SECONDS = 2;
/** Longest time for which nobody can dial again. */
const MOST_OUTAGE_MS = 1000;
/** Runs without a cut, to compare with. */
const PLAIN_RUNS = 3;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** Cuts `count` sessions, a quarter each way, at any time from the first byte to the last. */
export async function cuts(workshop: Workshop, count: number, random: Random, width: number): Promise<Row> {
  const tally = new Tally(), flags = ["--idle", String(IDLE_SECONDS)], losses: number[] = [];
  // From the client's first byte to its end, without a cut.
  const plain: number[] = [];
  await together(PLAIN_RUNS * width, width, async () => {
    const bench = await workshop.bench({ cache: false });
    let dialed = 0;
    await workshop.session(bench, {
      flags,
      during: async ({ client, relay }) => {
        while (relay.upBytes === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        dialed = performance.now();
        await client.outcome;
        plain.push(performance.now() - dialed);
      },
    });
    await workshop.clear(bench);
  });
  const usualMs = median(plain);
  await together(count, width, async (index) => {
    const how: Cut = CUTS[index % CUTS.length]!,
      afterMs = random(Math.round(usualMs)),
      outageMs = random(MOST_OUTAGE_MS);
    const bench = await workshop.bench({ cache: false });
    let tookMs = 0;
    const { result, client, owner } = await workshop.session(bench, {
      flags,
      during: async ({ client, relay }) => {
        while (relay.upBytes === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        const begin = performance.now();
        await Promise.race([client.outcome, new Promise((resolve) => setTimeout(resolve, afterMs))]);
        relay.cut(how, outageMs);
        await client.outcome;
        tookMs = performance.now() - begin;
      },
    });
    const said = `${how} after ${afterMs} of ${
      Math.round(usualMs)
    } ms: ${client.stdout}${client.stderr} / ${owner.stdout}${owner.stderr}`;
    if (result !== null) {
      if (result["text"] !== workshop.answer) tally.violate("wrong answer", said);
      else if (owner.code !== 0) tally.violate("owner failed", said);
      else {
        tally.add("right answer");
        const outage = how === "silence" ? Math.max(outageMs, 1000 * IDLE_SECONDS) : outageMs;
        if (Number(result["resumes"]) > 0) losses.push(tookMs - usualMs - outage);
      }
    } else if (/"keysSpent":false/.test(client.stdout)) tally.add("keys unspent");
    else tally.violate("keys spent without an answer", said);
    await workshop.clear(bench);
  });
  return tally.row({ resumed: losses.length, medianLossMs: Math.round(median(losses)), usualMs: Math.round(usualMs) });
}
