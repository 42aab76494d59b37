import { assert, assertEquals, assertRejects } from "@std/assert";
import { ProtocolError } from "../core/errors.ts";
import { type Identity, openLink, PROTOCOL_VERSION } from "./handshake.ts";
import { Link } from "./link.ts";
import { memoryDuplexPair } from "./memory.ts";
import { LINK_KEY_BYTES, sealStream } from "./seal.ts";

const LINK_KEY = new Uint8Array(LINK_KEY_BYTES).fill(3);
const AGREED = { weightsId: "weights-a", planDigest: "plan-a", session: "session-a" };

async function openBoth(identity0: Identity, identity1: Identity): Promise<PromiseSettledResult<Link>[]> {
  const [a, b] = memoryDuplexPair();
  return await Promise.allSettled([
    openLink(a, { role: "listener", linkKey: LINK_KEY, identity: identity0 }),
    openLink(b, { role: "dialer", linkKey: LINK_KEY, identity: identity1 }),
  ]);
}

async function closeAll(results: PromiseSettledResult<Link>[]): Promise<void> {
  const links = results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
  for (const link of links) link.close();
  await Promise.all(links.map((link) => link.closed));
}

Deno.test("openLink() opens a link of parties that agree, whoever listens", async () => {
  for (const party of [0, 1] as const) {
    const other = party === 0 ? 1 : 0;
    const results = await openBoth({ party, ...AGREED }, { party: other, ...AGREED });
    assertEquals(results.map(({ status }) => status), ["fulfilled", "fulfilled"]);
    assertEquals(results.map((result) => result.status === "fulfilled" && result.value.party), [party, other]);
    await closeAll(results);
  }
});

Deno.test("openLink() names both sides' values of what differs, on both sides", async () => {
  for (const [field, word] of [["weightsId", "weights"], ["planDigest", "plan"], ["session", "session"]] as const) {
    const results = await openBoth({ party: 0, ...AGREED }, { party: 1, ...AGREED, [field]: "other-b" });
    for (const [i, result] of results.entries()) {
      assert(result.status === "rejected" && result.reason instanceof ProtocolError, `${field} ${i}`);
      const { message } = result.reason;
      for (const part of [`same ${word}`, AGREED[field], "other-b"]) assert(message.includes(part), message);
    }
  }
});

Deno.test("openLink() refuses the same party on both ends", async () => {
  const results = await openBoth({ party: 1, ...AGREED }, { party: 1, ...AGREED });
  for (const result of results) {
    assert(result.status === "rejected" && result.reason instanceof ProtocolError);
    assertEquals(result.reason.message.includes("party 1 must talk to party 0: received party 1"), true);
  }
});

Deno.test("openLink() refuses a peer of another version, or with another hello", async () => {
  const hello = { protocolVersion: PROTOCOL_VERSION, party: 1, ...AGREED };
  const cases: [Record<string, unknown> | null, string][] = [
    [{ ...hello, protocolVersion: 99 }, "same protocol version: received 99, expected 1"],
    [null, "received nothing, expected 1"],
    [{ ...hello, weightsId: ["weights-a"] }, "same weights"],
    [{ ...hello, party: "1" }, 'received party "1"'],
    [{ ...hello, session: "\u001b[2J" }, "\\u001b"],
  ];
  for (const [body, message] of cases) {
    const [a, b] = memoryDuplexPair();
    const opening = openLink(a, { role: "listener", linkKey: LINK_KEY, identity: { party: 0, ...AGREED } });
    const rejected = assertRejects(() => opening, ProtocolError, message);
    const { sealer, opener } = await sealStream(b, { role: "dialer", linkKey: LINK_KEY });
    const peer = new Link(b, { party: 1, sealer, opener });
    peer.sendControl("hello", body);
    await rejected;
    await peer.closed;
    assert(String(peer.signal.reason).includes("party 0 has ended it"));
  }
});

Deno.test("openLink() gives up on a peer that says nothing, before and after the seals", async () => {
  const [a, b] = memoryDuplexPair();
  const options = { linkKey: LINK_KEY, identity: { party: 0, ...AGREED }, handshakeMs: 5 } as const;
  await assertRejects(() => openLink(a, { role: "listener", ...options }), ProtocolError, "within 5 ms");
  b.close();

  const [c, d] = memoryDuplexPair();
  const opening = assertRejects(
    () => openLink(c, { role: "listener", ...options, handshakeMs: 300 }),
    ProtocolError,
    "within 300 ms",
  );
  await sealStream(d, { role: "dialer", linkKey: LINK_KEY });
  await opening;
});

Deno.test("openLink() reports a peer that leaves during the handshake", async () => {
  const [a, b] = memoryDuplexPair();
  const opening = assertRejects(
    () => openLink(a, { role: "listener", linkKey: LINK_KEY, identity: { party: 0, ...AGREED } }),
    ProtocolError,
    "end of the connection",
  );
  await sealStream(b, { role: "dialer", linkKey: LINK_KEY });
  b.close();
  await opening;
});
