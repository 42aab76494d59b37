/**
 * The tensors of a checkpoint: what each is for, its name, its shape, and those that nobody reads.
 *
 * @module
 */

import { ModelError } from "../core/errors.ts";
import { architectureOf } from "./architectures.ts";
import type { ModelConfig, TensorSpec } from "./model_config.ts";
import type { Tensor } from "./safetensors.ts";
import type { TensorNames } from "./tensor_names.ts";
import type { WeightSource } from "./weights.ts";

/** What a tensor is for. */
export type TensorRole = keyof TensorNames | "dense" | "headNorm" | "head";

/** A weight or a bias of a checkpoint. */
export interface PlacedTensor extends TensorSpec {
  /** What it is for. */
  readonly role: TensorRole;
  /** Its block; null outside of blocks. */
  readonly layer: number | null;
  /** Whether it is the bias (or beta) beside a weight. */
  readonly isBias: boolean;
  /** Whether it belongs to the body, whose names may lack the prefix. */
  readonly inBody: boolean;
}

/** Names of the block's tensors. */
const BLOCK_ROLES = [
  "norm1",
  "queryNorm",
  "keyNorm",
  "qkv",
  "q",
  "k",
  "v",
  "out",
  "part1",
  "norm2",
  "gateUp",
  "gate",
  "up",
  "down",
  "part2",
] as const satisfies readonly TensorRole[];

/** Index by which a block's tensors are named: blocks of a group share theirs. */
export function blockIndex({ layers, layerGroups }: ModelConfig, layer: number): number {
  return layerGroups === 0 ? layer : Math.floor(layer * layerGroups / layers);
}

/** Lists the tensors that a checkpoint of that config holds, each by the name that the class writes. */
export function tensorsOf(config: ModelConfig): PlacedTensor[] {
  const { checkpoint: { prefix, tensors, head, order }, biases, head: { answer, outputs } } = config;
  const { hiddenWidth: C, embeddingWidth: E, ffnWidth: F, heads: H, kvHeads: K, headWidth: D, vocabCount: V } = config;
  const isBody = !Object.hasOwn(architectureOf(config.architecture).classes, config.architecture) ||
    architectureOf(config.architecture).classes[config.architecture] === "body";
  const specs: PlacedTensor[] = [], bodyPrefix = isBody ? "" : prefix;
  const add = (
    role: TensorRole,
    name: string | undefined,
    shape: readonly number[],
    options: { layer?: number | null; bias?: boolean; initial?: TensorSpec["initial"]; block?: string } = {},
  ): void => {
    if (name === undefined) return;
    const { layer = null, bias = false, initial = shape.length === 1 ? "one" : "normal", block = "" } = options;
    const inBody = block !== "" || name.startsWith("~") || role in tensors, bare = name.replace(/^~/, "");
    const whole = `${inBody ? bodyPrefix : ""}${block}${bare}`, place = { role, layer, inBody };
    const transposed = order === "inputs-outputs" && layer !== null && shape.length === 2;
    specs.push({
      ...place,
      name: `${whole}.weight`,
      shape: transposed ? shape.toReversed() : shape,
      initial,
      isBias: false,
    });
    if (bias) specs.push({ ...place, name: `${whole}.bias`, shape: [shape[0]!], initial: "zero", isBias: true });
  };
  const hasGain = config.gain !== "none", beta = hasGain && config.beta;
  const norm = (
    role: TensorRole,
    name: string | undefined,
    width: number,
    at: { layer?: number; block?: string } = {},
  ): void => {
    if (hasGain) add(role, name, [width], { ...at, bias: beta });
  };

  add("embed", tensors.embed, [V, E]);
  if (config.positions === "learned") {
    const width = config.embeddingNorm ? E : C;
    add("positions", tensors.positions, [config.maxPositions + config.positionOffset, width]);
  }
  if (config.typeCount > 0) add("types", tensors.types, [config.typeCount, E]);
  norm("embedNorm", tensors.embedNorm, E);
  if (E !== C) add("project", tensors.project, [C, E], { bias: config.embeddingNorm });
  if (config.scoreBias?.kind === "buckets") add("scoreBias", tensors.scoreBias, [config.scoreBias.buckets, H]);
  for (let layer = 0; layer < config.layers; layer++) {
    // Blocks of a group are listed once.
    if (layer > 0 && blockIndex(config, layer) === blockIndex(config, layer - 1)) continue;
    const block = tensors.block.replace("{}", String(blockIndex(config, layer))),
      own = (part: string) => biases.includes(part as never);
    const widths: Record<(typeof BLOCK_ROLES)[number], readonly [readonly number[], boolean, TensorSpec["initial"]?]> =
      {
        norm1: [[C], beta],
        norm2: [[C], beta],
        part1: [[C], beta],
        part2: [[C], beta],
        queryNorm: [[config.queryNorm === "all" ? H * D : D], false],
        keyNorm: [[config.queryNorm === "all" ? K * D : D], false],
        qkv: [[(H + 2 * K) * D, C], own("qkv")],
        q: [[H * D, C], own("qkv")],
        k: [[K * D, C], own("qkv")],
        v: [[K * D, C], own("qkv")],
        out: [[C, H * D], own("out"), "residual"],
        gateUp: [[2 * F, C], own("up")],
        gate: [[F, C], own("up")],
        up: [[F, C], own("up")],
        down: [[C, F], own("down"), "residual"],
      };
    for (const role of BLOCK_ROLES) {
      const [shape, bias, initial] = widths[role];
      if (shape.length === 1 && (!hasGain || role === "norm1" && layer === 0 && !config.firstNorm)) continue;
      add(role, tensors[role], shape, { layer, bias, block, ...(initial === undefined ? {} : { initial }) });
    }
  }
  if (config.finalNorm) norm("finalNorm", tensors.finalNorm, C);
  if (E !== C && answer === "tokens") add("unproject", tensors.unproject, [E, C]);
  add("dense", head.dense, [C, C], { bias: head.denseBias !== false });
  norm("headNorm", head.norm, C);
  if (!(answer === "tokens" && config.tiedEmbeddings)) {
    add("head", head.out, [outputs, answer === "tokens" ? E : C], { bias: biases.includes("head") });
  }
  return specs;
}

