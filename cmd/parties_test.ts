/** Keys and sessions: dealer and parties as processes over TCP, when all is well and when something is wrong. */

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { sha256 } from "../transport/digest.ts";
import { ask, deal, isUsed, LOOPBACK, ONE_THREAD, serve, setUp, trustOf } from "../tests/parties.ts";
import { createIdentity, randomIdentity } from "../transport/identity.ts";
import { failureOf, oneLine, run, runFailing, runJson, start, withFolder } from "../tests/cli.ts";

Deno.test("sluice keygen refuses a folder that holds keys and names the longest request of a model", async () => {
  await withFolder(async (folder) => {
    const { model, keys } = await setUp(folder, ["--prompt-tokens", "3"]),
      before = await Deno.readFile(`${keys}/party0/keys.bin`);

    const again = await runFailing(4, "keygen", "--model", model, "--prompt-tokens", "3", "--out", keys);
    assertStringIncludes(again.message, `${keys}/party0`);
    assertStringIncludes(again.hint, "--out");
    assertEquals(await Deno.readFile(`${keys}/party0/keys.bin`), before);

    const long = await runFailing(2, "keygen", "--model", model, "--prompt-tokens", "300", "--out", `${folder}/other`);
    assertMatch(long.message, /300.*256/);
    for (const party of [0, 1]) {
      assertEquals((await Deno.stat(`${keys}/party${party}`)).mode! & 0o777, 0o700);
      assertEquals((await Deno.stat(`${keys}/party${party}/keys.bin`)).mode! & 0o777, 0o600);
    }
  });
});

Deno.test("sluice party0 and party1 refuse what does not fit without spending the keys, then run one session with them", async () => {
  await withFolder(async (folder) => {
    const { model, keys } = await setUp(folder, ["--prompt-tokens", "4", "--generate", "5"]),
      keys0 = `${keys}/party0`,
      keys1 = `${keys}/party1`,
      trust0 = trustOf(folder, 0),
      nowhere = ["--connect", "127.0.0.1:9", ...trustOf(folder, 1), "--wait", "1", "--prompt", "A"];

    // Keys of the wrong party, truncated keys, no keys.
    assertMatch(
      (await runFailing(4, "party0", "--model", model, "--keys", keys1, ...trust0, ...LOOPBACK)).message,
      /keys of party 0: received keys of the wrong party, 1/,
    );
    assertMatch((await runFailing(4, "party1", "--keys", keys0, ...nowhere)).message, /wrong party, 0/);
    assertStringIncludes((await runFailing(4, "party1", "--keys", `${folder}/none`, ...nowhere)).message, "none");
    const whole = await Deno.readFile(`${keys1}/keys.bin`);
    await Deno.writeFile(`${keys1}/keys.bin`, whole.subarray(0, whole.length - 1000));
    assertMatch(
      (await runFailing(4, "party1", "--keys", keys1, ...nowhere)).message,
      new RegExp(`${whole.length} bytes: received ${whole.length - 1000} bytes`),
    );
    for (const at of [100, whole.length >> 1]) {
      await Deno.writeFile(`${keys1}/keys.bin`, whole.with(at, whole[at]! ^ 1));
      const { message } = await runFailing(4, "party1", "--keys", keys1, ...nowhere);
      assertMatch(message, at === 100 ? /keys\.bin/ : /must be as they were dealt: .* in part 1 of 2$/);
    }
    await Deno.writeFile(`${keys1}/keys.bin`, whole);

    // A port in use, and nobody on a port.
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 }), { port } = taken.addr;
    const busy = await runFailing(
      3,
      "party0",
      "--model",
      model,
      "--keys",
      keys0,
      ...trust0,
      "--listen",
      `127.0.0.1:${port}`,
    );
    assertMatch(busy.message, new RegExp(`127\\.0\\.0\\.1:${port}.*AddrInUse`));
    taken.close();
    const silent = await runFailing(
      3,
      "party1",
      "--keys",
      keys1,
      "--connect",
      `127.0.0.1:${port}`,
      ...nowhere.slice(2),
    );
    assertMatch(silent.message, new RegExp(`127\\.0\\.0\\.1:${port}.*ConnectionRefused`));

    // A prompt that is longer than the keys: party 0 goes on waiting.
    const { server, address } = await serve(model, keys0),
      long = await runFailing(4, ...ask(folder, keys1, address), "--prompt", "A long prompt, is it not?");
    assertMatch(long.message, /dealt for 8 positions.*\d+ prompt tokens and 5 to generate/);
    assertMatch(await server.said("no key is spent: "), /The client asks nothing; waiting on$/);

    // Nothing of this has spent the keys.
    assertEquals([await isUsed(keys0), await isUsed(keys1)], [false, false]);
    const client = await run(...ask(folder, keys1, address), "--prompt", "KING"),
      result = oneLine(await server.outcome);
    assertEquals(client.code, 0, client.stderr);
    assert(client.stdout.length > 2 && client.stdout.endsWith("\n"), client.stdout);
    assertMatch(client.stderr, /tokens\/s[\s\S]*exchanges +sent +compute +wait/);
    assertEquals([result["peer"], result["keysSpent"], result["resumes"]], [
      (await Deno.readTextFile(`${folder}/clients`)).split(" ")[0],
      true,
      0,
    ]);
    assertEquals(
      result["keyBytes"],
      (await runJson("plan", "--model", model, "--prompt-tokens", "4", "--generate", "5") as {
        keyBytes: number[];
      }).keyBytes[0],
    );

    // A key set serves once, and its stream is gone.
    assertEquals([await isUsed(keys0), await isUsed(keys1)], [true, true]);
    for (const keys of [keys0, keys1]) await assertRejects(() => Deno.stat(`${keys}/keys.bin`), Deno.errors.NotFound);
    assertMatch(
      (await runFailing(4, "party0", "--model", model, "--keys", keys0, ...trust0, ...LOOPBACK)).message,
      /already used by session/,
    );
    assertMatch((await runFailing(4, "party1", "--keys", keys1, ...nowhere)).message, /already used by session/);
  });
});

