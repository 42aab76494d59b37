/** Texts of hidden lengths: dealer and parties as processes over TCP. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runFailing, runJson, start, withFolder, writeDemoModel } from "../tests/cli.ts";
import { writeTinyBert } from "../tests/_tiny_models.ts";

const ONE_THREAD = ["--threads", "1"] as const, TEXT = "w3 w9 w4";

async function deal(model: string, keys: string, ...lengths: string[]): Promise<Record<string, unknown>> {
  return await runJson("keygen", "--model", model, "--out", keys, ...lengths, ...ONE_THREAD);
}

/** Serves one session and runs `body` with the client's command line for it. */
async function serve<T>(model: string, keys: string, body: (client: string[]) => Promise<T>): Promise<T> {
  const listen = ["--listen", "127.0.0.1:0", ...ONE_THREAD, "--json"],
    server = start("party0", "--model", model, "--keys", `${keys}/party0`, ...listen);
  try {
    const address = await server.said("listening on ");
    return await body(["--keys", `${keys}/party1`, "--connect", address, "--cache", `${keys}/cache`, ...ONE_THREAD]);
  } finally {
    server.kill();
    await server.outcome;
  }
}

Deno.test("sluice classifies a text alike whether its length is hidden or not, several of them side by side", async () => {
  await withFolder(async (folder) => {
    const model = `${folder}/model`,
      exact = `${folder}/exact`,
      hidden = `${folder}/hidden`,
      output = `${folder}/output`;
    await writeTinyBert(model);
    await runJson("prepare", "--model", model);
    assertEquals((await deal(model, exact, "--prompt-tokens", "3"))["promptTokens"], 3);
    const dealt = await deal(model, hidden, "--prompt-tokens", "5", "--bucket", "4", "--requests", "2");
    assertEquals(dealt["promptTokens"], 8);
    const plan = await runJson(
      "plan",
      "--model",
      model,
      ...["--prompt-tokens", "5", "--bucket", "4", "--requests", "2"],
    );
    assertEquals(plan["keyBytes"], dealt["keyBytes"]);

    const alone = await serve(
        model,
        exact,
        (client) => runJson("party1", ...client, "--text", TEXT, "--output", output),
      ),
      words = await Deno.readFile(output);
    await Deno.writeTextFile(`${folder}/texts`, `${TEXT}\nw2 w3 w4 w5 w6 w7 w8\n`);
    const among = await serve(
      model,
      hidden,
      (client) => runJson("party1", ...client, "--file", `${folder}/texts`, "--output", output),
    );

    const answers = among["answers"] as { text: string }[];
    assertMatch(String(alone["text"]), /^(low|middle|high) \(/);
    assertEquals([answers.length, answers[0]!.text, among["promptTokens"]], [2, alone["text"], 3 + 7]);
    assertEquals((await Deno.readFile(output)).subarray(0, words.length), words);
  });
});

Deno.test("sluice says what lengths keys hide, without spending them", async () => {
  await withFolder(async (folder) => {
    const model = `${folder}/model`, exact = `${folder}/exact`, hidden = `${folder}/hidden`;
    await writeTinyBert(model);
    await runJson("prepare", "--model", model);
    await deal(model, exact, "--prompt-tokens", "3");
    await deal(model, hidden, "--prompt-tokens", "4", "--bucket", "4");
    const ask = (keys: string, ...asked: string[]) =>
      serve(model, keys, (client) => runFailing(4, "party1", ...client, ...asked));

    const unhidden = await ask(exact, "--text", TEXT, "--bucket", "4");
    assertMatch(unhidden.message, /must be dealt with --bucket: received others/);
    assertStringIncludes(unhidden.hint, "keygen --prompt-tokens 4 --bucket 4");

    const other = await ask(hidden, "--text", TEXT, "--bucket", "6");
    assertMatch(other.message, /3 tokens fill up to a multiple of 6: expected keys for 6 tokens, received keys for 4/);

    const long = await ask(hidden, "--text", `${TEXT} ${TEXT}`);
    assertMatch(long.message, /keys hide up to 4 tokens: received 6/);
    assertStringIncludes(long.hint, "keygen --prompt-tokens 6 --bucket 4");

    const answer = await serve(
      model,
      hidden,
      (client) => runJson("party1", ...client, "--text", TEXT, "--bucket", "4"),
    );
    assert(String(answer["text"]).length > 0);
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

    const { padded, ...older } = JSON.parse(await Deno.readTextFile(`${bert}/sluice.json`));
    assertEquals(padded, true);
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
