import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { ProtocolError } from "../core/errors.ts";
import { credentials } from "../tests/credentials.ts";
import { MAX_GREETED } from "./accept.ts";
import type { StrangerError } from "./handshake.ts";
import type { Session } from "./session.ts";
import { type Address, connect, formatAddress, listen, parseAddress } from "./tcp.ts";

const LOOPBACK: Address = { hostname: "127.0.0.1", port: 0 };
const LANE = { request: 0, step: 0, stage: 1 };

async function openPair(): Promise<[Session, Session]> {
  const listener = listen(LOOPBACK, credentials(0));
  const links = await Promise.all([listener.accept(), connect(listener.address, credentials(1))]);
  listener.close();
  for (const link of links) link.begin();
  return links;
}

/** Strangers in the order in which they were turned away. */
function collected(): { add: (error: StrangerError) => void; next: () => Promise<StrangerError>; count: () => number } {
  const errors: StrangerError[] = [];
  let hear = (): void => {}, taken = 0;
  return {
    add: (error) => {
      errors.push(error);
      hear();
    },
    next: async () => {
      while (errors.length <= taken) await new Promise<void>((resolve) => hear = resolve);
      return errors[taken++]!;
    },
    count: () => errors.length,
  };
}

function freePort(): number {
  const listener = Deno.listen(LOOPBACK);
  listener.close();
  return listener.addr.port;
}

Deno.test("parseAddress() reads names, IPv4 and bracketed IPv6, and formatAddress() writes them", () => {
  const cases: [string, Address][] = [
    ["localhost:80", { hostname: "localhost", port: 80 }],
    ["10.0.0.1:0", { hostname: "10.0.0.1", port: 0 }],
    ["[::1]:65535", { hostname: "::1", port: 65535 }],
    ["[fe80::1%eth0]:7000", { hostname: "fe80::1%eth0", port: 7000 }],
  ];
  for (const [text, address] of cases) {
    assertEquals(parseAddress(text), address);
    assertEquals(formatAddress(address), text);
  }
});

Deno.test("parseAddress() refuses everything else", () => {
  const texts = ["", "host", "host:", ":80", "host:65536", "host:-1", "host:8a", "::1:80", "[::1]", "[]:80", "a b:80"];
  for (const text of texts) assertThrows(() => parseAddress(text), RangeError, "host:port");
});

Deno.test("listen() and connect() carry exchanges and an orderly end over a socket", async () => {
  const [link0, link1] = await openPair();
  const large = new Uint8Array(9 * 2 ** 20).map((_, i) => i * 31 + (i >> 9));
  for (const [exchange, bytes] of [1, 64, 512, 100_000, large.length].entries()) {
    const payload = large.subarray(0, bytes);
    for (const link of [link0, link1]) link.post(LANE, exchange, [payload]);
    for (const link of [link0, link1]) {
      const message = await link.take(LANE, exchange, bytes);
      assert(message.every((byte, i) => byte === payload[i]), `exchange ${exchange}`);
    }
  }
  link0.post(LANE, 99, [large]);
  link0.close();
  assertEquals((await link1.take(LANE, 99, large.length)).length, large.length);
  link1.close();
  await Promise.all([link0.closed, link1.closed]);
  assertEquals([link0.signal.aborted, link1.signal.aborted], [false, false]);
});

Deno.test("connect() finds a party that starts later", async () => {
  const port = freePort();
  const dialing = connect({ hostname: "127.0.0.1", port }, credentials(1));
  // The first attempt has been refused by the time an unrelated exchange is through.
  const [link0, link1] = await openPair();
  const listener = listen({ hostname: "127.0.0.1", port }, credentials(0));
  assertEquals(listener.address.port, port);
  const links = [link0, link1, ...await Promise.all([listener.accept(), dialing])];
  listener.close();
  for (const link of links) link.close();
  await Promise.all(links.map((link) => link.closed));
});

