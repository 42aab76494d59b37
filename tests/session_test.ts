/**
 * Whole sessions in one process: what both parties compute, what it costs, what they send, and how they end.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { demoModel } from "../assets/demo_model.ts";
import { planTotals } from "../roles/costs.ts";
import type { Channel, Lane } from "../core/channel.ts";
import { KeyError, ProtocolError } from "../core/errors.ts";
import { createWasmEngine, type WasmEngine } from "../cpu/mod.ts";
import { memoryFiles } from "../models/files.ts";
import type { FoldedModel } from "../models/matrices.ts";
import { createTokenizer, type Tokenizer } from "../models/tokenizer.ts";
import { stageCount } from "../pipeline/forward/forward.ts";
import type { ModelSpec } from "../pipeline/forward/model.ts";
import { STREAM_PREFIX_BYTES } from "../pipeline/session/session_plan.ts";
import type { Session } from "../transport/session.ts";
import { calibratedModel, readFolded } from "./models.ts";
import { type OpenSession, openSession, runTestSession, type TestSession } from "./two_parties.ts";

const SAMPLE = "The king is dead, my lord; and what shall we say to the people?\nNothing: they know it, and they weep.";

let demo: Promise<{ folded: FoldedModel; tokenizer: Tokenizer; model: (positions: number) => ModelSpec }> | undefined;

/** The embedded model, calibrated once for all tests. */
function demoSpec(): NonNullable<typeof demo> {
  return demo ??= (async () => {
    const folded = await readFolded(memoryFiles(demoModel())),
      tokenizer = createTokenizer(demoModel()["tokenizer.json"]!);
    return { folded, tokenizer, model: await calibratedModel(folded, tokenizer.encode(SAMPLE)) };
  })();
}

/** Runs a test on two engines of one thread each, and closes them. */
async function withEngines<T>(body: (engines: readonly [WasmEngine, WasmEngine]) => Promise<T>): Promise<T> {
  const engines = [await createWasmEngine({ threads: 1 }), await createWasmEngine({ threads: 1 })] as const;
  try {
    return await body(engines);
  } finally {
    for (const engine of engines) engine.close();
  }
}

/** A session of the demo model, dealt for the longest of its requests. */
async function demoSession(
  requests: TestSession["requests"],
  rest: Pick<TestSession, "engines"> & Partial<TestSession>,
): Promise<TestSession> {
  const { folded, model } = await demoSpec(),
    dealt = rest.dealt ?? {
      promptTokens: Math.max(...requests.map(({ promptIds }) => promptIds.length)),
      generate: Math.max(...requests.map(({ generate }) => generate)),
    };
  return { model: model(dealt.promptTokens + dealt.generate - 1), folded, requests, dealt, ...rest };
}

Deno.test("PartySession equals the oracle and the plan when two requests flow side by side in chunks", async () => {
  const { tokenizer } = await demoSpec(),
    requests = ["ROMEO:\nIt is", "To be, or"].map((text) => ({ promptIds: tokenizer.encode(text), generate: 6 })),
    promptTokens = Math.min(...requests.map(({ promptIds }) => promptIds.length));
  for (const request of requests) request.promptIds.length = promptTokens;

  const outcome = await withEngines(async (engines) =>
    await runTestSession(await demoSession(requests, { engines, chunkTokens: 3 }))
  );

  assertEquals(outcome.tokens, outcome.expectedTokens);
  assertEquals(outcome.logits, outcome.expectedLogits);
  assertEquals(outcome.tokens.map((ids) => ids.length), [6, 6]);
  const totals = planTotals(outcome.plan, 3);
  assertEquals(outcome.exchanges, [totals.exchanges, totals.exchanges]);
  assertEquals(outcome.sentBytes, totals.sentBytes);
  assertEquals(outcome.streamBytes, totals.keyBytes);
  const [bytes0, bytes1] = totals.keyBytes;
  assert(Math.abs(bytes0 - bytes1) < 0.05 * bytes0, `key streams of ${bytes0} and ${bytes1} bytes`);
});

