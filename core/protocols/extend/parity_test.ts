import { parity } from "../../../tests/parity.ts";
import { extend } from "./gate.ts";
import { addWrap, widen } from "./kernels.ts";

/** Rings at the edges of one and of two words. */
const EDGES = [2, 31, 32, 33, 63, 64], PAIRS = EDGES.flatMap((from) => EDGES.map((to) => [from, to] as const));
const EXTENSIONS = PAIRS.filter(([from, to]) => from < to);

parity("extend", 60, (kit, round) => {
  const drawn = kit.int(2, 63), [from, to] = EXTENSIONS[round] ?? [drawn, kit.int(drawn + 1, 64)];
  return kit.gate((round % 2) as 0 | 1, extend, { to, knownTo: "both" }, kit.wire(from, kit.extent()));
});

parity("extend of what is not reduced, with and without the bits above", 80, (kit, round) => {
  const drawn = kit.int(2, 63),
    [from, to] = EXTENSIONS[round] ?? [drawn, kit.int(drawn + 1, 64)],
    count = kit.int(1, 150);
  const x = kit.ring(count, from > 32 ? 64 : 32), params = { in_bits: from, out_bits: to };
  const top = kit.ring(count, to - from);
  return [widen(kit.engine, { x, top }, params), widen(kit.engine, { x, top: null }, params)];
});

parity("add_wrap of what is not reduced", 100, (kit, round) => {
  const [in_bits, out_bits] = PAIRS[round] ?? [kit.int(2, 64), kit.int(1, 64)], count = kit.int(1, 150);
  const params = { in_bits, shift: kit.int(0, out_bits - 1), subtracts: round % 2, out_bits };
  const a = kit.ring(count, out_bits), x = kit.ring(count, in_bits > 32 ? 64 : 32);
  return [Math.min(out_bits, 32), out_bits].flatMap((bits) => {
    const c = kit.ring(count, bits);
    return [addWrap(kit.engine, { a, x, c }, params), addWrap(kit.engine, { a, x, c }, { ...params, shift: 0 })];
  });
});