Deno.test("connect() gives up at the deadline or the signal and names the address", async () => {
  const address = { hostname: "127.0.0.1", port: freePort() };
  const error = await assertRejects(
    () => connect(address, { ...credentials(1), deadlineMs: 30 }),
    ProtocolError,
    "within 30 ms",
  );
  assert(error.message.includes(formatAddress(address)), error.message);
  const controller = new AbortController();
  const stopped = connect(address, { ...credentials(1), signal: controller.signal });
  controller.abort();
  await assertRejects(() => stopped, ProtocolError, "Cannot connect");
  const early = connect(address, { ...credentials(1), signal: AbortSignal.abort() });
  await assertRejects(() => early, ProtocolError, "no attempt");
});

Deno.test("listen() reports a port in use", () => {
  const listener = listen(LOOPBACK, credentials(0));
  assertThrows(
    () => listen(listener.address, credentials(0)),
    ProtocolError,
    `${listener.address.port} as the port must`,
  );
  listener.close();
  listener.close();
});

Deno.test("accept() rejects when its port is closed", async () => {
  const listener = listen(LOOPBACK, credentials(0));
  const accepting = listener.accept();
  listener.close();
  await assertRejects(() => accepting, ProtocolError, "received a closed port");
});

Deno.test("accept() waits on after a client with another link key, and after the session of one that it let in", async () => {
  const strangers = collected(), other = new Uint8Array(32).fill(9);
  const listener = listen(LOOPBACK, { ...credentials(0), onStranger: strangers.add });
  for (let session = 0; session < 2; session++) {
    const accepting = listener.accept();
    await assertRejects(
      () => connect(listener.address, { ...credentials(1), linkKey: other }),
      ProtocolError,
      "must accept this client",
    );
    assertMatch((await strangers.next()).message, /the same link key/);
    const links = await Promise.all([accepting, connect(listener.address, credentials(1))]);
    for (const link of links) link.close();
    await Promise.all(links.map((link) => link.closed));
  }
  const accepting = listener.accept();
  listener.close();
  await assertRejects(() => accepting, ProtocolError, "received a closed port");
  await assertRejects(() => Deno.connect(listener.address), Deno.errors.ConnectionRefused);
});

Deno.test("accept() turns strangers away, silent ones too, and opens the link of the peer behind them", async () => {
  const strangers = collected(),
    listener = listen(LOOPBACK, { ...credentials(0), proofMs: 300, onStranger: strangers.add });
  const accepting = listener.accept();
  (await Deno.connect(listener.address)).close();
  await strangers.next();
  const browser = await Deno.connect(listener.address);
  await browser.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  assertMatch((await strangers.next()).message, /another greeting/);
  const silent = await Deno.connect(listener.address);
  const expired = await strangers.next();
  assertMatch(expired.message, /answer within 300 ms/);

  // Twice as many silent ones as are greeted at once: the oldest make room, one after the other.
  const many = await Promise.all(Array.from({ length: 2 * MAX_GREETED }, () => Deno.connect(listener.address)));
  const links = await Promise.all([accepting, connect(listener.address, credentials(1))]);
  listener.close();
  for (const link of links) link.close();
  await Promise.all(links.map((link) => link.closed));
  for (const connection of [browser, silent, ...many]) connection.close();
});

Deno.test("accept() does not let a silent stranger keep the peer waiting, and lets go of it with the port", async () => {
  const listener = listen(LOOPBACK, { ...credentials(0), proofMs: 2 ** 30 });
  const silent = await Deno.connect(listener.address),
    links = await Promise.all([listener.accept(), connect(listener.address, credentials(1))]);
  listener.close();
  assertEquals(await silent.read(new Uint8Array(100)), null);
  silent.close();
  for (const link of links) link.close();
  await Promise.all(links.map((link) => link.closed));
});

Deno.test("abort() over a socket rejects every take of the peer with what happened", async () => {
  const [link0, link1] = await openPair();
  const takes = Array.from({ length: 20 }, (_, stage) => link1.take({ ...LANE, stage }, 0, 8));
  link0.abort("gate", "Cannot run gate");
  for (const take of takes) {
    await assertRejects(() => Promise.resolve(take), ProtocolError, "received gate: Cannot run gate");
  }
  await Promise.all([link0.closed, link1.closed]);
});