Deno.test("PartySession equals the oracle when prompts are shorter than what the keys were dealt for", async () => {
  const { tokenizer } = await demoSpec(),
    requests = [{ promptIds: tokenizer.encode("KING"), generate: 3 }, {
      promptIds: tokenizer.encode("My"),
      generate: 2,
    }];

  const outcome = await withEngines(async (engines) =>
    await runTestSession(
      await demoSession(requests, { engines, dealt: { promptTokens: 9, generate: 4 }, chunkTokens: 2 }),
    )
  );

  assertEquals(outcome.tokens, outcome.expectedTokens);
  assertEquals(outcome.logits, outcome.expectedLogits);
});

/** What a party posted: addresses and lengths, never the bytes. */
type Posted = [lane: string, exchange: number, bytes: number[]];

/** A channel that writes down what its party posts. */
function recording(link: Session, posted: Posted[]): Channel {
  return {
    party: link.party,
    stats: link.stats,
    post: (lane: Lane, exchange, payload) => {
      posted.push([`${lane.request}/${lane.step}/${lane.stage}`, exchange, payload.map((part) => part.length)]);
      link.post(lane, exchange, payload);
    },
    take: (lane, exchange, expectedBytes) => link.take(lane, exchange, expectedBytes),
    close: (reason) => link.close(reason),
  };
}

Deno.test("PartySession posts the same sequence of lanes, exchanges and lengths whatever the prompt says", async () => {
  const { tokenizer } = await demoSpec(), runs: [Posted[], Posted[]][] = [], texts: number[][] = [];
  for (const text of ["What light through yonder", "zzzz 9!!?\n\n\n;;--zzzz"]) {
    const posted: [Posted[], Posted[]] = [[], []], promptIds = tokenizer.encode(text).slice(0, 5);
    assertEquals(promptIds.length, 5);
    const outcome = await withEngines(async (engines) =>
      await runTestSession(
        await demoSession([{ promptIds, generate: 3 }], {
          engines,
          channel: (link) => recording(link, posted[link.party]),
        }),
      )
    );
    runs.push(posted);
    texts.push(outcome.tokens[0]!);
  }

  assert(texts[0]!.join() !== texts[1]!.join(), "the two prompts are told apart by what they generate");
  assert(runs[0]![0].length > 500);
  assertEquals(runs[0], runs[1]);
});

Deno.test("PartySession loads and expands every key block once", async () => {
  const { tokenizer } = await demoSpec(),
    generate = 3,
    promptIds = tokenizer.encode("ROMEO:\nIt").slice(0, 5),
    requests = [{ promptIds, generate }, { promptIds, generate }];
  const expanded: string[][] = [[], []], ahead: string[] = [], regions: [number, number][][] = [[], []];

  const { plan, streams } = await withEngines(async (engines) => {
    engines.forEach((engine, party) => {
      const { expand } = engine;
      engine.expand = (seed, memory, streams) => {
        for (const { nonce, byteLength } of streams) if (byteLength > 0) expanded[party]!.push(nonce.toHex());
        expand.call(engine, seed, memory, streams);
      };
    });
    const session = await openSession(
      await demoSession(requests, {
        engines,
        chunkTokens: 2,
        keys: (party, stream) => ({
          read: (into, offset) => {
            regions[party]!.push([offset, offset + into.length]);
            return stream.read(into, offset);
          },
        }),
      }),
    );
    session.prepare();
    ahead.push(...expanded[1]!.splice(0));
    await Promise.all(session.run());
    await session.close();
    return session;
  });

  // Every block but those of the output stage before the prompt's end.
  const unused = requests.length * (promptIds.length - 1),
    blocks = requests.length * plan.positions * stageCount(plan.model) - unused;
  for (const nonces of [expanded[0]!, expanded[1]!, ahead]) assertEquals(new Set(nonces).size, nonces.length);
  assertEquals(expanded.map((nonces) => nonces.length), [blocks, blocks]);
  assertEquals(new Set(expanded[0]), new Set(expanded[1]));
  assert(ahead.length > 0 && new Set(ahead).isSubsetOf(new Set(expanded[1])));
  for (const party of [0, 1] as const) {
    let at = STREAM_PREFIX_BYTES, skipped = 0;
    for (const [begin, end] of regions[party]!.sort(([a], [b]) => a - b)) {
      assert(begin >= at, `party ${party} reads byte ${begin} of its stream twice`);
      skipped += begin - at;
      at = end;
    }
    skipped += streams[party].length - at;
    let unusedBytes = 0;
    for (let position = 0; position < promptIds.length - 1; position++) {
      unusedBytes += requests.length * plan.layout(stageCount(plan.model) - 1, position).explicitBytes[party];
    }
    assertEquals(skipped, unusedBytes);
  }
});

