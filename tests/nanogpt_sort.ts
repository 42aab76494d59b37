/**
 * A published GPT of 85,000 parameters that sorts six digits of {0, 1, 2} (see the README of the shared data), as the
 * GPT-2 checkpoint of a model folder. Its exporter keeps matrices as (outputs, inputs), where GPT-2 has (inputs, outputs),
 * and its head is not tied.
 */
import { memoryFiles, type ModelFiles } from "../models/files.ts";
import { encodeSafetensors, type Tensor } from "../models/safetensors.ts";

/** Count of digits that the model sorts: it is fed them and then gives them, sorted. */
export const SORTED_COUNT = 6;

/** A tensor of the exporter: base64 of little-endian 32-bit floats. */
interface ExportedTensor {
  readonly shape: readonly number[];
  readonly data: string;
}

/** Decodes a tensor of the exporter. */
export function decodeExported(tensor: ExportedTensor): Tensor {
  const bytes = Uint8Array.fromBase64(tensor.data);
  return { shape: tensor.shape, data: new Float32Array(bytes.buffer, 0, bytes.length / 4) };
}

/** Reads `gpt-nano-sort-model.json` of the folder `data/nanogpt-sort` as a folder of `config.json` and weights. */
export async function readNanogptSort(folder: string): Promise<ModelFiles> {
  const { config, ...exported } = JSON.parse(await Deno.readTextFile(`${folder}/gpt-nano-sort-model.json`));
  const json = {
    architectures: ["GPT2LMHeadModel"],
    n_layer: config.n_layer,
    n_head: config.n_head,
    n_embd: config.n_embd,
    vocab_size: config.vocab_size,
    n_positions: config.block_size,
    activation_function: "gelu_new",
    tie_word_embeddings: false,
  };
  const tensors = Object.entries(exported as Record<string, ExportedTensor>)
    .filter(([name]) => !name.endsWith(".attn.bias")) // the causal mask
    .map(([name, tensor]) => {
      const decoded = decodeExported(tensor);
      return [name, /\.c_\w+\.weight$/.test(name) ? transpose(decoded) : decoded] as const;
    });
  return memoryFiles({
    "config.json": new TextEncoder().encode(JSON.stringify(json)),
    "model.safetensors": encodeSafetensors(Object.fromEntries(tensors)),
  });
}

/** A fixed set of 100 different inputs, spread over all 3^6. */
export function sortingInputs(): number[][] {
  return Array.from({ length: 100 }, (_, i) => {
    const code = i * 299 % 3 ** SORTED_COUNT; // 299 and 729 are coprime, so no two are equal
    return Array.from({ length: SORTED_COUNT }, (_, digit) => Math.floor(code / 3 ** digit) % 3);
  });
}

function transpose({ shape, data }: Tensor): Tensor {
  const [rows, columns] = shape as readonly [number, number];
  const turned = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) turned[i] = data[i % rows * columns + Math.floor(i / rows)]!;
  return { shape: [columns, rows], data: turned };
}
