/**
 * Single bits that flip on a disk: no wrong answer, and every error names the file and what to do.
 *
 * @module
 */

import { run } from "../cli.ts";
import { ONE_THREAD } from "../parties.ts";
import { type Bench, type Random, type Row, Tally, together, type Workshop } from "./workshop.ts";

/** Files of a bench in which bits flip, by what is run with them. */
function filesOf({ model, keys, cache }: Bench): { path: string; kind: "masks" | "session" }[] {
  const cached = [...Deno.readDirSync(cache)].map(({ name }) => `${cache}/${name}`);
  const folders = ["party0", "party1"].flatMap((party) =>
    ["keys.bin", "link.key"].map((name) => `${keys}/${party}/${name}`)
  );
  const session = [...folders, ...cached, `${model}/tokenizer.json`];
  return [
    { path: `${model}/dealer.masks`, kind: "masks" },
    ...session.map((path) => ({ path, kind: "session" as const })),
  ];
}

/** Flips one bit of a file, which lies at random among all bytes or, half of the time, among the first thousand. */
async function flip(path: string, random: Random): Promise<string> {
  const bytes = await Deno.readFile(path), at = random(random(2) === 0 ? bytes.length : Math.min(1000, bytes.length));
  bytes[at]! ^= 1 << random(8);
  await Deno.writeFile(path, bytes);
  return `${path.split("/").slice(-2).join("/")} byte ${at}`;
}

/** Flips `count` bits, one in each run. */
export async function flips(workshop: Workshop, count: number, random: Random, width: number): Promise<Row> {
  const tally = new Tally();
  await together(count, width, async (index) => {
    const bench = await workshop.bench({ cache: true }),
      files = filesOf(bench),
      { path, kind } = files[index % files.length]!;
    const where = await flip(path, random), name = path.split("/").at(-1)!;
    const judge = (said: string, right: boolean): void => {
      if (right) tally.add("right answer");
      else if (said.includes(name) && /"hint":"[^"]+"/.test(said)) tally.add("named");
      else tally.violate("not named", `${where}: ${said.slice(-300)}`);
    };
    if (kind === "masks") {
      const dealing = ["--model", `${bench.folder}/dealer`, "--out", `${bench.folder}/dealt`, "--prompt-tokens", "2"];
      await Deno.mkdir(`${bench.folder}/dealer`);
      for (const file of ["config.json", "sluice.json", name]) {
        await Deno.copyFile(`${bench.model}/${file}`, `${bench.folder}/dealer/${file}`);
      }
      const { code, stdout } = await run("keygen", "--json", ...dealing, ...ONE_THREAD);
      if (code === 0) tally.violate("dealt from changed masks", where);
      else judge(stdout, false);
    } else {
      const { owner, client, result } = await workshop.session(bench);
      if (result !== null && result["text"] !== workshop.answer) tally.violate("wrong answer", where);
      else judge(owner.stdout + client.stdout, result !== null);
    }
    await workshop.clear(bench);
  });
  return tally.row();
}
