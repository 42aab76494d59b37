import { parity } from "../../../tests/parity.ts";
import { squares } from "./gate.ts";

parity("squares", 48, (kit, round) => {
  const n = round % 2 === 0 ? kit.int(8, 32) : kit.int(33, 64), least = n > 32 ? 33 : n + 1;
  const outBits = round === 0 ? 64 : kit.int(least, 64), operandBits = n > 32 ? n : kit.int(n, Math.min(32, outBits));
  return kit.gate(kit.bit(), squares, { outBits, operandBits }, kit.wire(n, kit.extent()));
});
