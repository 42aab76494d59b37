/** A gate outside of the product runs under all interpreters and on every engine, and touches nothing but this folder and one written list. */

import { ReferenceEngine } from "../../../core/reference/engine.ts";
import type { Wire } from "../../../core/protocols/tensor.ts";
import { createWasmEngine } from "../../../cpu/mod.ts";
import { createGpuEngine } from "../../../gpu/mod.ts";
import { assertLaw, gate } from "../../law.ts";
import { isGpuMissing, parity } from "../../parity.ts";
import { assertTriangular, assertUniform } from "../../uniformity.ts";
import { one, tensor } from "../../uniformity_cases.ts";
import { SETTINGS } from "../../uniformity_workbench.ts";
import { GATE_KERNELS } from "../kernels.ts";
import { lookup } from "./gate.ts";

const TABLE = Uint32Array.from({ length: 32 }, (_, i) => i * i * i - 500);

const LAW = {
  inputs: [tensor(5, 0, { rows: 2, cols: [3, 1] }, [0, 1, 31, 7, 16, 5, 30, 2])],
  run: gate(lookup, { table: TABLE, ringBits: 20 }),
};

Deno.test("lookup obeys the law on the reference and the CPU engine", async () => {
  const wasm = await createWasmEngine(), reference = new ReferenceEngine();
  for (const engines of [[reference, reference], [wasm, reference], [reference, wasm]] as const) {
    await assertLaw({ ...LAW, engines });
  }
  wasm.close();
});

Deno.test("lookup obeys the law on a GPU that is given its kernels", { ignore: isGpuMissing }, async () => {
  const gpu = await createGpuEngine({ kernels: GATE_KERNELS });
  await assertLaw({ ...LAW, engines: [gpu, new ReferenceEngine()] });
  gpu.close();
});

Deno.test("lookup shows a party uniform values alone", () => {
  const small = { table: Uint32Array.of(1, 0, 3, 2), ringBits: 2 };
  const cases = [0, 3].map((x) => ({ inputs: [tensor(2, 0, one, [x])], run: gate(lookup, small) }));
  for (const setting of SETTINGS) {
    assertUniform(cases, setting);
    assertTriangular({ inputs: [tensor(5, 0, one, [9])], run: LAW.run }, setting);
  }
});

parity("lookup, an example of a gate", 20, (kit, round) => {
  const bits = kit.int(1, 8), params = { table: kit.words(2 ** bits), ringBits: round === 0 ? 32 : kit.int(1, 32) };
  return kit.gate(kit.bit(), lookup, params, kit.wire(bits, kit.extent()) as Wire<"masked">);
});
