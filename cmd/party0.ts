/**
 * `sluice party0`: the owner of the model serves one session.
 *
 * @module
 */

import { KeyError, ModelError, ProtocolError } from "../core/errors.ts";
import type { Engine, Weights } from "../core/engine.ts";
import type { Seed } from "../core/prg/seed.ts";
import type { RequestShape } from "../pipeline/session/session.ts";
import { warmUp } from "../pipeline/session/warm_up.ts";
import { matrixWords } from "../pipeline/forward/model_spec.ts";
import { integerWeights, plainMatrix, WeightsDigest } from "../pipeline/forward/weights.ts";
import { claimKeys } from "../transport/key_file.ts";
import { formatAddress, parseAddress } from "../transport/tcp.ts";
import type { Command, Options } from "./args.ts";
import { ENGINE_FLAGS, openEngine, startDevice } from "./engine.ts";
import { readPrepared, readSalt, readSeed, readWeights } from "./model_folder.ts";
import { sendModel } from "./received_model.ts";
import {
  costTable,
  type OpenKeys,
  openKeys,
  openSession,
  SESSION_FLAGS,
  sessionReport,
  whyUnserved,
} from "./session.ts";
import { openSockets } from "./sockets.ts";
import { type Ui, UsageError } from "./ui.ts";

/** The command. */
export const PARTY0: Command = {
  name: "party0",
  summary: "serve one session (owner of the model)",
  flags: [
    { name: "model", value: "DIR", help: "prepared model folder, with its weights", required: true },
    { name: "keys", value: "DIR", help: "the dealer's folder for party 0", required: true },
    {
      name: "listen",
      value: "HOST:PORT",
      help: "address to listen on; port 0 takes a free one and prints it",
      required: true,
    },
    ...SESSION_FLAGS,
    ...ENGINE_FLAGS,
  ],
  example: "sluice party0 --model ./llama --keys ./keys/party0 --listen 0.0.0.0:7700",
};

/** Runs the command. */
export async function party0(options: Options, ui: Ui): Promise<void> {
  const start = performance.now(), folder = options.required("model"), address = addressOf(options.required("listen"));
  const keys = await openKeys(options.required("keys"), 0);
  const opened = await openEngine(options, navigator.hardwareConcurrency, (line) => ui.note(line)), { engine } = opened;
  const sockets = openSockets(options, engine.name);
  try {
    const { weights, vectors, seed } = await loadWeights(folder, keys, engine);
    await warmUp(engine, keys.model);
    const listener = await sockets.listen(address, { linkKey: keys.linkKey, identity: keys.identity });
    ui.note(`listening on ${formatAddress(listener.address)}`);
    const link = await listener.accept(strangerNotes(ui));
    try {
      await sendModel(folder, seed, link);
      ui.note("the client is here");
      const { shapes, chunkTokens } = askedRequests((await link.receiveControl("requests")).body, keys);
      await claimKeys(keys.folder, keys.identity.session);
      let lanes = 0;
      const session = openSession(options, keys, {
        engine,
        link,
        weights,
        vectors,
        chunkTokens,
        onLane: () => bar.update(++lanes),
      });
      const bar = ui.progress("run", session.laneCount(shapes), "lanes");
      session.reserve(shapes);
      await opened.settle();
      const setupMs = Math.round(performance.now() - start),
        setupBytes = link.stats.wireBytes,
        deviceOf = startDevice(opened),
        begin = performance.now();
      link.sendControl("ready");
      await session.run(shapes, null, () => {});
      const onlineMs = Math.round(performance.now() - begin);
      bar.end();
      link.close();
      await link.closed;
      ui.result(
        {
          ...sessionReport(session, link, keys),
          setupMs,
          setupBytes,
          onlineMs,
          threads: opened.threads,
          ...deviceOf(),
          engine: engine.name,
        },
        () => `served session ${keys.identity.session}: ${costTable(session, link, keys, options.has("profile"))}`,
      );
    } catch (error) {
      link.close(error instanceof Error ? error : undefined);
      await link.closed;
      throw error;
    }
  } finally {
    keys.file.close();
    sockets.close();
    opened.close();
  }
}

/** Tells of strangers: of a few at once, then at most once a second. */
function strangerNotes(ui: Ui): (error: Error) => void {
  let budget = 8, refilled = performance.now(), untold = 0;
  return ({ message }) => {
    const now = performance.now();
    budget = Math.min(8, budget + (now - refilled) / 1000);
    refilled = now;
    if (budget < 1) return void untold++;
    budget--;
    ui.note(`turned a stranger away: ${message}${untold > 0 ? ` (and ${untold} others before)` : ""}`);
    untold = 0;
  };
}

/** The quantised model in the engine, checked against what was prepared and against the keys. */
async function loadWeights(
  folder: string,
  keys: OpenKeys,
  engine: Engine,
): Promise<{ weights: Map<string, Weights>; vectors: Map<string, Int32Array>; seed: Seed }> {
  const prepared = await readPrepared(folder);
  if (prepared.weightsId !== keys.identity.weightsId) {
    throw new KeyError(
      `Cannot run ${folder} with these keys as they are for other weights: expected ${prepared.weightsId}, received ${keys.identity.weightsId}`,
    );
  }
  const weights = new Map<string, Weights>(),
    vectors = new Map<string, Int32Array>(),
    seed = await readSeed(folder),
    digest = new WeightsDigest(await readSalt(folder), seed);
  for await (const matrix of integerWeights(keys.model, await readWeights(folder))) {
    digest.add(matrix);
    if (matrix.inputs === 0) vectors.set(matrix.name, matrix.data);
    else {
      const width = matrixWords(keys.model, matrix);
      weights.set(matrix.name, engine.weights(plainMatrix(matrix, width), matrix.inputs, matrix.outputs, width));
    }
  }
  if (digest.hex() !== prepared.weightsDigest) {
    throw new ModelError(
      `Cannot run ${folder} as its weights or its seed changed since they were prepared: the digest differs`,
    );
  }
  return { weights, vectors, seed };
}

/** Parses an address of the command line. */
export function addressOf(text: string): ReturnType<typeof parseAddress> {
  try {
    return parseAddress(text);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The public lengths that the client asks for, checked against the keys. */
function askedRequests(
  body: unknown,
  keys: OpenKeys,
): { shapes: RequestShape[]; chunkTokens: number } {
  const { requests, chunkTokens } = (body ?? {}) as { requests?: unknown; chunkTokens?: unknown };
  if (!Array.isArray(requests) || requests.length === 0 || requests.length > keys.shape.requests) {
    throw new ProtocolError(`Cannot run the requests as there must be 1 to ${keys.shape.requests}`);
  }
  if (!isCount(chunkTokens, 1)) {
    throw new ProtocolError("Cannot run the requests as chunks must have at least one token");
  }
  const shapes = requests.map((item) => {
    const { promptTokens, generate } = (item ?? {}) as RequestShape;
    if (!isCount(promptTokens, 1) || !isCount(generate, 0)) {
      throw new ProtocolError(
        "Cannot run a request as its lengths must be whole numbers, with at least one prompt token",
      );
    }
    const unserved = whyUnserved(keys, { promptTokens, generate });
    if (unserved !== null) throw new ProtocolError(unserved);
    return { promptTokens, generate };
  });
  return { shapes, chunkTokens };
}

function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}
