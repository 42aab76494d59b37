import { parity } from "../../parity.ts";
import { lookup } from "./gate.ts";

parity("lookup, an example of a gate", 20, (kit, round) => {
  const bits = kit.int(1, 8), params = { table: kit.words(2 ** bits), ringBits: round === 0 ? 32 : kit.int(1, 32) };
  return kit.gate(kit.bit(), lookup, params, kit.wire(bits, kit.extent()));
});
