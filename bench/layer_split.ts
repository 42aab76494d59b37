/**
 * Where the time of one layer goes on a GPU: both parties run its lane in this process, each on a device of its own on one adapter, exchange after exchange and
 * one party after the other, so that every millisecond belongs to something.
 *
 * A layer takes as long as if the parties worked side by side: in each exchange the faster one waits for the slower one, and both wait for the link. What the device
 * computes is the sum of its kernels' times, which further runs take with timestamps around each, and the rest of the waiting is readback: at least as long as with an
 * idle device, and exactly that where the adapter has no timestamps.
 *
 * @module
 */

import { archPlan } from "../cmd/plan_flags.ts";
import type { Lane, Party } from "../core/channel.ts";
import type { Opening } from "../core/protocols/opening.ts";
import { packedBytes } from "../core/ring/bits.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import { createGpuEngine, type GpuEngine, type GpuEngineOptions } from "../gpu/mod.ts";
import { receivedShares } from "../pipeline/interpreters/runner.ts";
import type { Session } from "../transport/session.ts";
import { memoryPair } from "../transport/memory.ts";
import { dealLane, type DealtLane, type LaneParty, layerCase } from "./lane.ts";

/** What a party does in a layer, in milliseconds; the sum is the same for both. */
export interface Split {
  /** The host records commands and makes arguments. */
  readonly recordMs: number;
  /** The device computes. */
  readonly computeMs: number;
  /** Results come back, short of computing. */
  readonly readbackMs: number;
  /** The host hands over what does not come with the commands: constants, large messages. */
  readonly uploadMs: number;
  /** Frames are sealed, moved and opened, at both ends. */
  readonly networkMs: number;
  /** The other party is not ready. */
  readonly waitMs: number;
}

/** What it takes to load the keys of a layer, before it begins. */
export interface KeyLoad {
  /** Explicit and expanded bytes. */
  readonly keyBytes: number;
  /** Bytes that go to the device. */
  readonly uploadedBytes: number;
  /** The host hands them over. */
  readonly uploadMs: number;
  /** The device takes them in and expands the rest. */
  readonly deviceMs: number;
}

/** Milliseconds by kernel. */
export type KernelTimes = Readonly<Record<string, number>>;

/** One layer. */
export interface LayerSplit {
  readonly arch: string;
  readonly tokens: number;
  readonly rounding: Rounding;
  readonly adapter: string;
  readonly exchanges: number;
  /** Packed payload of party 0 and party 1. */
  readonly sentBytes: readonly [number, number];
  /** Time of the layer. */
  readonly layerMs: number;
  readonly parties: readonly [Split, Split];
  /** Device time of each party's kernels in milliseconds, longest first; null where the adapter has no timestamps. */
  readonly kernels: readonly [KernelTimes, KernelTimes] | null;
  readonly keys: readonly [KeyLoad, KeyLoad];
}

/** Which layer, on what. */
export interface LayerSplitOptions {
  readonly arch: string;
  readonly tokens: number;
  readonly rounding: Rounding;
  /** Runs that the figures are means of. */
  readonly runs: number;
  readonly engine: GpuEngineOptions;
}

const WARM_UPS = 2;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function pair<T>(of: (party: 0 | 1) => T): [T, T] {
  return [of(0), of(1)];
}

function counters({ deviceMs, readbackCount, uploadMs, uploadedBytes }: GpuEngine) {
  return { deviceMs, readbackCount, uploadMs, uploadedBytes, now: performance.now() };
}

/** Adds what an engine did since to a party's split; returns the time that passed. */
function attribute(split: Writable<Split>, engine: GpuEngine, since: ReturnType<typeof counters>): number {
  const after = counters(engine), passed = after.now - since.now, device = after.deviceMs - since.deviceMs;
  const upload = after.uploadMs - since.uploadMs,
    readback = Math.min(device, (after.readbackCount - since.readbackCount) * engine.readbackMs);
  split.computeMs += device - readback;
  split.readbackMs += readback;
  split.uploadMs += upload;
  split.recordMs += passed - device - upload;
  return passed;
}

/** What one run of the layer took. */
interface LayerRun {
  readonly splits: [Split, Split];
  /** Null without timestamps. */
  readonly kernels: [KernelTimes, KernelTimes] | null;
}

