/** Owner, client and dealer as a library: three roles in one process, over links in memory. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { demoModel } from "../assets/demo_model.ts";
import type { Engine } from "../core/engine.ts";
import { KeyError, ProtocolError } from "../core/errors.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import { memoryFiles, type ModelFiles } from "../models/files.ts";
import { createTokenizer } from "../models/tokenizer.ts";
import { argmax, Oracle } from "../pipeline/forward/oracle.ts";
import { collectIntegers } from "../pipeline/forward/weights.ts";
import { Client, type ClientOptions } from "../roles/client.ts";
import { planTotals } from "../roles/costs.ts";
import { type Deal, Dealer } from "../roles/dealer.ts";
import { sha256 } from "../transport/digest.ts";
import { openKeys, type PartyKeys } from "../roles/keys.ts";
import { RequestError, type SessionLengths } from "../roles/lengths.ts";
import { readWeights } from "../roles/model_folder.ts";
import { Owner } from "../roles/owner.ts";
import { preparedFiles, prepareModel } from "../roles/prepare.ts";
import type { SessionReport } from "../roles/session.ts";
import type { Session } from "../transport/session.ts";
import { memoryPair } from "../transport/memory.ts";
import { tinyBert } from "./tiny_models.ts";

/** A prepared model, in memory. */
async function prepare(checkpoint: Record<string, Uint8Array>): Promise<ModelFiles> {
  const preparation = await prepareModel(memoryFiles(checkpoint));
  return memoryFiles({ ...checkpoint, ...await preparedFiles(preparation) });
}

let llama: Promise<ModelFiles> | undefined, bert: Promise<ModelFiles> | undefined;
const demo = (): Promise<ModelFiles> => llama ??= prepare(demoModel());
const classifier = (): Promise<ModelFiles> => bert ??= tinyBert().then(prepare);

/** Runs a test on an engine of one thread, and closes it. */
async function withEngine(body: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = await createWasmEngine({ threads: 1 });
  try {
    await body(engine);
  } finally {
    engine.close();
  }
}

/** One session that was dealt, with its link open. */
interface Met {
  readonly deal: Deal;
  readonly keys: readonly [PartyKeys, PartyKeys];
  readonly links: readonly [Session, Session];
  /** The owner's side, which is served from here on. */
  readonly served: Promise<SessionReport>;
  client(options?: Partial<ClientOptions>): Client;
}

/** Deals a session and lets owner and client meet. */
async function dealAndMeet(owner: Owner, dealer: Dealer, lengths: SessionLengths, engine: Engine): Promise<Met> {
  const deal = await dealer.deal(lengths), keys = await deal.inMemory(), [keys0, keys1] = keys;
  const links = await memoryPair();
  const served = owner.serve(links[0], keys0);
  served.catch(() => {}); // a test that waits for it sees the failure
  return { deal, keys, links, served, client: (more) => new Client({ link: links[1], keys: keys1, engine, ...more }) };
}

/** Runs a test on a model's owner and dealer. */
async function withModel(
  files: ModelFiles,
  body: (meet: (lengths: SessionLengths) => Promise<Met>) => Promise<void>,
): Promise<void> {
  await withEngine(async (engine) => {
    const owner = await Owner.open({ files, engine }), dealer = await Dealer.open({ files, engine });
    await body((lengths) => dealAndMeet(owner, dealer, lengths, engine));
  });
}

/** The oracle of the plan that keys were dealt for. */
async function oracleOf(files: ModelFiles, { plan: { model } }: Deal): Promise<Oracle> {
  const matrices = await collectIntegers(model, await readWeights(files));
  return new Oracle(model, (name) => matrices.get(name)!.data);
}