Deno.test("PartySession finishes several requests when the key window holds one byte", async () => {
  const { tokenizer } = await demoSpec(),
    requests = ["KING:\nA", "The", "And so it is"].map((text, i) => ({
      promptIds: tokenizer.encode(text),
      generate: 2 + i,
    }));

  const outcome = await withEngines(async (engines) =>
    await runTestSession(await demoSession(requests, { engines, chunkTokens: 2, windowBytes: 1 }))
  );

  assertEquals(outcome.tokens, outcome.expectedTokens);
});

Deno.test("PartySession finishes requests of unequal lengths when one party is slower than the other", async () => {
  const { tokenizer } = await demoSpec(),
    requests = ["A", "KING RICHARD III:\nMy lord, what", "And so"].map((text, i) => ({
      promptIds: tokenizer.encode(text),
      generate: 5 - 2 * i,
    }));

  const outcome = await withEngines(async (engines) =>
    await runTestSession(
      await demoSession(requests, {
        engines,
        chunkTokens: 2,
        keys: (party, stream) => ({
          read: async (into, offset) => {
            for (let i = 0; i < 30 * party; i++) await Promise.resolve();
            await stream.read(into, offset);
          },
        }),
      }),
    )
  );

  assertEquals(outcome.tokens, outcome.expectedTokens);
});

/** Starts two requests of the demo model. */
async function startTwo(rest: Pick<TestSession, "engines"> & Partial<TestSession>): Promise<OpenSession> {
  const { tokenizer } = await demoSpec(), promptIds = tokenizer.encode("ROMEO:\nIt is a");
  return await openSession(
    await demoSession([{ promptIds, generate: 3 }, { promptIds, generate: 3 }], { chunkTokens: 2, ...rest }),
  );
}

for (const leaver of [0, 1] as const) {
  Deno.test(`PartySession rejects at both parties when party ${leaver} leaves in the middle`, async () => {
    await withEngines(async (engines) => {
      let posts = 0;
      const session = await startTwo({
        engines,
        channel: (link) => ({
          party: link.party,
          stats: link.stats,
          post: (lane, exchange, payload) => {
            if (link.party === leaver && ++posts === 150) {
              link.close(new ProtocolError("Cannot go on as a test ends it"));
            }
            link.post(lane, exchange, payload);
          },
          take: (lane, exchange, expectedBytes) => link.take(lane, exchange, expectedBytes),
          close: (reason) => link.close(reason),
        }),
      });

      const runs = session.run();
      runs[1].catch(() => {}); // either may fail first

      await assertRejects(() => runs[0], ProtocolError);
      await assertRejects(() => runs[1], ProtocolError);
      assert(session.tokens.every((ids) => ids.length < 3));
      await session.close();
    });
  });
}

Deno.test("PartySession runs once: its keys are spent", async () => {
  await withEngines(async (engines) => {
    const session = await startTwo({ engines });
    await Promise.all(session.run());

    for (const again of session.run()) await assertRejects(() => again, KeyError, "twice");
    await session.close();
  });
});

Deno.test("PartySession rejects with the reason when its key stream cannot be read, and its peer when the link closes", async () => {
  await withEngines(async (engines) => {
    let reads = 0;
    const failure = new KeyError("Cannot read key stream as a test ends it"),
      session = await startTwo({
        engines,
        keys: (party, stream) => ({
          read: (into, offset) => party === 1 && ++reads > 12 ? Promise.reject(failure) : stream.read(into, offset),
        }),
      });

    const runs = session.run();
    runs[0].catch(() => {}); // it learns only that the link closes

    await assertRejects(() => runs[1], KeyError, failure.message);
    session.links[1].close(failure);
    await assertRejects(() => runs[0], ProtocolError);
    await session.close();
  });
});
