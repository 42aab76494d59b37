import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { KeyRecord, RecordKind } from "../../core/protocols/key.ts";
import { archPlan } from "../../cmd/plan_flags.ts";
import { assignOwners, layoutBlock, type Place, type PlannedGate, recordAddress } from "./layout.ts";

const KINDS: readonly RecordKind[] = ["given", "given0", "free", "own1", "client", "common"];

/** Gates of a lane of two blocks, with records of any kind, width and count. */
const gates = fc.array(
  fc.array(
    fc.record({
      kind: fc.constantFrom(...KINDS),
      bits: fc.integer({ min: 0, max: 70 }),
      counts: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 2, maxLength: 2 }),
    }),
    { maxLength: 4 },
  ),
  { maxLength: 5 },
).map((lists) =>
  lists.map((records, gate): PlannedGate => ({
    path: `gate${gate}`,
    records: records.map(({ bits, ...record }, i) => ({ ...record, name: `r${i}`, fields: [{ name: "f", bits }] })),
  }))
);

function oneGate(...records: Omit<KeyRecord, "name">[]): PlannedGate[] {
  return [{ path: "gate", records: records.map((record, i) => ({ ...record, name: `r${i}` })) }];
}

Deno.test("layoutBlock() gives every half of every record a place of its own, without gaps", () => {
  fc.assert(
    fc.property(gates, fc.constantFrom(0, 1), (lane, block) => {
      const { records, explicitBytes, seedBytes } = layoutBlock(lane, block, assignOwners(lane));
      for (const party of [0, 1] as const) {
        const ends = { explicit: 0, seed: 0 };
        const halves = [...records.values()].flatMap(({ places, bytes, bits, count }): [Place, number][] => {
          assert(bytes % 4 === 0 && 8 * bytes >= bits * count && 8 * bytes < bits * count + 32);
          return places[party] === null ? [] : [[places[party], bytes]];
        });
        for (const [{ part, offset }, bytes] of halves) { // in the order of the gates
          assertEquals(offset, ends[part]);
          ends[part] += bytes;
        }
        assertEquals(ends, { explicit: explicitBytes[party], seed: seedBytes[party] });
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});

Deno.test("layoutBlock() takes no place for a record without elements in that block", () => {
  const field = { fields: [{ name: "f", bits: 5 }] };
  const some = { ...field, kind: "given0", counts: [3, 3] } as const,
    first = { ...field, kind: "free", counts: [2, 0] } as const;

  const lane = oneGate(first, some), layout = layoutBlock(lane, 1, assignOwners(lane));

  assertEquals([...layout.records.keys()], ["gate#r1"]);
  assertEquals(layout.explicitBytes, [4, 0]);
  assertEquals(layout.seedBytes, [0, 4]);
  const none = oneGate({ ...field, kind: "common", counts: [0] });
  assertEquals(layoutBlock(none, 0, assignOwners(none)).explicitBytes, [0, 0]);
});

Deno.test("layoutBlock() puts the halves where the record's kind says", () => {
  const where = (kind: RecordKind): (string | undefined)[] => {
    const lane = oneGate({ kind, fields: [{ name: "f", bits: 32 }], counts: [1] }),
      { places } = layoutBlock(lane, 0, assignOwners(lane)).records.get("gate#r0")!;
    return places.map((place) => place?.part);
  };

  assertEquals(Object.fromEntries(KINDS.map((kind) => [kind, where(kind)])), {
    given: ["explicit", "seed"],
    given0: ["explicit", "seed"],
    free: ["seed", "seed"],
    own1: [undefined, "seed"],
    client: [undefined, "explicit"],
    common: ["explicit", "explicit"],
  });
});

Deno.test("layoutBlock() throws when two gates share an address", () => {
  const lane = [...oneGate({ kind: "free", fields: [{ name: "f", bits: 8 }], counts: [1] })];

  assertThrows(() => layoutBlock([...lane, ...lane], 0, new Map()), Error, "share the address gate#r0");
});

Deno.test("assignOwners() leaves the two streams no further apart than one record", () => {
  fc.assert(
    fc.property(gates, (lane) => {
      const owners = assignOwners(lane), totals = [0, 0];
      let largest = 0;
      for (const { path, records } of lane) {
        for (const record of records.filter(({ kind }) => kind === "given")) {
          const bits = record.fields[0]!.bits * (record.counts[0]! + record.counts[1]!);
          totals[owners.get(recordAddress(path, record.name))!]! += bits;
          largest = Math.max(largest, bits);
        }
      }
      const fixed = lane.flatMap(({ records }) => records).some(({ kind }) => kind === "given0" || kind === "client");
      if (!fixed) assert(Math.abs(totals[0]! - totals[1]!) <= largest);
    }),
    { seed: 2, numRuns: 200 },
  );
});

Deno.test("assignOwners() balances the streams of a layer to one percent", () => {
  for (const arch of ["bert-tiny", "gpt2", "llama2-7b"]) {
    const [bytes0, bytes1] = archPlan(arch, { layers: 1, seq: 128 }).keyBytes;
    assert(Math.abs(bytes0 - bytes1) < bytes0 / 100, `${arch}: ${bytes0} and ${bytes1} bytes`);
  }
});
