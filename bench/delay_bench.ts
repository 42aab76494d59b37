/**
 * Requests side by side over a link with 5 ms of delay each way: one request waits for the network most of the time, and others compute meanwhile.
 *
 * Every request of the embedded demo model generates 8 tokens. Both parties and the relay share this thread, so the requests' work adds up and their
 * waiting does not. Keys are dealt before the clock starts. Each row is one run: `Deno.bench` would repeat these long ones for no more precision.
 */

import { demoModel } from "../assets/demo_model.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import { memoryFiles } from "../models/files.ts";
import { createTokenizer } from "../models/tokenizer.ts";
import { calibratedModel, readFolded } from "../tests/models.ts";
import { delayedPair } from "../tests/delay_relay.ts";
import { openSession } from "../tests/two_parties.ts";

const DELAY_MS = 5, GENERATE = 8;
const PROMPTS = ["ROMEO:\nIt is", "To be, or not", "KING:\nMy lord", "First Citizen:"];

const folded = await readFolded(memoryFiles(demoModel())),
  tokenizer = createTokenizer(demoModel()["tokenizer.json"]!),
  prompts = PROMPTS.map((text) => tokenizer.encode(text)),
  promptTokens = Math.max(...prompts.map((ids) => ids.length)),
  model = await calibratedModel(folded, prompts.flat());

/** Time in which `count` requests side by side are answered, in milliseconds. */
async function measure(count: number): Promise<number> {
  const engines = [await createWasmEngine({ threads: 1 }), await createWasmEngine({ threads: 1 })] as const,
    pair = await delayedPair(DELAY_MS);
  const session = await openSession({
    model: model(promptTokens + GENERATE - 1),
    folded,
    dealt: { promptTokens, generate: GENERATE },
    requests: prompts.slice(0, count).map((promptIds) => ({ promptIds, generate: GENERATE })),
    engines,
    links: () => Promise.resolve(pair.links),
  });
  session.prepare();
  const begin = performance.now();
  await Promise.all(session.run());
  const elapsedMs = performance.now() - begin;
  await session.close();
  await pair.close();
  for (const engine of engines) engine.close();
  return elapsedMs;
}

console.log(`${GENERATE} tokens each, ${DELAY_MS} ms each way`);
console.log("| requests |   time | tokens/s |\n| -------: | -----: | -------: |");
for (const count of [1, 2, 4]) {
  const seconds = await measure(count) / 1000, perSecond = count * GENERATE / seconds;
  console.log(
    `| ${String(count).padStart(8)} | ${seconds.toFixed(1).padStart(4)} s | ${perSecond.toFixed(2).padStart(8)} |`,
  );
}
