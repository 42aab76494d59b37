/**
 * `deno task torture`: what disks, networks and operators do to the commands, and whether the promises hold.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { withFolder } from "../tests/cli.ts";
import { cuts } from "../tests/torture/cuts.ts";
import { flips } from "../tests/torture/flips.ts";
import { halfOpen } from "../tests/torture/half_open.ts";
import { kills } from "../tests/torture/kills.ts";
import { type Row, seeded, Workshop } from "../tests/torture/workshop.ts";

const { values } = parseArgs({
  options: {
    flips: { type: "string", default: "200" },
    cuts: { type: "string", default: "100" },
    kills: { type: "string", default: "300" },
    soak: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});

/** Runs that share the machine. */
const WIDTH = Math.max(1, navigator.hardwareConcurrency);

const random = seeded(Number(values.seed)), rows: Record<string, Row & { readonly seconds: number }> = {};

/** Runs a row and says what came of it. */
async function row(name: string, run: () => Promise<Row>): Promise<void> {
  const begin = performance.now(), found = await run(), seconds = Math.round((performance.now() - begin) / 1000);
  rows[name] = { ...found, seconds };
  const counts = Object.entries(found.counts).map(([what, count]) => `${count} ${what}`).join(", ");
  console.error(
    `torture: ${name}: ${counts}${found.numbers ? ` ${JSON.stringify(found.numbers)}` : ""} in ${seconds} s`,
  );
  for (const violation of found.violations) console.error(`torture: error: ${name}: ${violation}`);
}

/** Runs sessions one after the other for a while. */
async function soak(workshop: Workshop, seconds: number): Promise<Row> {
  const end = performance.now() + 1000 * seconds, violations: string[] = [];
  let sessions = 0;
  for (; performance.now() < end; sessions++) {
    const bench = await workshop.bench({ cache: false }), { result, client } = await workshop.session(bench);
    if (result?.["text"] !== workshop.answer) violations.push(client.stdout + client.stderr);
    await workshop.clear(bench);
  }
  return { counts: { sessions }, violations };
}

await withFolder(async (folder) => {
  for (const name of ["short", "long"]) await Deno.mkdir(`${folder}/${name}`);
  const short = await Workshop.open(`${folder}/short`, ["--prompt-tokens", "4", "--generate", "5"]);
  const count = (name: "flips" | "cuts" | "kills" | "soak"): number => Number(values[name]);
  if (count("flips") > 0) await row("flips", () => flips(short, count("flips"), random, WIDTH));
  if (count("kills") > 0) await row("kills", () => kills(short, count("kills"), random, WIDTH));
  if (count("cuts") > 0) {
    const long = await Workshop.open(`${folder}/long`, ["--prompt-tokens", "4", "--generate", "60"]);
    await row("cuts", () => cuts(long, count("cuts"), random, WIDTH));
    await row("halfOpen", () => halfOpen(long));
  }
  if (count("soak") > 0) await row("soak", () => soak(short, count("soak")));
});
const failed = Object.values(rows).some(({ violations }) => violations.length > 0);
if (values.json) console.log(JSON.stringify(rows));
Deno.exit(failed ? 1 : 0);