Deno.test("sluice party1 asks several prompts side by side, and takes a model that it knows from its cache", async () => {
  await withFolder(async (folder) => {
    const lengths = ["--prompt-tokens", "6", "--generate", "3", "--requests", "2"],
      { model, keys } = await setUp(folder, lengths),
      session = async (keys: string, ...prompts: string[]): Promise<Record<string, unknown>> => {
        const { server, address } = await serve(model, `${keys}/party0`),
          result = await runJson(...ask(folder, `${keys}/party1`, address), ...prompts);
        assertEquals((await server.outcome).code, 0);
        return result;
      };
    await deal(folder, `${folder}/more`, lengths);
    await Deno.writeTextFile(`${folder}/prompts.txt`, "KING\n\nROMEO:\n");

    const both = await session(keys, "--file", `${folder}/prompts.txt`),
      one = await session(`${folder}/more`, "--prompt", "ROMEO:");

    const [, answer] = both["answers"] as { text: string; tokens: number[] }[];
    assertEquals(both["generatedTokens"], 6);
    assertEquals([one["text"], one["tokens"]], [answer!.text, answer!.tokens]);
    for (const name of ["client.seed", "tokenizer.json"]) {
      const bytes = await Deno.readFile(`${model}/${name}`), path = `${folder}/cache/${sha256(bytes)}`;
      assertEquals(await Deno.readFile(path), bytes);
      assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    }
  });
});

Deno.test("sluice says what differs where models, weights, tokenizers or key sets do", async () => {
  await withFolder(async (folder) => {
    const { model, keys } = await setUp(folder, ["--prompt-tokens", "3"]), keys0 = `${keys}/party0`;
    const trust0 = trustOf(folder, 0);
    await deal(folder, `${folder}/other`, ["--prompt-tokens", "4"]);

    // Two key sets: the owner lets nobody in who asks for another session, or proves another plan.
    const other1 = `${folder}/other/party1`,
      { server, address } = await serve(model, keys0),
      strangers = await runFailing(3, ...ask(folder, other1, address), "--prompt", "A");
    assertMatch(strangers.message, /must accept this client/);
    assertMatch(strangers.hint, /--owner.*of one dealing/);
    assertMatch(await server.said("turned a stranger away: "), /Cannot serve Ada as it must ask for session/);
    server.kill();

    // Weights that are not what was prepared.
    const path = `${model}/model.safetensors`, weights = await Deno.readFile(path);
    weights[weights.length - 1]! ^= 1;
    await Deno.writeFile(path, weights);
    const changed = await runFailing(
      5,
      "party0",
      "--model",
      model,
      "--keys",
      keys0,
      ...trust0,
      ...LOOPBACK,
      ...ONE_THREAD,
    );
    assertMatch(changed.message, /weights or its seed changed since they were prepared/);
    weights[weights.length - 1]! ^= 1;
    await Deno.writeFile(path, weights);

    // A seed of another preparation would give wrong answers, and the client would keep it.
    const seed = await Deno.readFile(`${model}/client.seed`);
    await Deno.writeFile(`${model}/client.seed`, seed.map((byte) => byte ^ 1));
    const swapped = await runFailing(
      5,
      "party0",
      "--model",
      model,
      "--keys",
      keys0,
      ...trust0,
      ...LOOPBACK,
      ...ONE_THREAD,
    );
    assertMatch(swapped.message, /weights or its seed changed since they were prepared/);

    // The same folder, prepared again: other masks.
    const { weightsId: before } = JSON.parse(await Deno.readTextFile(`${model}/sluice.json`)),
      { weightsId } = await runJson("prepare", "--model", model);
    const stale = await runFailing(
      4,
      "party0",
      "--model",
      model,
      "--keys",
      keys0,
      ...trust0,
      ...LOOPBACK,
      ...ONE_THREAD,
    );
    assertStringIncludes(stale.message, before);
    assertStringIncludes(stale.message, String(weightsId));
    assertEquals([await isUsed(keys0), await isUsed(`${keys}/party1`)], [false, false]);
  });
});

