import { parity } from "../../../tests/parity.ts";
import { rowFunction } from "./gate.ts";

parity("row functions", 40, (kit, round) => {
  const q = kit.int(20, 64),
    octaves = kit.int(2, 4),
    mantissaBits = kit.int(1, 8 - octaves),
    lo = mantissaBits + kit.int(1, 3);
  // The last group's index ends within the ring, and a group drops at most 32 bits.
  const most = Math.min(8, Math.floor((q - 1 - lo) / octaves), Math.floor((32 + mantissaBits - lo) / octaves) + 1);
  const hi = lo + octaves * (round % 5 === 0 ? 1 : kit.int(1, most)), ringBits = round === 0 ? 32 : kit.int(16, 32);
  const f = round % 2 === 0 ? "rsqrt" : "reciprocal", extent = { rows: kit.int(1, 5), cols: [1, 1] };
  const params = { function: f, scale: 10, ringBits, lo, hi, mantissaBits, octaves, divisor: 4, offset: 0.1 } as const;
  return kit.gate(kit.bit(), rowFunction, params, kit.wire(q, extent, 8));
});
