/**
 * A link on which nothing passes any more, at every phase and with the defaults: noticed within 35 s.
 *
 * @module
 */

import { type Row, Tally, together, type Workshop } from "./workshop.ts";

/** Bytes of the client after which nothing passes: its greeting, its proof, what it has, its requests, the run. */
const PHASES = { greeting: 0, proof: 100, "set-up": 150, requests: 230, run: 4000 } as const;

/** Longest time until it is said on stderr. */
const NOTICED_MS = 35_000;

/** Holds one session in each phase. */
export async function halfOpen(workshop: Workshop): Promise<Row> {
  const tally = new Tally(), phases = Object.entries(PHASES);
  await together(phases.length, phases.length, async (index) => {
    const [phase, bytes] = phases[index]!, bench = await workshop.bench({ cache: false });
    let noticedMs = 0;
    const { client, owner } = await workshop.session(bench, {
      flags: ["--resume", "0"],
      during: async ({ client, relay }) => {
        relay.holdAfterBytes = bytes;
        await relay.held.promise;
        const begin = performance.now();
        await client.outcome;
        noticedMs = performance.now() - begin;
      },
    });
    const claimed = /"keysSpent":true/.test(client.stdout);
    const said = `${phase}, ${
      Math.round(noticedMs)
    } ms: ${client.code} ${client.stdout} / ${owner.code} ${owner.stdout}${owner.stderr}`;
    if (noticedMs > NOTICED_MS) tally.violate("noticed too late", said);
    else if (client.code !== 3) tally.violate("another exit code", said);
    else if (claimed !== (phase === "requests" || phase === "run")) tally.violate("keys spent in another phase", said);
    else tally.add(claimed ? "noticed, keys spent" : "noticed, keys not spent");
    await workshop.clear(bench);
  });
  return tally.row();
}
