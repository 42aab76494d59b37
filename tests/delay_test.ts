/**
 * Sessions over a slow link: both parties wait often and long, and the results stay the same.
 */

import { assertEquals } from "@std/assert";
import type { ModelConfig } from "../models/model_config.ts";
import { livelyModel, specOf, TINY_LLAMA, TINY_MODELS } from "./tiny_models.ts";
import { delayedPair, openDelayRelay } from "./delay_relay.ts";
import { runOnCpu, type TestOutcome, type TestRequest } from "./two_parties.ts";

const DELAY_MS = 3;

async function readAll(connection: Deno.Conn): Promise<Uint8Array> {
  const pieces: number[] = [], piece = new Uint8Array(2 ** 16);
  for (let count = await connection.read(piece); count !== null; count = await connection.read(piece)) {
    pieces.push(...piece.subarray(0, count));
  }
  return Uint8Array.from(pieces);
}

/** Writes all bytes, and ends this direction. */
async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  await connection.closeWrite();
}

Deno.test("openDelayRelay() passes bytes on in both directions, in order, and their ends", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }), { port } = listener.addr as Deno.NetAddr;
  const relay = openDelayRelay({ hostname: "127.0.0.1", port }, DELAY_MS);
  const near = await Deno.connect({ hostname: "127.0.0.1", port: relay.address.port }), far = await listener.accept();
  const request = Uint8Array.from({ length: 300_001 }, (_, i) => i % 251), reply = request.map((byte) => byte ^ 90);

  const [asked] = await Promise.all([readAll(far), writeAll(near, request)]);
  const [answered] = await Promise.all([readAll(near), writeAll(far, reply)]);

  assertEquals(asked, request);
  assertEquals(answered, reply);
  near.close();
  far.close();
  listener.close();
  await relay.close();
});

Deno.test("openDelayRelay() ends a connection whose target does not answer", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }), { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const relay = openDelayRelay({ hostname: "127.0.0.1", port }, DELAY_MS);

  const near = await Deno.connect({ hostname: "127.0.0.1", port: relay.address.port });

  assertEquals(await near.read(new Uint8Array(1)), null);
  near.close();
  await relay.close();
});

/** Runs requests side by side over a delayed link. */
async function runDelayed(
  config: ModelConfig,
  requests: readonly TestRequest[],
  chunkTokens: number,
): Promise<TestOutcome> {
  const dealt = {
      promptTokens: Math.max(...requests.map(({ promptIds }) => promptIds.length)),
      generate: Math.max(...requests.map(({ generate }) => generate)),
    },
    pair = await delayedPair(DELAY_MS);
  const outcome = await runOnCpu({
    model: specOf(config, dealt.promptTokens + Math.max(0, dealt.generate - 1)),
    folded: await livelyModel(config),
    dealt,
    requests,
    chunkTokens,
    links: () => Promise.resolve(pair.links),
  });
  await pair.close();
  return outcome;
}

Deno.test("PartySession equals the oracle when requests flow side by side over a delayed link", async () => {
  const outcome = await runDelayed(TINY_LLAMA, [
    { promptIds: [3, 1, 4, 1, 5], generate: 3 },
    { promptIds: [2, 7], generate: 2 },
    { promptIds: [9], generate: 3 },
  ], 2);

  assertEquals(outcome.tokens.map((ids) => ids.length), [3, 2, 3]);
  assertEquals(outcome.tokens, outcome.expectedTokens);
  assertEquals(outcome.logits, outcome.expectedLogits);
});

Deno.test("PartySession equals the oracle when texts are classified side by side over a delayed link", async () => {
  const texts = [[3, 1, 4, 1], [5, 9, 2, 6], [5, 3, 5, 8]];

  const outcome = await runDelayed(
    TINY_MODELS["BERT classifier"],
    texts.map((promptIds) => ({ promptIds, generate: 0 })),
    128,
  );

  assertEquals(outcome.logits, outcome.expectedLogits);
});
