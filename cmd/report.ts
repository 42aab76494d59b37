/**
 * What both parties' commands print of a session.
 *
 * @module
 */

import process from "node:process";
import type { RunnerCounts } from "../pipeline/interpreters/runner.ts";
import { stageName } from "../roles/costs.ts";
import type { SessionReport } from "../roles/session.ts";
import type { Flag, Options } from "./args.ts";
import { HOST_FLAG } from "./sockets.ts";
import { amount } from "./ui.ts";

/** Flags of both parties. */
export const SESSION_FLAGS: readonly Flag[] = [
  HOST_FLAG,
  { name: "profile", help: "show what every stage cost" },
  { name: "key-window", value: "MB", help: "key bytes held in memory ahead of their use (default 256)" },
];

/** Key bytes that are held in memory ahead of their use. */
export function windowBytes(options: Options): number {
  return options.count("key-window", 256, 1) * 1e6;
}

/** Most bytes of memory that this process has held. */
export function peakRssBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** Numbers that both parties report. */
export function sessionNumbers(
  { keyBytes, counts, frames, wireBytes, peer, resumes }: SessionReport,
): Record<string, unknown> {
  const { sentBytes, exchanges, computeMs, waitMs } = counts;
  return {
    keyBytes,
    sentBytes,
    exchanges,
    computeMs: Math.round(computeMs),
    waitMs: Math.round(waitMs),
    frames,
    wireBytes,
    peakRssBytes: peakRssBytes(),
    peer,
    resumes,
  };
}

/** The cost table at the end of a session; with `profile` one line per stage. */
export function costTable({ keyBytes, counts, stages, frames, wireBytes }: SessionReport, profile: boolean): string {
  const row = (name: string, ...cells: readonly [string, string, string, string]): string =>
    `  ${name.padEnd(10)}${cells.map((cell, i) => cell.padStart(i === 0 ? 9 : 12)).join("")}`;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)} s`;
  const line = (name: string, { exchanges, sentBytes, computeMs, waitMs }: RunnerCounts): string =>
    row(name, String(exchanges), amount(sentBytes), seconds(computeMs), seconds(waitMs));
  return [
    `keys ${amount(keyBytes)}, ${frames} frames, ${amount(wireBytes)} on the wire`,
    row("stage", "exchanges", "sent", "compute", "wait"),
    ...(profile ? stages.map((stage, index) => line(stageName(index, stages.length), stage)) : []),
    line("all", counts),
  ].join("\n");
}
