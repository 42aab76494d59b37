import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { ProtocolError } from "../core/errors.ts";
import { credentials } from "../tests/credentials.ts";
import { createSharedStream, otherSide, SharedDuplex } from "./shared_ring.ts";
import { SocketThread } from "./socket_thread.ts";
import { connect, listen } from "./tcp.ts";

const ENTRY = new URL("./socket_worker.ts", import.meta.url);
const local = { hostname: "127.0.0.1", port: 0 };

Deno.test("SharedDuplex carries bytes around the end of a ring, waits for room, and ends after what was written", async () => {
  const stream = createSharedStream(8), near = new SharedDuplex(stream), far = new SharedDuplex(otherSide(stream));
  const sent = Uint8Array.from({ length: 1000 }, (_, i) => i), got: number[] = [];
  const writing = (async () => {
    for (let rest = sent; rest.length > 0;) rest = rest.subarray(await near.write(rest.subarray(0, 5)));
    near.close();
  })();
  const buffer = new Uint8Array(3);
  for (let count = await far.read(buffer); count !== null; count = await far.read(buffer)) {
    got.push(...buffer.subarray(0, count));
  }
  await writing;
  assertEquals(got, [...sent]);
  assertThrows(() => far.write(sent), Deno.errors.BrokenPipe);
});

Deno.test("SharedDuplex reads what the other side wrote just before it closed, between two looks at the ring", async () => {
  const stream = createSharedStream(8), near = new SharedDuplex(stream), far = new SharedDuplex(otherSide(stream));
  const load = Atomics.load, closedAt = 2, into = new Uint8Array(8);
  let last = true;
  // The reader finds nothing, then the other side writes and closes, then the reader looks whether it has.
  Atomics.load = ((array: Int32Array, index: number) => {
    if (index === closedAt && last) {
      last = false;
      void near.write(Uint8Array.of(7, 8, 9));
      near.close();
    }
    return load(array, index);
  }) as typeof Atomics.load;
  try {
    assertEquals([await far.read(into), await far.read(into)], [3, null]);
  } finally {
    Atomics.load = load;
  }
  assertEquals([...into.subarray(0, 3)], [7, 8, 9]);
});

Deno.test("createSharedStream() refuses a ring whose size is no power of two", () => {
  let message = "";
  try {
    createSharedStream(12);
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals(message, "Cannot create a shared stream as its rings must be a power of two of bytes: received 12");
});

for (
  const [name, threads] of [["listener", [true, false]], ["dialer", [false, true]], ["both sides", [
    true,
    true,
  ]]] as const
) {
  Deno.test(`SocketThread carries a link (${name} on a thread)`, async () => {
    const [first, second] = threads.map((threaded) => threaded ? new SocketThread(ENTRY) : null);
    const listener = first === null ? listen(local, credentials(0)) : await first!.listen(local, credentials(0));
    const options = credentials(1);
    const [server, client] = await Promise.all([
      listener.accept(),
      second === null ? connect(listener.address, options) : second!.connect(listener.address, options),
    ]);
    listener.close();
    for (const session of [server, client]) session.begin();
    const lane = { request: 0, step: 0, stage: 1 }, big = new Uint8Array(20_000_000).fill(3);
    server.post(lane, 0, [Uint8Array.of(1, 2)]);
    client.post(lane, 0, [big]);
    assertEquals(await client.take(lane, 0, 2), Uint8Array.of(1, 2));
    assertEquals((await server.take(lane, 0, big.length)).length, big.length);
    server.close();
    client.close();
    await Promise.all([server.closed, client.closed]);
    first?.close();
    second?.close();
  });
}

Deno.test("SocketThread turns strangers away, waits on for the peer, and closes its port when told", async () => {
  const thread = new SocketThread(ENTRY), turnedAway = Promise.withResolvers<string>();
  const onStranger = ({ message }: Error): void => turnedAway.resolve(message);
  const listener = await thread.listen(local, { ...credentials(0), onStranger }), accepting = listener.accept();
  const silent = await Deno.connect(listener.address), browser = await Deno.connect(listener.address);
  await browser.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  assertMatch(await turnedAway.promise, /another greeting/);
  const links = await Promise.all([accepting, connect(listener.address, credentials(1))]);
  const next = listener.accept();
  listener.close();
  await assertRejects(() => next, ProtocolError, "received a closed port");
  await assertRejects(() => Deno.connect(listener.address), Deno.errors.ConnectionRefused);
  for (const link of links) link.close();
  await Promise.all(links.map((link) => link.closed));
  silent.close();
  browser.close();
  thread.close();
});

Deno.test("SocketThread says what keeps it from connecting", async () => {
  const thread = new SocketThread(ENTRY),
    port = Deno.listen({ hostname: "127.0.0.1", port: 0 }),
    { port: free } = port.addr as Deno.NetAddr;
  port.close();
  const options = { ...credentials(1), deadlineMs: 50 };
  await assertRejects(
    () => thread.connect({ hostname: "127.0.0.1", port: free }, options),
    ProtocolError,
    "must listen there within 50 ms",
  );
  thread.close();
});
