/**
 * The public numbers of a model and the names of its tensors, as types.
 *
 * @module
 */

/** A group of architectures whose checkpoints have the same tensors. */
export type Family = "llama" | "gpt2" | "gpt-neo" | "bert";

/**
 * The public numbers of a model, as its `config.json` states them.
 *
 * Shape letters: T tokens, C `hiddenWidth`, H `heads`, D `headWidth`, F `ffnWidth`, V `vocabCount`. Nothing here is
 * secret: both parties and the dealer know the architecture.
 */
export interface ModelConfig {
  /** Hugging Face class name, a key of the architecture registry. */
  readonly architecture: string;
  /** Whose checkpoints it has, and so how they fold. */
  readonly family: Family;
  /**
   * What a norm computes: `rms` is `x * rsqrt(mean(x^2) + epsilon) * gamma`; `layer` subtracts the mean first and adds
   * beta. After folding both are `x * rsqrt(mean(x^2) + epsilon)`.
   */
  readonly norm: "rms" | "layer";
  /** `pre`: a norm reads the residual stream before each part of a block; `post`: it follows each sum, and its output is the stream. */
  readonly normPlacement: "pre" | "post";
  /** `rotary` turns queries and keys; `learned` adds a row per position to the embedding. */
  readonly positions: "rotary" | "learned";
  /** Whether a token sees only itself and what came before it. */
  readonly causal: boolean;
  /** Per block, how many of the last tokens one sees, itself included; null where it sees all of them. */
  readonly windows: readonly (number | null)[];
  /** The feed-forward block's non-linearity: `gelu` is x Phi(x) by erf, `gelu_tanh` its approximation by tanh. */
  readonly activation: "silu" | "gelu" | "gelu_tanh";
  /** Whether the non-linearity's output is multiplied with a second projection. */
  readonly gated: boolean;
  /**
   * What the model gives: logits of the next token; logits of a text's class, from its first token's pooled state; that
   * pooled state, a tanh; or every token's hidden state.
   */
  readonly head: "tokens" | "classes" | "pooled" | "hidden";
  /** Count of classes; 0 unless `head` is `classes`. */
  readonly classCount: number;
  /** Names of the classes, in order; empty unless `head` is `classes`. */
  readonly labels: readonly string[];
  /** Count of transformer blocks, L. */
  readonly layers: number;
  /** Width of the residual stream, C. */
  readonly hiddenWidth: number;
  /** Count of query heads, H. */
  readonly heads: number;
  /** Count of key and value heads; divides `heads`. */
  readonly kvHeads: number;
  /** Width of one head, D; even where positions are rotary, because they turn pairs. */
  readonly headWidth: number;
  /** Hidden width of the feed-forward block, F. */
  readonly ffnWidth: number;
  /** Count of token ids, V. */
  readonly vocabCount: number;
  /** Largest count of positions the model was made for. */
  readonly maxPositions: number;
  /** The epsilon of `x * rsqrt(mean(x^2) + epsilon)`. */
  readonly normEps: number;
  /** Base of the rotary angles: position t turns pair i by `t * ropeTheta^(-2i/D)`; 0 where positions are learned. */
  readonly ropeTheta: number;
  /** Whether the output head is the transposed embedding. */
  readonly tiedEmbeddings: boolean;
  /** Token that begins a text, if the model has one. */
  readonly bosTokenId?: number;
  /** First of the tokens that end a text, if the model has any. */
  readonly eosTokenId?: number;
  /** Token that fills a text up where its length is hidden; bidirectional models have one. */
  readonly padTokenId?: number;
  /** All tokens that end a text. */
  readonly stopTokenIds: readonly number[];
}

/** One tensor of a checkpoint. */
export interface TensorSpec {
  /** Its Hugging Face name, with the prefix of the class that holds it. */
  readonly name: string;
  /** Lengths as the checkpoint stores them, outermost first. */
  readonly shape: readonly number[];
  /**
   * How the authors initialise it: `normal` is N(0, 0.02^2); `residual`, for a matrix that writes the residual stream, is
   * N(0, (0.02 / sqrt(2 L))^2); `one` is a norm's gamma; `zero` a bias or a norm's beta.
   */
  readonly initial: "normal" | "residual" | "one" | "zero";
}
