/** What the client asks for, and what party 0 lets a client ask: tokens beyond the tokenizer or the model, and lengths that keys do not serve. */

import { assertEquals, assertMatch } from "@std/assert";
import { demoModel } from "../assets/demo_model.ts";
import { ask, isUsed, serve, setUp } from "../tests/parties.ts";
import { writeTinyBert } from "../tests/tiny_models.ts";
import { runFailing, runJson, withFolder, writeDemoModel } from "../tests/cli.ts";
import { readIdentity } from "../transport/identity.ts";
import { connect, parseAddress } from "../transport/tcp.ts";
import { openKeyFolder } from "./disk.ts";

/** Writes the embedded model with another tokenizer. */
function withTokenizer(json: string): (folder: string) => Promise<void> {
  return async (folder) => {
    await writeDemoModel(folder);
    await Deno.writeTextFile(`${folder}/tokenizer.json`, json);
  };
}

/** The embedded model's tokenizer, changed. */
function tokenizer(change: (json: Record<string, unknown>) => Record<string, unknown>): string {
  return JSON.stringify(change(JSON.parse(new TextDecoder().decode(demoModel()["tokenizer.json"]))));
}

Deno.test("sluice party1 goes on after a token that the tokenizer cannot decode", async () => {
  await withFolder(async (folder) => {
    const poor = JSON.stringify({ model: { type: "WordPiece", vocab: { "[UNK]": 0 }, unk_token: "[UNK]" } });
    const { model, keys } = await setUp(folder, ["--prompt-tokens", "2", "--generate", "4"], withTokenizer(poor));
    const { server, address } = await serve(model, `${keys}/party0`),
      result = await runJson(...ask(folder, `${keys}/party1`, address), "--prompt-ids", "40,41");

    assertEquals([result["generatedTokens"], result["text"]], [4, "\uFFFD".repeat(4)]);
    assertEquals((await server.outcome).code, 0);
  });
});

Deno.test("sluice party1 refuses an added token that the model has no row for, without spending the keys", async () => {
  await withFolder(async (folder) => {
    const flags = { special: true, single_word: false, lstrip: false, rstrip: false, normalized: false };
    const more = tokenizer((json) => ({
      ...json,
      added_tokens: [...json["added_tokens"] as unknown[], { id: 512, content: "<extra>", ...flags }],
    }));
    const { model, keys } = await setUp(folder, ["--prompt-tokens", "8", "--generate", "2"], withTokenizer(more));
    const { server, address } = await serve(model, `${keys}/party0`),
      client = ask(folder, `${keys}/party1`, address),
      { message } = await runFailing(5, ...client, "--prompt", "A <extra>");

    assertMatch(message, /every token must be one of the model's 512/);
    assertMatch(await server.said("no key is spent: "), /The client asks nothing; waiting on$/);
    assertEquals([await isUsed(`${keys}/party0`), await isUsed(`${keys}/party1`)], [false, false]);
  });
});

Deno.test("keys of a bidirectional model serve the one length that they were dealt for, at both parties", async () => {
  await withFolder(async (folder) => {
    const { model, keys } = await setUp(folder, ["--prompt-tokens", "3"], writeTinyBert),
      one = /serve one length: expected 3 tokens, received (2|4)$/;
    const { server, address } = await serve(model, `${keys}/party0`);
    for (const text of ["w2 w3", "w2 w3 w4 w5"]) {
      assertMatch((await runFailing(4, ...ask(folder, `${keys}/party1`, address), "--text", text)).message, one);
    }

    // A client that asks for what it may not.
    const opened = await openKeyFolder(`${keys}/party1`, 1, `${folder}/asks.db`),
      { linkKey, keys: { agreement } } = opened;
    opened.close();
    const identity = await readIdentity(`${folder}/client.id`, "client");
    const peers = new Map([[await Deno.readTextFile(`${folder}/owner`), "owner"]]);
    for (const [promptTokens, generate] of [[2, 0], [4, 0], [3, 1]]) {
      const session = await connect(parseAddress(address), { linkKey, identity, peers, agreement });
      session.sendControl("model", { tokenizer: false });
      session.sendControl("requests", { requests: [{ promptTokens, generate }], chunkTokens: 128, seed: true });
      await session.closed;
      assertMatch(String(session.signal.reason), /serve one length: expected 3 tokens, received \d$/);
    }
    assertMatch(await server.said("the client left before it asked, and no key is spent: "), /waiting on$/);
    assertEquals([await isUsed(`${keys}/party0`), await isUsed(`${keys}/party1`)], [false, false]);
  });
});
