import { parity } from "../../../tests/parity.ts";
import { multiply } from "./gate.ts";

for (const [least, most] of [[1, 32], [32, 32], [33, 64]] as const) {
  parity(`multiply, ${least} to ${most} bits`, 16, (kit, round) => {
    const n = round === 0 ? most : kit.int(least, most), extent = kit.extent(), broadcast = round % 2 === 0;
    const y = broadcast ? { rows: extent.rows, cols: extent.cols.map(() => 1) } : extent;
    return kit.gate(kit.bit(), multiply, { broadcast }, kit.operand(n, extent), kit.operand(n, y));
  });
}

parity("multiply by a narrow wire", 16, (kit, round) => {
  const n = kit.int(16, 32), fromBits = kit.int(4, n - 1), extent = kit.extent(), broadcast = round % 2 === 0;
  const y = broadcast ? { rows: extent.rows, cols: extent.cols.map(() => 1) } : extent, x = kit.operand(n, extent);
  const lift = { fromBits, top: kit.tensor(x.data.count, n - fromBits) };
  return kit.gate(kit.bit(), multiply, { broadcast }, { ...x, lift }, kit.operand(n, y));
});
