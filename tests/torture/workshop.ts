/**
 * What every row of the torture works with: a prepared model, two identities, keys that are dealt once and copied, each
 * copy with ledgers of its own, and the answer that is right.
 *
 * @module
 */

import { type Outcome, run, type Running, start } from "../cli.ts";
import { deal, introduce, ONE_THREAD } from "../parties.ts";
import { writeDemoModel } from "../cli.ts";
import { Relay } from "./relay.ts";

/** What one row found. */
export interface Row {
  /** Runs by what came of them. */
  readonly counts: Readonly<Record<string, number>>;
  /** What must not happen, in words; empty if all is well. */
  readonly violations: readonly string[];
  /** Anything else that is worth knowing. */
  readonly numbers?: Readonly<Record<string, number>>;
}

/** Counts what comes of runs, and keeps what must not happen. */
export class Tally {
  readonly #counts: Record<string, number> = {};
  readonly #violations: string[] = [];

  /** Counts a run. */
  add(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }

  /** Counts a run that should not have ended so. */
  violate(what: string, detail: string): void {
    this.add(what);
    this.#violations.push(`${what}: ${detail}`);
  }

  /** What was found. */
  row(numbers?: Row["numbers"]): Row {
    const found = { counts: this.#counts, violations: this.#violations };
    return numbers === undefined ? found : { ...found, numbers };
  }
}

/** Numbers below a bound, the same for the same seed. */
export type Random = (below: number) => number;

/** A generator of such numbers (xorshift32). */
export function seeded(seed: number): Random {
  let state = (seed * 2654435761 >>> 0) || 1;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

/** One bench of the workshop: folders that belong to one run. */
export interface Bench {
  readonly folder: string;
  readonly model: string;
  readonly keys: string;
  readonly cache: string;
}

/** What both parties of a session left behind. */
export interface SessionOutcome {
  readonly owner: Outcome;
  readonly client: Outcome;
  /** The client's JSON line, or null if it has none. */
  readonly result: Record<string, unknown> | null;
  readonly ms: number;
}

/** How a session is run. */
export interface SessionOptions {
  readonly prompt?: string;
  readonly flags?: readonly string[];
  /** Gets hold of both while they run, with the relay between them. */
  readonly during?: (parties: { readonly owner: Running; readonly client: Running; readonly relay: Relay }) => unknown;
}

/** Model and keys, made once. */
export class Workshop {
  readonly #folder: string;
  #benches = 0;
  /** The text that the model answers. */
  answer = "";

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Prepares and deals, and runs one session for the right answer, which fills the cache. */
  static async open(folder: string, lengths: readonly string[]): Promise<Workshop> {
    const workshop = new Workshop(folder), model = `${folder}/model`;
    await introduce(folder);
    await writeDemoModel(model);
    const prepared = await run("prepare", "--json", "--model", model);
    if (prepared.code !== 0) throw new Error(`Internal error: ${prepared.stdout}${prepared.stderr}`);
    await deal(folder, `${folder}/keys`, lengths);
    const bench = await workshop.bench({ cache: false }), { result, owner, client } = await workshop.session(bench);
    if (result === null || owner.code !== 0) throw new Error(`Internal error: ${owner.stderr}${client.stderr}`);
    workshop.answer = String(result["text"]);
    await copy(bench.cache, `${folder}/cache`);
    return workshop;
  }

  /** Folders of a run of its own: keys that nobody has used, ledgers that know nothing, the model, a cache. */
  async bench({ cache }: { readonly cache: boolean }): Promise<Bench> {
    const folder = `${this.#folder}/bench${this.#benches++}`;
    await Deno.mkdir(folder);
    for (const name of ["owner.id", "client.id", "owner", "clients"]) {
      await copy(`${this.#folder}/${name}`, `${folder}/${name}`);
    }
    for (const name of ["model", "keys", ...cache ? ["cache"] : []]) {
      await copy(`${this.#folder}/${name}`, `${folder}/${name}`);
    }
    return { folder, model: `${folder}/model`, keys: `${folder}/keys`, cache: `${folder}/cache` };
  }

  /** Removes a bench. */
  async clear({ folder }: Bench): Promise<void> {
    await Deno.remove(folder, { recursive: true });
  }

  /** Runs a session through a relay. */
  async session({ folder, model, keys, cache }: Bench, options: SessionOptions = {}): Promise<SessionOutcome> {
    const { prompt = "KING", flags = [], during } = options, begin = performance.now();
    const id = (name: string): string => `${folder}/${name}`, line = await Deno.readTextFile(id("owner"));
    const common = [...ONE_THREAD, ...flags];
    const serving = ["--identity", id("owner.id"), "--clients", id("clients"), "--ledger", id("owner.db")];
    const listen = ["--model", model, "--keys", `${keys}/party0`, "--listen", "127.0.0.1:0"];
    const owner = start("party0", "--json", ...listen, ...serving, ...common);
    let address: string;
    try {
      address = (await owner.said("listening on ")).split(" ")[0]!;
    } catch {
      const nothing = { code: 0, stdout: "", stderr: "" };
      return { owner: await owner.outcome, client: nothing, result: null, ms: performance.now() - begin };
    }
    const relay = await Relay.open(Number(address.split(":")[1]));
    const asking = ["--identity", id("client.id"), "--owner", line, "--ledger", id("client.db"), "--cache", cache];
    const ask = ["--keys", `${keys}/party1`, "--connect", relay.address, "--prompt", prompt];
    const client = start("party1", "--json", ...ask, ...asking, ...common);
    await during?.({ owner, client, relay });
    const left = await client.outcome, ms = performance.now() - begin;
    // An owner that nobody has asked waits on.
    const spent = left.code === 0 || await Deno.stat(`${keys}/party0/USED`).then(() => true, () => false);
    if (!spent) owner.kill("SIGTERM");
    const served = await owner.outcome;
    await relay.close();
    return { owner: served, client: left, result: parse(left), ms };
  }
}

/** The line of JSON of a command. */
export function parse({ stdout }: Outcome): Record<string, unknown> | null {
  try {
    const line = JSON.parse(stdout.trim()) as Record<string, unknown>;
    return line["error"] === undefined ? line : null;
  } catch {
    return null;
  }
}

/** Copies a file or a folder. */
export async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}

/** Runs tasks, a few at a time. */
export async function together(count: number, width: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await task(index);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
