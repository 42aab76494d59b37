/** Texts of hidden lengths: dealer and parties as processes over TCP. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ask, deal, isUsed, ONE_THREAD, serve, setUp } from "../tests/parties.ts";
import { writeTinyBert } from "../tests/tiny_models.ts";
import { runFailing, runJson, withFolder, writeDemoModel } from "../tests/cli.ts";

const TEXT = "w3 w9 w4";

Deno.test("sluice classifies a text alike whether its length is hidden or not, several of them side by side", async () => {
  await withFolder(async (folder) => {
    const { model, keys } = await setUp(folder, ["--prompt-tokens", "3"], writeTinyBert),
      hidden = `${folder}/hidden`,
      output = `${folder}/output`,
      lengths = ["--prompt-tokens", "5", "--bucket", "4", "--requests", "2"],
      dealt = await deal(folder, hidden, lengths),
      planned = await runJson("plan", "--model", model, ...lengths);
    assertEquals([dealt["promptTokens"], dealt["keyBytes"]], [8, planned["keyBytes"]]);
    const session = async (keys: string, ...asked: string[]): Promise<[Record<string, unknown>, Uint8Array]> => {
      const { server, address } = await serve(model, `${keys}/party0`),
        result = await runJson(...ask(folder, `${keys}/party1`, address), ...asked, "--output", output);
      assertEquals((await server.outcome).code, 0);
      return [result, await Deno.readFile(output)];
    };
    await Deno.writeTextFile(`${folder}/texts`, `${TEXT}\nw2 w3 w4 w5 w6 w7 w8\n`);

    const [alone, words] = await session(keys, "--text", TEXT),
      [among, more] = await session(hidden, "--file", `${folder}/texts`);

    const answers = among["answers"] as { text: string }[];
    assertMatch(String(alone["text"]), /^(low|middle|high) \(/);
    assertEquals([answers.length, answers[0]!.text, among["promptTokens"]], [2, alone["text"], 3 + 7]);
    assertEquals(more.subarray(0, words.length), words);
  });
});

Deno.test("sluice party1 says what lengths keys hide, without spending them", async () => {
  await withFolder(async (folder) => {
    const { model, keys } = await setUp(folder, ["--prompt-tokens", "3"], writeTinyBert), hidden = `${folder}/hidden`;
    await deal(folder, hidden, ["--prompt-tokens", "4", "--bucket", "4"]);
    const refused = async (keys: string, ...asked: string[]) => {
      const { server, address } = await serve(model, `${keys}/party0`),
        failure = await runFailing(4, ...ask(folder, `${keys}/party1`, address), ...asked);
      // Party 0 learns that the client asks nothing, and not why.
      const why = /party 1 has ended it: received ProtocolError: The client asks nothing; waiting on$/;
      assertMatch(await server.said("no key is spent: "), why);
      assertEquals([await isUsed(`${keys}/party0`), await isUsed(`${keys}/party1`)], [false, false]);
      server.kill();
      await server.outcome;
      return failure;
    };

    const unhidden = await refused(keys, "--text", TEXT, "--bucket", "4");
    assertMatch(unhidden.message, /must be dealt with --bucket: received others/);
    assertStringIncludes(unhidden.hint, "keygen --prompt-tokens 4 --bucket 4");

    const other = await refused(hidden, "--text", TEXT, "--bucket", "6");
    assertMatch(other.message, /3 tokens fill up to a multiple of 6: expected keys for 6 tokens, received keys for 4/);

    const long = await refused(hidden, "--text", `${TEXT} ${TEXT}`);
    assertMatch(long.message, /keys hide up to 4 tokens: received 6/);
    assertStringIncludes(long.hint, "keygen --prompt-tokens 8 --bucket 4");
  });
});

Deno.test("sluice keygen hides lengths of bidirectional models alone, and of those that were prepared for it", async () => {
  await withFolder(async (folder) => {
    const bert = `${folder}/bert`, llama = `${folder}/llama`, lengths = ["--prompt-tokens", "4", "--bucket", "4"];
    await writeTinyBert(bert);
    await writeDemoModel(llama);
    for (const model of [bert, llama]) await runJson("prepare", "--model", model);

    const causal = await runFailing(2, "keygen", "--model", llama, "--out", `${folder}/keys`, ...lengths);
    assertMatch(causal.message, /--bucket .* bidirectional/);

    const { paddedPositions, ...older } = JSON.parse(await Deno.readTextFile(`${bert}/sluice.json`));
    assert(paddedPositions >= 4);
    await Deno.writeTextFile(`${bert}/sluice.json`, JSON.stringify(older));
    const unprepared = await runFailing(5, "keygen", "--model", bert, "--out", `${folder}/keys`, ...lengths);
    assertMatch(unprepared.message, /must hold for padding/);
  });
});

Deno.test("sluice e2e with a hidden length equals the oracle, and its measured cost the plan of the length that shows", async () => {
  const shape = ["--arch", "bert-tiny", "--layers", "1", "--seq", "5", "--bucket", "8"],
    result = await runJson("e2e", ...shape, ...ONE_THREAD),
    { keyBytes, sentBytes, exchanges } = await runJson("plan", ...shape);

  assertEquals([result["equal"], result["seq"]], [true, 5]);
  assertEquals([result["keyBytes"], result["sentBytes"], result["exchanges"]], [keyBytes, sentBytes, exchanges]);
});
