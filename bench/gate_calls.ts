/**
 * The kernels of the gates as they are called for about as many elements as told, to be timed one by one.
 *
 * @module
 */

import type { Engine } from "../core/engine.ts";
import type { Kernel, KernelCall } from "../core/kernel.ts";
import { exp } from "../core/protocols/exp/gate.ts";
import { expDithered } from "../core/protocols/exp_dithered/gate.ts";
import { maximumLevel } from "../core/protocols/maximum/gate.ts";
import { rowFunction } from "../core/protocols/row_function/gate.ts";
import { splice } from "../core/protocols/splice/gate.ts";
import { squares } from "../core/protocols/squares/gate.ts";
import { truncate } from "../core/protocols/truncate/gate.ts";
import { callsOf } from "../tests/parity.ts";

/** Every gate once, with the sizes of a small model, on random keys. */
export function gateCalls(
  engine: Engine,
  count: number,
): Promise<{ readonly kernel: Kernel; readonly call: KernelCall }[]> {
  return callsOf(engine, async (kit) => {
    const extent = { rows: Math.max(1, count >> 7), cols: [128] }, rows = { rows: Math.max(1, count >> 8), cols: [1] };
    await kit.gate(
      0,
      truncate,
      { by: 12, to: 32, rounding: "nearest", full: 0, knownTo: "both" },
      kit.wire(32, extent),
    );
    await kit.gate(0, maximumLevel, {}, kit.wire(10, extent));
    await kit.gate(0, exp, { digits: [7, 7, 6], tableScale: 12, ringBits: 32 }, kit.wire(20, extent));
    await kit.gate(0, expDithered, { skip: 0, digits: [6, 8], tableScale: 12, ringBits: 32 }, kit.wire(14, extent));
    const splicing = { digits: [5, 8, 7], skip: 0, valueBits: 16, ringBits: 32, knownTo: "party0" } as const;
    await kit.gate(0, splice, { function: "gelu", ...splicing }, kit.wire(24, extent, 10));
    await kit.gate(0, squares, { outBits: 48, operandBits: 32 }, kit.wire(32, extent));
    const root = { function: "rsqrt", scale: 12, ringBits: 32, lo: 15, hi: 39, mantissaBits: 7, octaves: 4 } as const;
    await kit.gate(0, rowFunction, { ...root, divisor: 128, offset: 0.1 }, kit.wire(48, rows, 12));
  });
}
