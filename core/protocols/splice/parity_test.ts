import { parity } from "../../../tests/parity.ts";
import { splice } from "./gate.ts";

parity("splice", 48, (kit, round) => {
  const digits = [kit.int(2, 8), kit.int(2, 8), kit.int(1, 5)] as const, least = digits[0] + digits[1] + digits[2];
  const ringBits = round === 0 ? 32 : kit.int(Math.max(least, 20), 32);
  const inBits = round % 3 === 0 ? ringBits : kit.int(least, ringBits);
  const valueBits = round % 4 === 0 ? ringBits : kit.int(Math.min(19, ringBits - 1), ringBits - 1);
  const f = (["silu", "gelu", "tanh_plus_1"] as const)[round % 3]!, skip = kit.int(0, digits[0] - 1);
  const params = {
    function: f,
    digits,
    skip,
    valueBits,
    ringBits,
    knownTo: round % 5 === 0 ? "party0" : "both",
  } as const;
  return kit.gate(kit.bit(), splice, params, kit.wire(inBits, kit.extent(), 8));
});
