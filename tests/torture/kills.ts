/**
 * Commands that are killed at random times: no key set serves two inputs, and whoever runs the command again succeeds.
 *
 * @module
 */

import { run, start } from "../cli.ts";
import { ONE_THREAD } from "../parties.ts";
import { type Random, type Row, Tally, together, type Workshop } from "./workshop.ts";

/** The commands that are killed, in turn. */
const COMMANDS = ["prepare", "keygen", "party0", "party1"] as const;

/** Most bytes that a client sends on a connection before it has claimed: its proof, and what it lacks of the tokenizer. */
const SET_UP_BYTES = 300;

/** Kills `count` commands. */
export async function kills(workshop: Workshop, count: number, random: Random, width: number): Promise<Row> {
  const tally = new Tally();
  await together(count, width, async (index) => {
    const command = COMMANDS[index % COMMANDS.length]!,
      bench = await workshop.bench({ cache: false }),
      { model, keys } = bench;
    const dealing = [
      "--model",
      model,
      "--prompt-tokens",
      "2",
      "--generate",
      "2",
      "--out",
      `${bench.folder}/dealt`,
      ...ONE_THREAD,
    ];
    if (command === "prepare" || command === "keygen") {
      const args = command === "prepare" ? ["--model", model] : dealing, afterMs = random(2500);
      const child = start(command, "--json", ...args);
      await Promise.race([child.outcome, new Promise((resolve) => setTimeout(resolve, afterMs))]);
      child.kill();
      const { code } = await child.outcome;
      if (command === "prepare") {
        // What was prepared before still deals, unless what is new is there as a whole.
        const plan = await run("plan", "--json", "--model", model, "--prompt-tokens", "2");
        const dealt = await run("keygen", "--json", ...dealing);
        if (plan.code !== 0 || dealt.code !== 0) {
          tally.violate("preparation lost", `${afterMs} ms: ${plan.stdout}${dealt.stdout}`);
        } else tally.add(code === 0 ? "ended first" : "old or new preparation deals");
        const again = await run("prepare", "--json", "--model", model);
        if (again.code !== 0) tally.violate("prepare fails when it is run again", again.stdout);
      } else {
        const again = await run("keygen", "--json", ...dealing), whole = /must be empty/.test(again.stdout);
        if (again.code === 0 || code === 0 && whole) tally.add(code === 0 ? "ended first" : "dealt when run again");
        else tally.violate("keygen fails when it is run again", `${afterMs} ms: ${again.stdout}`);
      }
      await workshop.clear(bench);
      return;
    }
    let sentBytes = 0;
    const first = await workshop.session(bench, {
      prompt: "KING",
      flags: ["--resume", "1"],
      during: async ({ owner, client, relay }) => {
        const victim = command === "party0" ? owner : client;
        await Promise.race([victim.outcome, new Promise((resolve) => setTimeout(resolve, random(2500)))]);
        victim.kill();
        await client.outcome;
        sentBytes = relay.mostUpBytes;
      },
    });
    const second = await workshop.session(bench, { prompt: "DUKE", flags: ["--resume", "1"] });
    const used = await Promise.all(
      [0, 1].map((party) => Deno.stat(`${keys}/party${party}/USED`).then(() => true, () => false)),
    );
    if (second.result !== null && (first.result !== null || sentBytes > SET_UP_BYTES)) {
      tally.violate("two inputs under one key set", `${command}, ${sentBytes} bytes before`);
    } else if (second.result === null && !used[0] && !used[1]) {
      tally.violate("unspent keys do not serve", `${second.client.stdout}${second.owner.stdout}`);
    } else {tally.add(
        first.result !== null ? "answered first" : second.result !== null ? "served later" : "refused later",
      );}
    await workshop.clear(bench);
  });
  return tally.row();
}