Deno.test("Client.generate() yields the oracle's tokens with their text, and both reports are the plan's", async () => {
  const files = await demo();
  await withModel(files, async (meet) => {
    const { deal, served, client: open } = await meet({ promptTokens: 8, generate: 6 }), client = open();
    const pieces = await Array.fromAsync(client.generate("ROMEO:\n"));

    const tokenizer = createTokenizer(demoModel()["tokenizer.json"]!),
      promptIds = tokenizer.encode("ROMEO:\n"),
      oracle = await oracleOf(files, deal),
      expected: number[] = [];
    for (let next = promptIds; expected.length < 6; next = expected.slice(-1)) {
      const logits = oracle.tokens(next);
      assertEquals(Int32Array.from(pieces[expected.length]!.words), Int32Array.from(logits));
      expected.push(argmax(logits));
    }
    assertEquals(pieces.map(({ id }) => id), expected);
    assertEquals(pieces.map(({ text }) => text).join(""), tokenizer.decode(expected));
    assertEquals([await client.tokenizer() === null, client.promptTokens], [false, promptIds.length]);

    const reports = [await served, client.report!], { plan } = deal;
    assertEquals(reports.map(({ keyBytes }) => keyBytes), plan.keyBytes);
    const { exchanges } = reports[0]!.counts;
    assertEquals(reports[1]!.counts.exchanges, exchanges);
    assertEquals(reports[0]!.stages.reduce((sum, stage) => sum + stage.exchanges, 0), exchanges);
    assert(exchanges < planTotals(plan, 128).exchanges, "a prompt shorter than its keys takes fewer exchanges");
  });
});

Deno.test("Client.classify() names the oracle's class, whether or not the text's length is hidden", async () => {
  const files = await classifier();
  await withModel(files, async (meet) => {
    for (const lengths of [{ promptTokens: 3 }, { promptTokens: 3, bucket: 4 }]) {
      const { deal, client } = await meet(lengths), { label, id, scores } = await client().classify("w3 w9 w4");

      const ids = [3, 9, 4, 0].slice(0, deal.plan.positions), logits = (await oracleOf(files, deal)).tokens(ids, 3);
      assertEquals([label, id], [["low", "middle", "high"][argmax(logits)], argmax(logits)]);
      assertEquals(scores.map((score) => score / scores[0]!), [...logits].map((logit) => logit / logits[0]!));
    }
  });
});

Deno.test("Client.generate() runs the session to its end when its reader leaves, and party 0 cannot tell", async () => {
  await withModel(await demo(), async (meet) => {
    const reports: SessionReport[] = [];
    for (const leaves of [false, true]) {
      const { served, client } = await meet({ promptTokens: 4, generate: 5 });
      for await (const _ of client().generate("KING")) if (leaves) break;
      reports.push(await served);
    }
    const [whole, left] = reports.map(({ counts: { exchanges, sentBytes } }) => ({ exchanges, sentBytes }));
    assertEquals(left, whole);
  });
});

Deno.test("Client.generate() runs the session to its end when its reader stops reading", async () => {
  await withModel(await demo(), async (meet) => {
    const { served, client } = await meet({ promptTokens: 4, generate: 5 }), pieces = client().generate("KING");
    await pieces.next();
    await served;

    assertEquals((await Array.fromAsync(pieces)).length, 4);
  });
});

Deno.test("Client.ask() keeps several requests apart", async () => {
  await withModel(await demo(), async (meet) => {
    const texts = ["KING", "My lord"], alone: string[] = [], together = texts.map(() => "");
    for (const prompt of texts) {
      const { client } = await meet({ promptTokens: 8, generate: 4 });
      alone.push((await Array.fromAsync(client().generate(prompt))).map(({ text }) => text).join(""));
    }
    const { client } = await meet({ promptTokens: 8, generate: 4, requests: 2 });
    for await (const { request, text } of client().ask(texts.map((prompt) => ({ prompt })))) together[request]! += text;

    assertEquals(together, alone);
  });
});

Deno.test("Owner.serve() serves several clients at once on one engine", async () => {
  await withModel(await demo(), async (meet) => {
    const lengths = { promptTokens: 4, generate: 4 }, met = [await meet(lengths), await meet(lengths)];
    const texts = await Promise.all(
      met.map(async ({ client }) =>
        (await Array.fromAsync(client().generate("KING"))).map(({ text }) => text).join("")
      ),
    );
    await Promise.all(met.map(({ served }) => served));

    assertEquals(texts[0], texts[1]);
    assert(texts[0] !== "");
  });
});

