/**
 * Dealer and parties as processes over TCP on this machine.
 *
 * @module
 */

import { runJson, type Running, start, writeDemoModel } from "./cli.ts";

/** A free port of this machine. */
export const LOOPBACK = ["--listen", "127.0.0.1:0"] as const;

/** Flags of commands that share the machine with others. */
export const ONE_THREAD = ["--threads", "1"] as const;

/** A prepared model, and keys dealt by a dealer that has neither its weights nor the client's seed. */
export async function setUp(
  folder: string,
  lengths: readonly string[],
  writeModel: (folder: string) => Promise<void> = writeDemoModel,
): Promise<{ model: string; keys: string }> {
  const model = `${folder}/model`, keys = `${folder}/keys`;
  await writeModel(model);
  await runJson("prepare", "--model", model);
  await deal(folder, keys, lengths);
  return { model, keys };
}

/** Deals keys for the model of {@linkcode setUp}. */
export async function deal(folder: string, out: string, lengths: readonly string[]): Promise<Record<string, unknown>> {
  const dealer = `${folder}/dealer`;
  await Deno.mkdir(dealer, { recursive: true });
  for (const name of ["config.json", "sluice.json", "dealer.masks"]) {
    await Deno.copyFile(`${folder}/model/${name}`, `${dealer}/${name}`);
  }
  return await runJson("keygen", "--model", dealer, ...lengths, "--out", out, ...ONE_THREAD);
}

/** Starts party 0 and waits for its address. */
export async function serve(
  model: string,
  keys: string,
  ...flags: string[]
): Promise<{ server: Running; address: string }> {
  const server = start("party0", "--model", model, "--keys", keys, ...LOOPBACK, ...ONE_THREAD, ...flags, "--json");
  return { server, address: await server.said("listening on ") };
}

/** The client's command line, but for what it asks; models are cached in the test's folder. */
export function ask(folder: string, keys: string, address: string): ["party1", ...string[]] {
  return ["party1", "--keys", keys, "--connect", address, "--cache", `${folder}/cache`, ...ONE_THREAD];
}

/** Whether a party's keys are spent. */
export async function isUsed(keys: string): Promise<boolean> {
  return await Deno.stat(`${keys}/USED`).then(() => true, () => false);
}
