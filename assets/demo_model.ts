import configText from "./shakespeare-llama/config.json" with { type: "text" };
import weightsText from "./shakespeare-llama/model.safetensors.b64" with { type: "text" };
import tokenizerText from "./shakespeare-llama/tokenizer.json" with { type: "text" };

let decoded: Readonly<Record<string, Uint8Array<ArrayBuffer>>> | undefined;

/**
 * Returns the embedded demo model as the files of a model folder: `config.json`, `tokenizer.json` and
 * `model.safetensors`. It is decoded at the first call and kept; callers must not write to its bytes.
 *
 * The files are imported as text, so that they travel inside a bundle.
 *
 * @example The demo model's size
 * ```ts
 * import { demoModel } from "sluice/assets/demo_model.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(demoModel()["model.safetensors"]?.length, 1612264);
 * ```
 */
export function demoModel(): Readonly<Record<string, Uint8Array<ArrayBuffer>>> {
  const encoder = new TextEncoder();
  return decoded ??= {
    "config.json": encoder.encode(configText),
    "tokenizer.json": encoder.encode(tokenizerText),
    "model.safetensors": Uint8Array.fromBase64(weightsText),
  };
}
