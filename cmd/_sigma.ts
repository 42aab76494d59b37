/**
 * SIGMA's figures at 128 tokens, transformer blocks alone: key bytes of both parties, bytes sent per party, exchanges. Measured from its released binary (GPU-MPC at
 * f24bf3e) or, for Llama2, computed by formulas that reproduce those measurements to the byte.
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

const SIGMA: Readonly<
  Record<
    string,
    { readonly layers: number; readonly keyBytes: number; readonly sentBytes: number; readonly exchanges: number }
  >
> = {
  "llama2-7b": {
    layers: 32,
    keyBytes: Math.round(255.414 * GIB),
    sentBytes: Math.round(6.0356 * GIB),
    exchanges: 3648,
  },
  "llama2-13b": {
    layers: 40,
    keyBytes: Math.round(419.012 * GIB),
    sentBytes: Math.round(9.4513 * GIB),
    exchanges: 4560,
  },
};

/** SIGMA's cost of a named shape, or null where it has no figure. */
export function sigmaCost(arch: string, layers: number, seq: number): SigmaCost | null {
  const cost = SIGMA[arch];
  if (cost === undefined || cost.layers !== layers || seq !== 128) return null;
  return {
    keyBytes: [cost.keyBytes, cost.keyBytes],
    sentBytes: [cost.sentBytes, cost.sentBytes],
    exchanges: cost.exchanges,
  };
}
