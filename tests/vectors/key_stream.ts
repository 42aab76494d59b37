/**
 * The key streams of a session of a tiny model, as the dealer writes them (SPEC.md §7).
 *
 * @module
 */

import { createHash } from "node:crypto";
import { address, PURPOSE, Seed } from "../../core/prg/seed.ts";
import { expandChacha8 } from "../../core/prg/chacha8.ts";
import { namedShape } from "../../models/shapes.ts";
import { stageCount } from "../../pipeline/forward/forward.ts";
import { weightRefs } from "../../pipeline/forward/model.ts";
import { expandBlock } from "../../pipeline/interpreters/deal.ts";
import { dealSession } from "../../pipeline/session/dealer.ts";
import { planDigest } from "../../pipeline/session/digest.ts";
import { SessionPlan } from "../../pipeline/session/session_plan.ts";
import { specOf } from "../tiny_models.ts";
import { fixedRandom } from "./gate_vectors.ts";

const CONFIG = {
  ...namedShape("llama-tiny", { layers: 1 }),
  hiddenWidth: 4,
  heads: 1,
  kvHeads: 1,
  headWidth: 4,
  ffnWidth: 3,
  vocabCount: 5,
  maxPositions: 4,
};

/** Both streams: where every block and record lies, and digests of what is there. */
export async function keyStream() {
  const random = fixedRandom("key stream"),
    model = specOf(CONFIG, 2),
    shape = { promptTokens: 1, generate: 2, requests: 1 };
  const plan = new SessionPlan(model, shape), seeds = [random(new Uint8Array(32)), random(new Uint8Array(32))] as const;
  const salt = random(new Uint8Array(16)), maskSeed = random(new Uint8Array(32)), refs = weightRefs(model);
  const keys = [Seed.from(seeds[0]), Seed.from(seeds[1])] as const,
    streams = plan.keyBytes.map((bytes) => new Uint8Array(bytes));
  const masks = new Map(refs.map(({ name, inputs, outputs }, position) => {
    const words = new Uint32Array(inputs * outputs);
    expandChacha8(
      maskSeed,
      address({ purpose: PURPOSE.weights, stage: 0, request: 0, position }),
      new Uint8Array(words.buffer),
    );
    return [name, words];
  }));
  await dealSession(
    plan,
    {
      seeds: keys,
      salt,
      maskProduct({ name, inputs, outputs }, x, rows) {
        const out = new Uint32Array(rows * outputs), mask = masks.get(name)!;
        for (let at = 0; at < out.length; at++) {
          const row = Math.floor(at / outputs) * inputs, column = at % outputs;
          for (let i = 0; i < inputs; i++) out[at]! += Math.imul(x[row + i]!, mask[i * outputs + column]!);
        }
        return out;
      },
    },
    { write: (party, bytes, offset) => Promise.resolve(streams[party]!.set(bytes, offset)) },
  );
  const blocks = Array.from({ length: plan.positions * stageCount(model) }, (_, i) => {
    const position = Math.floor(i / stageCount(model)),
      stage = i % stageCount(model),
      layout = plan.layout(stage, position);
    return {
      request: 0,
      position,
      stage,
      parties: ([0, 1] as const).map((party) => {
        const offset = plan.offset(party, 0, stage, position), bytes = layout.explicitBytes[party];
        const seedPart = expandBlock(keys[party], { request: 0, position, stage }, layout.seedBytes[party]);
        return {
          offset,
          explicitBytes: bytes,
          explicitDigest: digest(streams[party]!.subarray(offset, offset + bytes)),
          seedBytes: seedPart.length,
          seedDigest: digest(seedPart),
        };
      }),
      // [path and record, kind, bits of an element, elements, where party 0's and party 1's half begin]
      records: [...layout.records].map(([name, { kind, bits, count, places }]) => [
        name,
        kind,
        bits,
        count,
        ...places.map((place) => place && `${place.part} ${place.offset}`),
      ]),
    };
  });
  return {
    section: "7",
    model,
    shape,
    planDigest: planDigest(model, shape),
    seeds: seeds.map((seed) => seed.toHex()),
    salt: salt.toHex(),
    /** R_w of the matrix with index i is the stream of this seed at purpose 1, position i. */
    maskSeed: maskSeed.toHex(),
    matrices: refs.map(({ name, inputs, outputs }) => ({ name, inputs, outputs })),
    streams: streams.map((stream) => ({
      bytes: stream.length,
      digest: digest(stream),
      prefix: stream.slice(0, 64).toHex(),
    })),
    blocks,
  };
}

/** SHA-256. */
function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