/** Device time by kernel of both engines since the last call. */
async function takeKernels(engines: readonly [GpuEngine, GpuEngine]): Promise<[KernelTimes, KernelTimes] | null> {
  const times = await Promise.all(engines.map((engine) => engine.kernelMs())), [first, second] = times;
  return first && second ? [Object.fromEntries(first), Object.fromEntries(second)] : null;
}

/** Runs the layer once. */
async function runLayer(
  parties: readonly [LaneParty, LaneParty],
  engines: readonly [GpuEngine, GpuEngine],
  links: readonly [Session, Session],
  lane: Lane,
): Promise<LayerRun> {
  const splits = pair((): Writable<Split> => ({
    recordMs: 0,
    computeMs: 0,
    readbackMs: 0,
    uploadMs: 0,
    networkMs: 0,
    waitMs: 0,
  }));
  const memories = pair((p) => parties[p].load());
  for (const engine of engines) await engine.settle();
  await takeKernels(engines); // those that expanded the keys
  const scopes = pair((p) => engines[p].begin()), gates = pair((p) => parties[p].start(memories[p]));
  let answers: Uint8Array[][] = [[], []];
  for (let exchange = 0;; exchange++) {
    const busy = [0, 0], payloads: Uint8Array[][] = [[], []], openings: (readonly Opening[])[] = [];
    for (const p of [0, 1] as const) {
      const since = counters(engines[p]), next = gates[p].next(answers[p]!);
      if (next.done) await engines[p].settle();
      else {
        const packing = next.value.flatMap(({ share, bits, count }) =>
          bits[1 - p] === 0 || count === 0 ? [] : [engines[p].pack(share!, bits[1 - p]!)]
        );
        payloads[p] = await Promise.all(packing);
        openings.push(next.value);
      }
      busy[p] = attribute(splits[p], engines[p], since);
    }
    const slower = Math.max(...busy);
    splits.forEach((split, p) => split.waitMs += slower - busy[p]!);
    if (openings.length === 0) break;
    const since = performance.now();
    links.forEach((link, p) => link.post(lane, exchange, payloads[p]!));
    const received = await Promise.all(links.map((link, p) => {
      const bytes = openings[p]!.map(({ bits, count }) => packedBytes(bits[p]!, count));
      return link.take(lane, exchange, bytes.reduce((sum, length) => sum + length, 0));
    }));
    answers = openings.map((list, p) => receivedShares(list, received[p]!, p as Party));
    for (const split of splits) split.networkMs += performance.now() - since;
  }
  for (const scope of scopes) scope.end([]);
  for (const p of [0, 1] as const) engines[p].freeKeyMemory(memories[p]);
  return { splits, kernels: await takeKernels(engines) };
}

/** Loads a party's keys once. */
async function loadKeys(party: LaneParty, engine: GpuEngine): Promise<KeyLoad> {
  await engine.settle();
  const before = counters(engine), memory = party.load(), after = counters(engine);
  await engine.settle();
  const deviceMs = engine.deviceMs - before.deviceMs - engine.readbackMs, keyBytes = memory.byteLength;
  engine.freeKeyMemory(memory);
  return {
    keyBytes,
    uploadedBytes: after.uploadedBytes - before.uploadedBytes,
    uploadMs: after.uploadMs - before.uploadMs,
    deviceMs: Math.max(0, deviceMs),
  };
}

/** Mean of each figure. */
function mean<T extends object>(list: readonly T[]): T {
  const sums = new Map<string, number>();
  for (const each of list) for (const [key, value] of Object.entries(each)) sums.set(key, (sums.get(key) ?? 0) + value);
  return Object.fromEntries([...sums].map(([key, sum]) => [key, sum / list.length])) as T;
}

function sum(figures: object): number {
  return Object.values(figures).reduce((total: number, value: number) => total + value, 0);
}

function longestFirst(times: KernelTimes): KernelTimes {
  return Object.fromEntries(Object.entries(times).sort(([, a], [, b]) => b - a));
}

