import { parity } from "../../../tests/parity.ts";
import { add, columns, distance, lastBlock, narrow, rotate, rowSum } from "./gate.ts";
import { shift } from "./kernels.ts";

for (const [least, most] of [[1, 32], [33, 64]] as const) {
  parity(`add, columns and shift, ${least} to ${most} bits`, 40, (kit) => {
    const { engine } = kit, extent = kit.extent(), bits = kit.int(least, most), x = kit.wire(bits, extent);
    const narrowest = Math.min(...extent.cols),
      from = kit.int(0, narrowest - 1),
      by = kit.int(0, Math.min(32, bits - 1));
    const unreduced = kit.ring(kit.int(1, 300), most);
    return [
      add.run({}, [x, kit.wire(bits, extent)], engine),
      columns.run({ from, to: kit.int(from + 1, narrowest) }, [x], engine),
      lastBlock.run({}, [x], engine),
      narrow.run({ bits: kit.int(1, bits) }, [x], engine),
      shift(engine, unreduced, { in_bits: bits, by, out_bits: kit.int(1, bits) }),
    ];
  });
}

parity("rotate, distance and sum", 20, (kit) => {
  const { engine } = kit,
    extent = kit.extent(),
    bits = kit.int(1, 32),
    heads = kit.int(1, 3),
    width = 2 * kit.int(1, 9);
  const tokens = kit.int(1, 4), angles = Int32Array.from(kit.words(tokens * width), (word) => word % 5000 - 2500);
  const turned = kit.wire(bits, { rows: tokens, cols: [heads * width] }),
    x = kit.wire(bits, extent, kit.int(0, bits - 1));
  const top = kit.wire(bits, { rows: extent.rows, cols: extent.cols.map(() => 1) });
  return [
    rotate.run({ angles, angleScale: 4, heads, width }, [turned], engine),
    distance.run({}, [top, x], engine),
    rowSum.run({}, [x], engine),
  ];
});
