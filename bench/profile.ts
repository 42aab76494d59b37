/**
 * Where a party's time goes in one layer: the time of every operation of the CPU engine, for both parties, on one thread each and without a network.
 *
 * `deno run --allow-read bench/profile.ts [--arch=NAME] [--tokens=N] [--rounding=NAME] [--runs=N]`; by default a layer of `gpt2` with 128 tokens.
 */

import { parseArgs } from "node:util";
import { archPlan } from "../cmd/plan_flags.ts";
import type { Engine } from "../core/engine.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import { dealLane, ENGINES, layerCase, runLockstep } from "./lane.ts";

/** Time and calls of the operations of one engine. */
class Profile {
  readonly times = new Map<string, { ms: number; calls: number }>();

  /** The engine, every call of which is timed. */
  watch(engine: Engine): Engine {
    return new Proxy(engine, {
      get: (target, name) => {
        const member = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          const since = performance.now();
          try {
            return Reflect.apply(member, target, args);
          } finally {
            const entry = this.times.get(String(name)) ?? { ms: 0, calls: 0 };
            this.times.set(String(name), { ms: entry.ms + performance.now() - since, calls: entry.calls + 1 });
          }
        };
      },
    });
  }
}

const { values: options } = parseArgs({
  options: {
    arch: { type: "string", default: "gpt2" },
    tokens: { type: "string", default: "128" },
    rounding: { type: "string", default: "nearest" },
    runs: { type: "string", default: "5" },
  },
});
const { model } = archPlan(options.arch, {
    layers: 1,
    seq: Number(options.tokens),
    rounding: options.rounding as Rounding,
  }),
  runs = Number(options.runs);
const profiles = [new Profile(), new Profile()] as const,
  dealt = dealLane(layerCase(model, { from: 0, count: Number(options.tokens) })),
  parties = ([0, 1] as const).map((party) => dealt.party(party, profiles[party].watch(ENGINES[party])));

const memories = parties.map((party) => party.load());
runLockstep(parties, memories); // the first run compiles
for (const { times } of profiles) times.clear();
const since = performance.now();
for (let run = 0; run < runs; run++) runLockstep(parties, memories);
const wallMs = (performance.now() - since) / runs;

const names = [...new Set(profiles.flatMap(({ times }) => [...times.keys()]))],
  msOf = (party: 0 | 1, name: string): number => (profiles[party].times.get(name)?.ms ?? 0) / runs,
  total = (party: 0 | 1): number => names.reduce((sum, name) => sum + msOf(party, name), 0);
const line = (name: string, ms: readonly number[], calls: string): string =>
  `| ${name.padEnd(18)} | ${ms.map((value) => value.toFixed(1).padStart(7)).join(" | ")} | ${calls.padStart(5)} |`;
console.log(
  `${options.arch}, one layer, ${options.tokens} tokens, ${options.rounding}: both parties ${wallMs.toFixed(0)} ms\n`,
);
console.log(`| operation          | party 0, ms | party 1, ms | calls |`);
for (const name of names.toSorted((a, b) => msOf(0, b) + msOf(1, b) - msOf(0, a) - msOf(1, a))) {
  const ms = [msOf(0, name), msOf(1, name)];
  if (ms[0]! + ms[1]! < 0.2) continue;
  console.log(line(name, ms, String((profiles[0].times.get(name)?.calls ?? 0) / runs)));
}
console.log(line("all operations", [total(0), total(1)], ""));
