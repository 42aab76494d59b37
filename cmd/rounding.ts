/**
 * The flag that chooses how a plan's truncations round.
 *
 * @module
 */

import type { Rounding } from "../core/protocols/layers/rounding.ts";
import { type CoinReader, CoinRecord } from "../pipeline/interpreters/coins.ts";
import type { Flag, Options } from "./args.ts";
import { UsageError } from "./ui.ts";

/** The first request's coins from the file that the client wrote, for the oracle; a run that rounds to nearest has none. */
export async function keptCoins(rounding: Rounding, file: string): Promise<{ coins?: CoinReader }> {
  return rounding === "dither" ? { coins: CoinRecord.decode(await Deno.readFile(file)).reader(0) } : {};
}

/** `--rounding`, of every command that makes a plan. */
export const ROUNDING_FLAG: Flag = {
  name: "rounding",
  value: "NAME",
  help: "nearest (default), or dither: by public coins, half the keys and three quarters of the traffic",
};

/**
 * The rounding that was asked for.
 *
 * @throws {UsageError} If it is none.
 */
export function roundingOf(options: Options): Rounding {
  const name = options.text("rounding") ?? "nearest";
  if (name !== "nearest" && name !== "dither") {
    throw new UsageError(`Cannot use --rounding ${name} as it must be nearest or dither`);
  }
  return name;
}
