import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ProtocolError } from "../core/errors.ts";
import { Transcript } from "./transcript.ts";

Deno.test("Transcript keeps what is not acknowledged, in order, and forgets the rest", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(null), fc.nat({ max: 5 })), { maxLength: 40 }), (steps) => {
      const transcript = new Transcript<number>();
      let sent = 0, acknowledged = 0;
      for (const step of steps) {
        if (step === null) transcript.produce(++sent);
        else {
          const count = Math.min(sent, acknowledged + step);
          const forgotten = transcript.acknowledge(count);
          assertEquals([...forgotten], Array.from({ length: count - acknowledged }, (_, i) => acknowledged + 1 + i));
          acknowledged = count;
        }
        assertEquals([...transcript.kept], Array.from({ length: sent - acknowledged }, (_, i) => acknowledged + 1 + i));
        assertEquals([transcript.sent, transcript.acknowledged], [sent, acknowledged]);
      }
    }),
    { seed: 5, numRuns: 200 },
  );
});

Deno.test("Transcript refuses a count below an earlier one, and one of messages that were never sent", () => {
  const transcript = new Transcript<string>();
  for (const message of ["a", "b", "c"]) transcript.produce(message);
  transcript.acknowledge(2);
  for (const count of [0, 1, 4]) {
    assertThrows(() => transcript.acknowledge(count), ProtocolError, `must be 2 to 3: received ${count}`);
  }
  assertEquals([...transcript.kept], ["c"]);
});