Deno.test("Client keeps a model in its cache, and asks party 0 for it once", async () => {
  await withModel(await demo(), async (meet) => {
    const kept = new Map<string, Uint8Array>(), received: number[] = [];
    const cache: ClientOptions["cache"] = {
      load: (digest) => Promise.resolve(kept.get(digest) ?? null),
      save: (digest, bytes) => Promise.resolve(void kept.set(digest, bytes)),
    };
    for (let i = 0; i < 3; i++) {
      // The third time a disk has changed a bit of everything that was kept: it is fetched again.
      if (i === 2) { for (const [digest, bytes] of kept) kept.set(digest, bytes.with(7, bytes[7]! ^ 1)); }
      const { served, client } = await meet({ promptTokens: 4, generate: 1 });
      await Array.fromAsync(client({ cache }).generate("KING"));
      received.push((await served).setupBytes);
    }
    for (const [digest, bytes] of kept) assertEquals(sha256(bytes), digest);
    assert(received[1]! + 10_000 < received[0]!, `party 0 sent ${received.join(" and ")} bytes`);
    assert(received[1]! + 10_000 < received[2]!, `party 0 sent ${received.join(" and ")} bytes`);
  });
});

Deno.test("keys serve one session, and are not spent by what they do not serve", async () => {
  await withModel(await demo(), async (meet) => {
    const { keys, served, client: open } = await meet({ promptTokens: 2, generate: 2 }), client = open();
    await assertRejects(() => Array.fromAsync(client.generate("What light through yonder")), KeyError, "dealt for 3");
    await assertRejects(() => served, ProtocolError, "The client asks nothing");
    await assertRejects(() => Array.fromAsync(client.generate("A")), KeyError, "Cannot ask again");
    for (const { store } of keys) {
      await store.claim();
      await assertRejects(() => store.claim(), KeyError, "used already");
    }
  });
});

Deno.test("roles refuse keys of the other party, of other weights, and of another version", async () => {
  const files = await demo(), other = await prepare(demoModel());
  await withEngine(async (engine) => {
    const dealer = await Dealer.open({ files, engine }), deal = await dealer.deal({ promptTokens: 2, generate: 1 });
    const [keys0, keys1] = await deal.inMemory();
    const stale = await Owner.open({ files: other, engine }), [end0, end1] = await memoryPair();
    const { message } = await assertRejects(() => stale.serve(end0, keys0), KeyError);
    assertMatch(message, /for other weights: expected \w+, received \w+$/);
    await end1.closed;

    const [link0, link1] = await memoryPair();
    const served = (await Owner.open({ files, engine })).serve(link0, keys0);
    served.catch(() => {}); // it learns that the client asks nothing
    const wrong = new Client({ link: link1, keys: keys0, engine });
    await assertRejects(() => Array.fromAsync(wrong.generate("A")), KeyError, "the keys of party 0");
    await assertRejects(() => served, ProtocolError);

    const { store } = keys1, name = "keys";
    const renamed = { ...store, name, header: { ...store.header, planDigest: "0".repeat(64) } };
    await assertRejects(() => openKeys(renamed), KeyError, "dealt by another version: expected plan ");
    const formless = { ...store, name, header: { ...store.header, config: "{" } };
    await assertRejects(() => openKeys(formless), KeyError, "must describe a plan");
  });
});

Deno.test("roles refuse what a model does not run", async () => {
  const llama = await demo(), bert = await classifier();
  await withModel(llama, async (meet) => {
    const { client } = await meet({ promptTokens: 2, generate: 1 });
    await assertRejects(() => client().classify("A"), RequestError, "must give classes: received tokens");
    const asks = [[], [{ prompt: "" }], [{ prompt: [512] }], [{ prompt: "A", tokens: 0 }], [{
      states: new Float32Array(2),
      realTokens: 1,
    }]];
    for (const asked of asks) {
      const { client } = await meet({ promptTokens: 2, generate: 1 });
      await assertRejects(() => Array.fromAsync(client().ask(asked)), RequestError);
    }
  });
  await withEngine(async (engine) => {
    const dealers = [await Dealer.open({ files: llama, engine }), await Dealer.open({ files: bert, engine })];
    const cases = [[0, { promptTokens: 300 }], [0, { promptTokens: 4, bucket: 4 }], [1, {
      promptTokens: 4,
      generate: 1,
    }]];
    for (const [i, lengths] of cases as [number, SessionLengths][]) {
      await assertRejects(() => dealers[i]!.deal(lengths), RequestError);
    }
  });
});
