import { parity } from "../../../tests/parity.ts";
import { exp } from "./gate.ts";

parity("exp", 40, (kit, round) => {
  const digits = [kit.int(1, 8), kit.int(1, 8), kit.int(1, 8)] as const, ringBits = round === 0 ? 32 : kit.int(14, 32);
  const t = kit.wire(digits[0] + digits[1] + digits[2], kit.extent());
  return kit.gate((round % 2) as 0 | 1, exp, { digits, tableScale: 6, ringBits }, t);
});