/** Measures one layer of a named shape. */
export async function layerSplit(options: LayerSplitOptions): Promise<LayerSplit> {
  const { arch, tokens, rounding } = options,
    { model } = archPlan(arch, { layers: 1, seq: tokens, rounding }),
    dealt = dealLane(layerCase(model, { from: 0, count: tokens }));
  const { runs, loads, adapter } = await runLayers(dealt, options, options.engine),
    timed = await runLayers(dealt, options, { ...options.engine, timesKernels: true }),
    times = timed.runs.flatMap(({ kernels }) => kernels === null ? [] : [kernels]),
    kernels = times.length === 0 ? null : pair((p) => longestFirst(mean(times.map((each) => each[p]))));
  const parties = pair((p) => {
    const split = mean(runs.map(({ splits }) => splits[p]));
    if (kernels === null) return split;
    const computeMs = Math.min(split.computeMs, sum(kernels[p]));
    return { ...split, computeMs, readbackMs: split.readbackMs + split.computeMs - computeMs };
  });
  return {
    arch,
    tokens,
    rounding,
    adapter,
    exchanges: dealt.exchanges,
    sentBytes: dealt.sentBytes,
    layerMs: sum(parties[0]),
    parties,
    kernels,
    keys: pair((p) => mean(loads.map((load) => load[p]))),
  };
}

/** Runs the layer and the loading of its keys on two engines of their own. */
async function runLayers(
  dealt: DealtLane,
  options: LayerSplitOptions,
  engine: GpuEngineOptions,
): Promise<{ runs: LayerRun[]; loads: [KeyLoad, KeyLoad][]; adapter: string }> {
  const engines = [await createGpuEngine(engine), await createGpuEngine(engine)] as const,
    links = await memoryPair(),
    parties = pair((p) => dealt.party(p, engines[p]));
  try {
    const runs: LayerRun[] = [], loads: [KeyLoad, KeyLoad][] = [];
    for (let step = 0; step < WARM_UPS + options.runs; step++) {
      runs.push(await runLayer(parties, engines, links, { request: 0, step, stage: 1 }));
      loads.push([await loadKeys(parties[0], engines[0]), await loadKeys(parties[1], engines[1])]);
    }
    return { runs: runs.slice(WARM_UPS), loads: loads.slice(WARM_UPS), adapter: engines[0].adapterName };
  } finally {
    for (const link of links) link.close();
    await Promise.all(links.map((link) => link.closed));
    for (const each of engines) each.close();
  }
}

/** Kernels in the table. */
const SHOWN_KERNELS = 12;

/** A table of it. */
export function splitTable(
  { arch, tokens, rounding, exchanges, sentBytes, layerMs, parties, kernels, keys }: LayerSplit,
): string {
  const ms = (value: number): string => `${value.toFixed(2)} ms`,
    mb = (bytes: number): string => (bytes / 1e6).toFixed(2);
  const row = (name: string, of: (p: 0 | 1) => string): string =>
    `  ${name.padEnd(28)}${pair(of).map((cell) => cell.padStart(12)).join("")}`;
  const part = (name: string, key: keyof Split): string => row(name, (p) => ms(parties[p][key]));
  return [
    `layer of ${arch}, ${tokens} tokens, rounding ${rounding}: ${ms(layerMs)} in ${exchanges} exchanges, ${
      sentBytes.map(mb).join(" and ")
    } MB sent`,
    row("", (p) => `party ${p}`),
    part("recording", "recordMs"),
    part("compute", "computeMs"),
    part("readback", "readbackMs"),
    part("upload", "uploadMs"),
    part("network", "networkMs"),
    part("waiting for the other", "waitMs"),
    row("keys, before the layer", (p) => `${mb(keys[p].keyBytes)} MB`),
    row("  uploaded", (p) => `${mb(keys[p].uploadedBytes)} MB`),
    row("  upload", (p) => ms(keys[p].uploadMs)),
    row("  taken in and expanded", (p) => ms(keys[p].deviceMs)),
    ...(kernels === null
      ? ["  no timestamps: compute is an estimate"]
      : Object.keys(kernels[0]).slice(0, SHOWN_KERNELS).map((name) =>
        row(`kernel ${name}`, (p) => ms(kernels[p][name] ?? 0))
      )),
  ].join("\n");
}
