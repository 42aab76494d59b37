/**
 * Dealer and parties as processes over TCP on this machine.
 *
 * @module
 */

import { createIdentity } from "../transport/identity.ts";
import { runJson, type Running, start, writeDemoModel } from "./cli.ts";

/** A free port of this machine. */
export const LOOPBACK = ["--listen", "127.0.0.1:0"] as const;

/** Flags of commands that share the machine with others. */
export const ONE_THREAD = ["--threads", "1"] as const;

/** What party 0 and the client of a test's folder trust each other by: identities, clients, ledgers of their own. */
export function trustOf(folder: string, party: 0 | 1): string[] {
  const path = (name: string): string => `${folder}/${name}`;
  return party === 0
    ? ["--identity", path("owner.id"), "--clients", path("clients"), "--ledger", path("owner.db")]
    : ["--identity", path("client.id"), "--owner", Deno.readTextFileSync(path("owner")), "--ledger", path("client.db")];
}

/** Makes both identities of a test's folder. */
export async function introduce(folder: string): Promise<void> {
  const owner = await createIdentity(`${folder}/owner.id`, "owner"),
    client = await createIdentity(`${folder}/client.id`, "client");
  await Deno.writeTextFile(`${folder}/owner`, owner.publicLine);
  await Deno.writeTextFile(`${folder}/clients`, `${client} Ada\n`);
}

/** A prepared model, two identities, and keys dealt by a dealer that has neither its weights nor the client's seed. */
export async function setUp(
  folder: string,
  lengths: readonly string[],
  writeModel: (folder: string) => Promise<void> = writeDemoModel,
): Promise<{ model: string; keys: string }> {
  const model = `${folder}/model`, keys = `${folder}/keys`;
  await introduce(folder);
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

/** Starts party 0 with the identities that lie beside its model, and waits for its address. */
export async function serve(
  model: string,
  keys: string,
  ...flags: string[]
): Promise<{ server: Running; address: string }> {
  const trust = trustOf(model.slice(0, -"/model".length), 0);
  const server = start(
    "party0",
    "--model",
    model,
    "--keys",
    keys,
    ...trust,
    ...LOOPBACK,
    ...ONE_THREAD,
    ...flags,
    "--json",
  );
  return { server, address: (await server.said("listening on ")).split(" ")[0]! };
}

/** The client's command line, but for what it asks; models are cached in the test's folder. */
export function ask(folder: string, keys: string, address: string): ["party1", ...string[]] {
  const trust = trustOf(folder, 1), cache = `${folder}/cache`;
  return ["party1", "--keys", keys, "--connect", address, ...trust, "--cache", cache, ...ONE_THREAD];
}

/** Whether a party's keys are spent. */
export async function isUsed(keys: string): Promise<boolean> {
  return await Deno.stat(`${keys}/USED`).then(() => true, () => false);
}
