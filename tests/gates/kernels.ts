// Written by `deno task kernels`: every kernel of a gate, with its WGSL.

import type { GateKernel } from "../../core/kernel.ts";
import * as lookup from "./lookup/kernels.ts";
import lookup_finish_wgsl from "./lookup/lookup_finish.wgsl" with { type: "text" };
import lookup_values_wgsl from "./lookup/lookup_values.wgsl" with { type: "text" };

/** All kernels of gates. */
export const GATE_KERNELS: readonly GateKernel[] = [
  { kernel: lookup.FINISH, source: lookup_finish_wgsl },
  { kernel: lookup.VALUES, source: lookup_values_wgsl },
];