/** Reads checked tensors of a checkpoint by what they are for; names may lack the body's prefix, or be those of an older release. */
export class TensorReader {
  readonly #source: WeightSource;
  readonly #config: ModelConfig;
  readonly #placed: ReadonlyMap<string, PlacedTensor>;

  constructor(config: ModelConfig, source: WeightSource) {
    this.#config = config;
    this.#source = source;
    this.#placed = new Map(tensorsOf(config).map((tensor) => [placeOf(tensor), tensor]));
  }

  /** Whether the checkpoint has such a part. */
  has(role: TensorRole, layer: number | null = null, isBias = false): boolean {
    return this.#placed.has(placeOf({ role, layer: this.#block(layer), isBias }));
  }

  /** A weight, checked; throws a ModelError that names it. */
  async weight(role: TensorRole, layer: number | null = null): Promise<Tensor> {
    return await this.#read({ role, layer: this.#block(layer), isBias: false });
  }

  /** A bias, or null where there is none. */
  async bias(role: TensorRole, layer: number | null = null): Promise<Float32Array | null> {
    if (!this.has(role, layer, true)) return null;
    return (await this.#read({ role, layer: this.#block(layer), isBias: true })).data;
  }

  /**
   * Refuses tensors that nobody reads: each might change what the model computes.
   *
   * @throws {ModelError} If there is one; the message names it.
   */
  assertRead(): void {
    const read = new Set([...this.#placed.values()].map((tensor) => this.#nameOf(tensor)));
    const { unread = [], heads, tensors } = architectureOf(this.#config.architecture);
    const names = Object.values(heads).flatMap(({ dense, norm, out }) => [dense, norm, out]);
    const others = new Set(
      [...names, this.#config.tiedEmbeddings ? "lm_head" : undefined, tensors.unproject].map((name) =>
        name?.replace(/^~/, "")
      ),
    );
    for (const name of this.#source.names()) {
      if (read.has(name) || unread.some((pattern) => pattern.test(name))) continue;
      // Files may hold the heads of other classes of the family.
      if (others.has(name.replace(/\.(weight|bias)$/, "").replace(this.#config.checkpoint.prefix, ""))) continue;
      throw new ModelError(
        `Cannot fold model as every tensor of a ${this.#config.architecture} must be known: received ${name}, which would not be read`,
      );
    }
  }

  /** The block whose tensors a block has. */
  #block(layer: number | null): number | null {
    if (layer === null || this.#config.layerGroups === 0) return layer;
    const group = blockIndex(this.#config, layer);
    return Array.from({ length: layer + 1 }, (_, i) => i).find((i) => blockIndex(this.#config, i) === group)!;
  }

  #nameOf({ name, inBody, role }: PlacedTensor): string {
    const { prefix } = this.#config.checkpoint, bare = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    const names = inBody ? [name, prefix + bare, bare] : [name];
    if (role === "embed" && this.#config.checkpoint.prefix === "") names.push("encoder.embed_tokens.weight");
    const older = names.map((each) =>
      each.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta")
    );
    return [...names, ...older].find((candidate) => this.#source.has(candidate)) ?? name;
  }

  async #read(place: Pick<PlacedTensor, "role" | "layer" | "isBias">): Promise<Tensor> {
    const placed = this.#placed.get(placeOf(place));
    if (placed === undefined) {
      throw new ModelError(
        `Cannot fold ${place.role} as the model must have one: received ${this.#config.architecture}`,
      );
    }
    // A table of positions may have more rows than the configuration says.
    const free = place.role === "positions" || place.role === "types";
    return await readChecked(this.#source, this.#nameOf(placed), free ? [null, placed.shape[1]!] : placed.shape);
  }
}

function placeOf({ role, layer, isBias }: Pick<PlacedTensor, "role" | "layer" | "isBias">): string {
  return `${layer ?? ""}/${role}/${isBias}`;
}

/**
 * Reads a tensor and checks its shape and that its elements are finite.
 *
 * @throws {ModelError} If they are not; the message names the tensor.
 */
async function readChecked(source: WeightSource, name: string, shape: readonly (number | null)[]): Promise<Tensor> {
  const tensor = await source.tensor(name);
  if (
    tensor.shape.length !== shape.length || shape.some((length, i) => length !== null && length !== tensor.shape[i])
  ) {
    const wanted = shape.map((length) => length ?? "any").join(", ");
    throw new ModelError(
      `Cannot fold tensor ${name} as its shape must be (${wanted}): received (${tensor.shape.join(", ")})`,
    );
  }
  // The sum is finite exactly when every term is: 32-bit floats cannot overflow a double.
  let sum = 0;
  for (let i = 0; i < tensor.data.length; i++) sum += tensor.data[i]!;
  if (!Number.isFinite(sum)) {
    throw new ModelError(`Cannot fold tensor ${name} as its elements must be finite: received Infinity or NaN`);
  }
  return tensor;
}
