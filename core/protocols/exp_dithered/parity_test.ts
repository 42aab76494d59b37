import { parity } from "../../../tests/parity.ts";
import { expDithered } from "./gate.ts";

parity("dithered exp", 40, (kit, round) => {
  const skip = kit.int(0, 5),
    digits = [kit.int(1, 8), kit.int(1, 9)] as const,
    ringBits = round === 0 ? 32 : kit.int(14, 32);
  const t = kit.wire(skip + digits[0] + digits[1] + kit.int(0, 4), kit.extent());
  return kit.gate((round % 2) as 0 | 1, expDithered, { skip, digits, tableScale: 6, ringBits }, t);
});
