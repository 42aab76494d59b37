/**
 * SIGMA's figures at 128 tokens, transformer blocks alone: key bytes of both parties, bytes sent per party, exchanges.
 * Measured from its released binary (GPU-MPC at f24bf3e) or, for GPT-Neo 2.7B and Llama2, computed by formulas that
 * reproduce those measurements to the byte.
 *
 * @module
 */

/** SIGMA's cost of one forward pass. */
export interface SigmaCost {
  readonly keyBytes: readonly [number, number];
  readonly sentBytes: readonly [number, number];
  readonly exchanges: number;
}

const GIB = 2 ** 30;

/** By shape: layers, key bytes of one party, bytes that one party sends, exchanges. */
const SIGMA: Readonly<
  Record<string, readonly [layers: number, keyBytes: number, sentBytes: number, exchanges: number]>
> = {
  "bert-tiny": [2, 350_064_640, 21_675_034 / 2, 208],
  "bert-base": [12, 18_075_947_008, 1_062_390_674 / 2, 1248],
  "bert-large": [24, 48_799_535_104, 2_832_800_546 / 2, 2496],
  "gpt2": [12, 15_346_094_080, 885_146_258 / 2, 1248],
  "gpt-neo-1.3b": [24, 81_805_541_376, 4_325_592_866 / 2, 2496],
  "gpt-neo-2.7b": [32, Math.round(130.722 * GIB), Math.round(3.357 * GIB), 3328],
  "llama2-7b": [32, Math.round(255.414 * GIB), Math.round(6.0356 * GIB), 3648],
  "llama2-13b": [40, Math.round(419.012 * GIB), Math.round(9.4513 * GIB), 4560],
};

/** SIGMA's cost of a named shape, or null where it has no figure. */
export function sigmaCost(arch: string, layers: number, seq: number): SigmaCost | null {
  const [ownLayers, keyBytes, sentBytes, exchanges] = SIGMA[arch] ?? [];
  if (keyBytes === undefined || ownLayers !== layers || seq !== 128) return null;
  return { keyBytes: [keyBytes, keyBytes], sentBytes: [sentBytes!, sentBytes!], exchanges: exchanges! };
}