for (const host of ["inline", "threaded"] as const) {
  Deno.test(`sluice party0 turns strangers away without spending its keys, and serves the client behind them (${host})`, async () => {
    await withFolder(async (folder) => {
      const { model, keys } = await setUp(folder, ["--prompt-tokens", "2", "--generate", "2"]),
        keys0 = `${keys}/party0`;
      await deal(folder, `${folder}/other`, ["--prompt-tokens", "2", "--generate", "2"]);
      const { server, address } = await serve(model, keys0, "--host", host),
        dial = () => Deno.connect({ hostname: "127.0.0.1", port: Number(address.split(":")[1]) });

      // A port scanner, a browser, and somebody who says nothing for as long as the test runs.
      (await dial()).close();
      await server.said("turned a stranger away: ");
      const browser = await dial(), silent = await dial();
      await browser.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: model.example\r\n\r\n".repeat(20)));
      assertMatch(await server.said("turned a stranger away: Cannot open link"), /received another greeting$/);

      // A client with other keys, one that nobody has listed, and one that asks another owner.
      const client1 = ask(folder, `${keys}/party1`, address), dealer = `${folder}/dealer.id`;
      const other = await runFailing(3, ...ask(folder, `${folder}/other/party1`, address), "--prompt", "A");
      assertMatch(other.message, /must accept this client/);
      const { publicLine } = await createIdentity(dealer, "client"), at = client1.indexOf("--identity") + 1;
      const posing = client1.with(at, dealer) as typeof client1;
      assertMatch((await runFailing(3, ...posing, "--prompt", "A")).message, /must accept this client/);
      assertStringIncludes(await server.said("turned a stranger away: Cannot serve a client"), publicLine);
      const pinned = client1.with(client1.indexOf("--owner") + 1, randomIdentity("owner").publicLine) as typeof client1;
      assertMatch((await runFailing(3, ...pinned, "--wait", "1", "--prompt", "A")).message, /the owner must answer/);
      assertEquals([await isUsed(keys0), await isUsed(`${folder}/other/party1`)], [false, false]);

      const client = await runJson(...ask(folder, `${keys}/party1`, address), "--prompt", "A"),
        outcome = await server.outcome;
      assertEquals([client["generatedTokens"], outcome.code], [2, 0]);
      const lines = outcome.stderr.split("\n").filter((line) => line.includes("stranger"));
      assert(lines.length >= 5, outcome.stderr);
      for (const connection of [browser, silent]) connection.close();
    });
  });
}

for (const leaver of ["party0", "party1"] as const) {
  Deno.test(`sluice ends soon with code 3 when ${leaver} disappears in the middle of a session`, async () => {
    await withFolder(async (folder) => {
      const { model, keys } = await setUp(folder, ["--prompt-tokens", "2", "--generate", "100"]),
        { server, address } = await serve(model, `${keys}/party0`, "--resume", "1"),
        client = start(...ask(folder, `${keys}/party1`, address), "--resume", "1", "--prompt", "A");
      await client.printed;

      (leaver === "party0" ? server : client).kill();

      const left = await (leaver === "party0" ? client : server).outcome,
        gone = await (leaver === "party0" ? server : client).outcome;
      assertEquals(left.code, 3, left.stderr);
      assert(gone.code !== 0);
      if (leaver === "party1") assertEquals(failureOf(left, 3).kind, "peer");
      else assertMatch(left.stderr, /error: Cannot .*no other connection for 1 s\n.*hint: .*\n.*the keys are spent\n$/);
    });
  });
}
