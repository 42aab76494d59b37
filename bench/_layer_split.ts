/**
 * Where the time of one layer goes on a GPU: both parties run its lane in this process, each on a device of its own on one adapter, exchange after exchange and
 * one party after the other, so that every millisecond belongs to something.
 *
 * A layer takes as long as if the parties worked side by side: in each exchange the faster one waits for the slower one, and both wait for the link. What the device
 * does is not measured apart from bringing results back: a readback counts as long as one of an idle device, the rest as computing.
 *
 * @module
 */

import { archPlan } from "../cmd/plan.ts";
import type { Lane } from "../core/channel.ts";
import type { Opening } from "../core/protocols/gate.ts";
import { packedBytes } from "../core/ring/bits.ts";
import type { Rounding } from "../core/protocols/rounding.ts";
import { createGpuEngine, type GpuEngine, type GpuEngineOptions } from "../gpu/mod.ts";
import type { Link } from "../transport/link.ts";
import { memoryPair } from "../transport/memory.ts";
import { dealLane, type LaneParty, layerCase } from "./_lane.ts";

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

/** Waits until the device has done all that was recorded. */
async function finishDevice(engine: GpuEngine): Promise<void> {
  const scope = engine.begin(), probe = engine.upload(Uint32Array.of(0));
  await engine.download(engine.add(probe, probe, 32));
  scope.end([]);
}

/** Runs the layer once. */
async function runLayer(
  parties: readonly [LaneParty, LaneParty],
  engines: readonly [GpuEngine, GpuEngine],
  links: readonly [Link, Link],
  lane: Lane,
): Promise<[Split, Split]> {
  const splits = pair((): Writable<Split> => ({
    recordMs: 0,
    computeMs: 0,
    readbackMs: 0,
    uploadMs: 0,
    networkMs: 0,
    waitMs: 0,
  }));
  const memories = pair((p) => parties[p].load());
  for (const engine of engines) await finishDevice(engine);
  const scopes = pair((p) => engines[p].begin()), gates = pair((p) => parties[p].start(memories[p]));
  for (let exchange = 0;; exchange++) {
    const busy = [0, 0], payloads: Uint8Array[][] = [[], []], openings: (readonly Opening[])[] = [];
    for (const p of [0, 1] as const) {
      const since = counters(engines[p]), next = gates[p].next();
      if (next.done) await finishDevice(engines[p]);
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
    openings.forEach((list, p) => {
      let at = 0;
      for (const opening of list) {
        opening.received = received[p]!.subarray(at, at += packedBytes(opening.bits[p]!, opening.count));
      }
    });
    for (const split of splits) split.networkMs += performance.now() - since;
  }
  for (const scope of scopes) scope.end([]);
  for (const p of [0, 1] as const) engines[p].freeKeyMemory(memories[p]);
  return splits;
}

/** Loads a party's keys once. */
async function loadKeys(party: LaneParty, engine: GpuEngine): Promise<KeyLoad> {
  await finishDevice(engine);
  const before = counters(engine), memory = party.load(), after = counters(engine);
  await finishDevice(engine);
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

/** Measures one layer of a named shape. */
export async function layerSplit(options: LayerSplitOptions): Promise<LayerSplit> {
  const { arch, tokens, rounding, runs } = options,
    { model } = archPlan(arch, 1, tokens, rounding),
    dealt = dealLane(layerCase(model, { from: 0, count: tokens }));
  const engines = [await createGpuEngine(options.engine), await createGpuEngine(options.engine)] as const,
    links = await memoryPair(),
    parties = pair((p) => dealt.party(p, engines[p]));
  try {
    const splits: [Split, Split][] = [], loads: [KeyLoad, KeyLoad][] = [];
    for (let run = -WARM_UPS; run < runs; run++) {
      const split = await runLayer(parties, engines, links, { request: 0, step: run + WARM_UPS, layer: 1 });
      const load = [await loadKeys(parties[0], engines[0]), await loadKeys(parties[1], engines[1])] as const;
      if (run < 0) continue;
      splits.push(split);
      loads.push([...load]);
    }
    const means = pair((p) => mean(splits.map((split) => split[p])));
    return {
      arch,
      tokens,
      rounding,
      adapter: engines[0].adapterName,
      exchanges: dealt.exchanges,
      sentBytes: dealt.sentBytes,
      layerMs: Object.values(means[0]).reduce((sum, ms) => sum + ms, 0),
      parties: means,
      keys: pair((p) => mean(loads.map((load) => load[p]))),
    };
  } finally {
    for (const link of links) link.close();
    await Promise.all(links.map((link) => link.closed));
    for (const engine of engines) engine.close();
  }
}

/** A table of it. */
export function splitTable(
  { arch, tokens, rounding, exchanges, sentBytes, layerMs, parties, keys }: LayerSplit,
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
  ].join("\n");
}
