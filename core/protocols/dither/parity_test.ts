import { parity } from "../../../tests/parity.ts";
import { dither } from "./gate.ts";

parity("dither", 60, (kit, round) => {
  const inBits = kit.int(8, 64), by = kit.int(1, Math.min(32, inBits - 3)), extent = kit.extent();
  const params = { by, to: kit.int(1, 64), knownTo: round % 3 === 0 ? "party0" : "both" } as const;
  const z = round % 2 === 0 ? kit.share(inBits, extent) : kit.wire(inBits, extent);
  return kit.gate(kit.bit(), dither, params, z);
});
