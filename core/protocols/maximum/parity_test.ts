import { parity } from "../../../tests/parity.ts";
import { maximumLevel } from "./gate.ts";

parity(
  "maximum",
  40,
  (kit, round) => kit.gate((round % 2) as 0 | 1, maximumLevel, {}, kit.wire(kit.int(2, 20), kit.extent())),
);
