/**
 * A gate outside of the product runs under all interpreters and on every engine, and touches nothing but this folder
 * and one written list.
 */

import { ReferenceEngine } from "../../../core/reference/engine.ts";
import { createWasmEngine } from "../../../cpu/mod.ts";
import { createGpuEngine } from "../../../gpu/mod.ts";
import { planned, tensor, testLaw, testRefusals } from "../../gate_cases.ts";
import { assertLaw, gate } from "../../law.ts";
import { isGpuMissing } from "../../parity.ts";
import { GATE_KERNELS } from "../kernels.ts";
import { lookup } from "./gate.ts";

const params = { table: Uint32Array.from({ length: 32 }, (_, i) => i * i * i - 500), ringBits: 20 };
const LAW = {
  inputs: [tensor(5, 0, { rows: 2, cols: [3, 1] }, [0, 1, 31, 7, 16, 5, 30, 2])],
  run: gate(lookup, params),
};

testLaw("lookup", { "a cubic": LAW });

testRefusals("lookup", [
  () => lookup.plan(params, [planned(6)]),
  () => lookup.plan(params, [planned(5, "party0")]),
  () => lookup.plan({ ...params, ringBits: 33 }, [planned(5)]),
], [() => lookup.plan(params, [planned(5)])]);

Deno.test("lookup obeys the law on the CPU engine", async () => {
  const wasm = await createWasmEngine(), reference = new ReferenceEngine();
  for (const engines of [[wasm, reference], [reference, wasm]] as const) await assertLaw({ ...LAW, engines });
  wasm.close();
});

Deno.test("lookup obeys the law on a GPU that is given its kernels", { ignore: isGpuMissing }, async () => {
  const gpu = await createGpuEngine({ kernels: GATE_KERNELS });
  await assertLaw({ ...LAW, engines: [gpu, new ReferenceEngine()] });
  gpu.close();
});
