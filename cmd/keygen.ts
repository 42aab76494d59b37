/**
 * `sluice keygen`: the dealer makes both parties' keys.
 *
 * @module
 */

import { Dealer } from "../roles/dealer.ts";
import type { Command, Options } from "./args.ts";
import { diskFiles, writeKeyFolders } from "./disk.ts";
import { openCpuEngine } from "./engine.ts";
import { BUCKET_FLAG, bucketOf, ROUNDING_FLAG, roundingOf } from "./plan_flags.ts";
import { peakRssBytes } from "./report.ts";
import { amount, type Ui } from "./ui.ts";

/** The command. */
export const KEYGEN: Command = {
  name: "keygen",
  summary: "deal the keys of both parties (dealer)",
  flags: [
    {
      name: "model",
      value: "DIR",
      help: "prepared model folder; weights and client.seed may be absent",
      required: true,
    },
    {
      name: "prompt-tokens",
      value: "N",
      help: "longest prompt, in tokens; of a bidirectional model the exact length, unless --bucket hides it",
      required: true,
    },
    { name: "generate", value: "M", help: "tokens to generate after it (default 0)" },
    { name: "requests", value: "R", help: "requests in one session (default 1)" },
    BUCKET_FLAG,
    { name: "out", value: "DIR", help: "writes DIR/party0 and DIR/party1", required: true },
    ROUNDING_FLAG,
    { name: "threads", value: "N", help: "threads of the dealer's products" },
  ],
  example: "sluice keygen --model ./llama --prompt-tokens 64 --generate 32 --out ./keys",
};

/** Runs the command. */
export async function keygen(options: Options, ui: Ui): Promise<void> {
  const files = diskFiles(options.required("model")), out = options.required("out"), start = performance.now();
  const rounding = roundingOf(options);
  const lengths = {
    promptTokens: options.count("prompt-tokens", 0, 1),
    generate: options.count("generate", 0),
    requests: options.count("requests", 1, 1),
    bucket: bucketOf(options),
    rounding,
  };
  const { engine, close } = await openCpuEngine(options.count("threads", navigator.hardwareConcurrency, 1));
  try {
    const dealer = await Dealer.open({ files, engine }),
      deal = await dealer.deal(lengths),
      { plan: { keyBytes, shape }, headers } = deal,
      bar = ui.progress("deal", keyBytes[0] + keyBytes[1], "B");
    try {
      await writeKeyFolders(out, deal, (outputs) => deal.write(outputs, (bytes) => bar.update(bytes)));
    } finally {
      bar.end();
    }
    const { session } = headers[0], dealMs = Math.round(performance.now() - start);
    ui.result({ session, keyBytes, ...shape, rounding, dealMs, peakRssBytes: peakRssBytes() }, () => {
      const [bytes0, bytes1] = keyBytes.map((bytes) => amount(bytes)), seconds = (dealMs / 1000).toFixed(1);
      return `dealt session ${session} to ${out}: ${bytes0} for party 0, ${bytes1} for party 1, in ${seconds} s`;
    });
  } finally {
    close();
  }
}
