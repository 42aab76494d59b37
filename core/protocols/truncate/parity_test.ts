import { parity } from "../../../tests/parity.ts";
import { truncate } from "./gate.ts";

parity("truncate in rings of up to 32 bits", 60, (kit, round) => {
  const inBits = kit.int(8, 32), by = kit.int(1, inBits - 2), to = kit.int(1, 32), extent = kit.extent();
  const rounding = round % 2 === 0 ? "nearest" : "floor", knownTo = round % 5 === 0 ? "party0" : "both";
  const params = { by, to, rounding, knownTo, full: kit.bit() } as const;
  const z = round % 3 === 0 ? kit.share(inBits, extent) : kit.wire(inBits, extent);
  return kit.gate((round % 2) as 0 | 1, truncate, params, z);
});

parity("truncate above 32 bits", 80, (kit, round) => {
  const inBits = round % 4 === 0 ? kit.int(8, 32) : kit.int(33, 64), by = kit.int(1, Math.min(32, inBits - 2));
  const to = inBits <= 32 || round % 3 === 0 ? kit.int(33, 64) : kit.int(1, 64), extent = kit.extent();
  const params = { by, to, rounding: round % 2 === 0 ? "nearest" : "floor", knownTo: "both", full: kit.bit() } as const;
  const z = round % 5 === 0 ? kit.share(inBits, extent) : kit.wire(inBits, extent);
  return kit.gate((round % 2) as 0 | 1, truncate, params, z);
});
