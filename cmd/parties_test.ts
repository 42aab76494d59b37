/** Keys and sessions: dealer and parties as processes over TCP, when all is well and when something is wrong. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ask, deal, isUsed, LOOPBACK, ONE_THREAD, serve, setUp } from "../tests/parties.ts";
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
      nowhere = ["--connect", "127.0.0.1:9", "--wait", "1", "--prompt", "A"];

    // Keys of the wrong party, truncated keys, no keys.
    assertMatch(
      (await runFailing(4, "party0", "--model", model, "--keys", keys1, ...LOOPBACK)).message,
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
    const scales = new TextDecoder("latin1").decode(whole.subarray(0, 4096)).indexOf('{"residualBits"');
    await Deno.writeFile(`${keys1}/keys.bin`, whole.with(scales, 0x5b));
    assertMatch((await runFailing(4, "party1", "--keys", keys1, ...nowhere)).message, /header .* must describe a plan/);
    await Deno.writeFile(`${keys1}/keys.bin`, whole);

    // A port in use, and nobody on a port.
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 }), { port } = taken.addr;
    const busy = await runFailing(3, "party0", "--model", model, "--keys", keys0, "--listen", `127.0.0.1:${port}`);
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

    // A prompt that is longer than the keys.
    const early = await serve(model, keys0),
      long = await runFailing(4, ...ask(folder, keys1, early.address), "--prompt", "A long prompt, is it not?");
    assertMatch(long.message, /dealt for 8 positions.*\d+ prompt tokens and 5 to generate/);
    assertEquals(failureOf(await early.server.outcome, 3).kind, "peer");

    // Nothing of this has spent the keys.
    assertEquals([await isUsed(keys0), await isUsed(keys1)], [false, false]);
    const { server, address } = await serve(model, keys0),
      client = await run(...ask(folder, keys1, address), "--prompt", "KING"),
      result = oneLine(await server.outcome);
    assertEquals(client.code, 0, client.stderr);
    assert(client.stdout.length > 2 && client.stdout.endsWith("\n"), client.stdout);
    assertMatch(client.stderr, /tokens\/s[\s\S]*exchanges +sent +compute +wait/);
    assertEquals(
      result["keyBytes"],
      (await runJson("plan", "--model", model, "--prompt-tokens", "4", "--generate", "5") as {
        keyBytes: number[];
      }).keyBytes[0],
    );

    // A key set serves once.
    assertEquals([await isUsed(keys0), await isUsed(keys1)], [true, true]);
    assertMatch(
      (await runFailing(4, "party0", "--model", model, "--keys", keys0, ...LOOPBACK)).message,
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
    const seed = await Deno.readFile(`${model}/client.seed`), [cached] = [...Deno.readDirSync(`${folder}/cache`)];
    assertEquals(await Deno.readFile(`${folder}/cache/${cached!.name}/client.seed`), seed);
    assertEquals((await Deno.stat(`${folder}/cache/${cached!.name}/client.seed`)).mode! & 0o777, 0o600);
  });
});

Deno.test("sluice names both sides when models, weights or key sets differ", async () => {
  await withFolder(async (folder) => {
    const { model, keys } = await setUp(folder, ["--prompt-tokens", "3"]), keys0 = `${keys}/party0`;
    await deal(folder, `${folder}/other`, ["--prompt-tokens", "4"]);

    // Two key sets: the link key does not open, and where it would, the handshake names both plans.
    const other1 = `${folder}/other/party1`,
      { server, address } = await serve(model, keys0),
      strangers = await runFailing(3, ...ask(folder, other1, address), "--prompt", "A");
    assertMatch(strangers.message, /link key/);
    assertMatch(await server.said("turned a stranger away: "), /link key/);
    await Deno.copyFile(`${keys}/party1/link.key`, `${other1}/link.key`);
    const unlike = await runFailing(3, ...ask(folder, other1, address), "--prompt", "A");
    assertMatch(unlike.message, /same plan: received "[^"]+", expected "[^"]+"/);
    assertMatch(failureOf(await server.outcome, 3).message, /same plan: received "[^"]+", expected "[^"]+"/);

    // Weights that are not what was prepared.
    const path = `${model}/model.safetensors`, weights = await Deno.readFile(path);
    weights[weights.length - 1]! ^= 1;
    await Deno.writeFile(path, weights);
    const changed = await runFailing(5, "party0", "--model", model, "--keys", keys0, ...LOOPBACK, ...ONE_THREAD);
    assertMatch(changed.message, /weights or its seed changed since they were prepared/);
    weights[weights.length - 1]! ^= 1;
    await Deno.writeFile(path, weights);

    // A seed of another preparation would give wrong answers, and the client would keep it.
    const seed = await Deno.readFile(`${model}/client.seed`);
    await Deno.writeFile(`${model}/client.seed`, seed.map((byte) => byte ^ 1));
    const swapped = await runFailing(5, "party0", "--model", model, "--keys", keys0, ...LOOPBACK, ...ONE_THREAD);
    assertMatch(swapped.message, /weights or its seed changed since they were prepared/);

    // The same folder, prepared again: other masks.
    const { weightsId: before } = JSON.parse(await Deno.readTextFile(`${model}/sluice.json`)),
      { weightsId } = await runJson("prepare", "--model", model);
    const stale = await runFailing(4, "party0", "--model", model, "--keys", keys0, ...LOOPBACK, ...ONE_THREAD);
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
      assertMatch(await server.said("turned a stranger away: Cannot seal"), /received another greeting$/);

      // A client with other keys.
      const other = await runFailing(3, ...ask(folder, `${folder}/other/party1`, address), "--prompt", "A");
      assertMatch(other.message, /link key/);
      assertEquals([await isUsed(keys0), await isUsed(`${folder}/other/party1`)], [false, false]);

      const client = await runJson(...ask(folder, `${keys}/party1`, address), "--prompt", "A"),
        outcome = await server.outcome;
      assertEquals([client["generatedTokens"], outcome.code], [2, 0]);
      const lines = outcome.stderr.split("\n").filter((line) => line.includes("stranger"));
      assertEquals(lines.length, 3, outcome.stderr);
      for (const connection of [browser, silent]) connection.close();
    });
  });
}

for (const leaver of ["party0", "party1"] as const) {
  Deno.test(`sluice ends soon with code 3 when ${leaver} disappears in the middle of a session`, async () => {
    await withFolder(async (folder) => {
      const { model, keys } = await setUp(folder, ["--prompt-tokens", "2", "--generate", "100"]),
        { server, address } = await serve(model, `${keys}/party0`),
        client = start(...ask(folder, `${keys}/party1`, address), "--prompt", "A");
      await client.printed;

      (leaver === "party0" ? server : client).kill();

      const left = await (leaver === "party0" ? client : server).outcome,
        gone = await (leaver === "party0" ? server : client).outcome;
      assertEquals(left.code, 3, left.stderr);
      assert(gone.code !== 0);
      if (leaver === "party1") assertEquals(failureOf(left, 3).kind, "peer");
      else assertMatch(left.stderr, /sluice party1: error: Cannot .*\nsluice party1: hint: .*\n$/);
    });
  });
}
