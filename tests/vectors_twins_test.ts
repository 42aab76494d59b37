/** A second implementation, written from SPEC, that reads nothing but the vectors; in one test it speaks to ours. */

import { assertEquals } from "@std/assert";
import { readFully, writeFully } from "../transport/duplex.ts";
import { HANDSHAKE_BYTES, receive } from "../transport/handshake.ts";
import { memoryDuplexPair } from "../transport/memory.ts";
import { credentials } from "./credentials.ts";
import { encode } from "./reference/cbor.ts";
import { chacha8Block } from "./reference/chacha8.ts";
import { chooseChunks, equal, follow, less, lookup, symbols, wholeHalf } from "./reference/flat_dpf.ts";
import { nonceOf, Party, stream, toBits, toInteger } from "./reference/party.ts";
import { readBits, reduce, signed } from "./reference/ring.ts";
import {
  ClientHandshake,
  lotOf,
  openFrame,
  publicLine,
  publicOf,
  sealChunk,
  sealFrame,
  sessionSecret,
} from "./reference/link.ts";
import { type Splice, SpliceTwin } from "./reference/splice.ts";
import { truncateFinish, truncateSymbols, type Truncation } from "./reference/truncate.ts";
import flatVectors from "./vectors/flat_dpf.json" with { type: "json" };
import frameVectors from "./vectors/frames.json" with { type: "json" };
import permutedVectors from "./vectors/permuted_selection.json" with { type: "json" };
import type { CaseVector, OpeningVector } from "./vectors/gate_vectors.ts";
import handshakeVectors from "./vectors/handshake.json" with { type: "json" };
import chunkVectors from "./vectors/key_chunks.json" with { type: "json" };
import streamVectors from "./vectors/streams.json" with { type: "json" };

/** The cases of a gate. */
function casesOf(gate: string): readonly CaseVector[] {
  const { cases } = JSON.parse(Deno.readTextFileSync(`${import.meta.dirname}/vectors/gates/${gate}.json`));
  return cases;
}

/** Bits of hexadecimal bytes. */
function bitsOf(hex: string, count: number): number[] {
  return toBits(readBits(Uint8Array.fromHex(hex), 0, count), count);
}

Deno.test("a second implementation has the addresses and streams of the vectors", () => {
  for (const { purpose, stage, request, position, nonce } of streamVectors.addresses) {
    assertEquals(nonceOf(purpose, stage, request, position).toHex(), nonce);
  }
  for (const { seed, nonce, from, bytes } of streamVectors.streams) {
    const [key, address] = [Uint8Array.fromHex(seed), Uint8Array.fromHex(nonce)], length = bytes.length / 2;
    const made = from === 0 ? stream(key, address, length) : chacha8Block(key, address, from / 64).slice(0, length);
    assertEquals(made.toHex(), bytes);
  }
});

Deno.test("a second implementation shares what the flat DPFs of the vectors share", () => {
  for (const { k, alpha, seedHalf, explicitHalf, table, signedTable, points } of flatVectors.cases) {
    const halves = [seedHalf, explicitHalf].map((hex, i) => wholeHalf(bitsOf(hex, 2 ** k - 1), i === 1));
    for (const point of points) {
      const { u } = point, difference = (u - alpha + 2 ** k) % 2 ** k, sign = halves[0]![alpha] === 1 ? 1 : -1;
      assertEquals(halves.map((half) => equal(half, u)), point.equal);
      assertEquals(halves.map((half) => less(half, u)), point.less);
      assertEquals(halves.map((half) => lookup(half, u, table) % 2 ** 32), point.lookup);
      assertEquals(point.equal[0]! ^ point.equal[1]!, u === alpha ? 1 : 0);
      assertEquals(point.less[0]! ^ point.less[1]!, u < alpha ? 1 : 0);
      const shared = (sums: readonly number[]): bigint =>
        reduce(BigInt(sign) * (BigInt(sums[0]!) - BigInt(sums[1]!)), 32);
      assertEquals(shared(point.lookup), BigInt(table[difference]!));
      assertEquals(shared(point.signedLookup), BigInt(signedTable[(u - alpha + 2 ** (k + 1)) % 2 ** (k + 1)]!));
    }
  }
});

Deno.test("a second implementation compares as the vectors of permuted selection", () => {
  for (const { chunks, alpha, seedHalf, explicitHalf, masks, points } of permutedVectors.cases) {
    const count = 2 ** chunks.length - 1;
    for (const { u, shares, opened, path, bit, mask } of points) {
      const made = [seedHalf, explicitHalf].map((hex, i) => symbols(bitsOf(hex, 4 * hex.length), chunks, i === 1, u));
      assertEquals(made.map((bits) => Number(toInteger(bits))), shares);
      assertEquals(shares[0]! ^ shares[1]! ^ masks[0]! ^ masks[1]!, opened);
      assertEquals(follow(toBits(BigInt(opened), count), chunks.length), { path, bit });
      assertEquals(bit ^ mask, u < alpha ? 1 : 0);
    }
  }
  for (const { bits, perPath, chunks } of permutedVectors.chosen) assertEquals(chooseChunks(bits, perPath), chunks);
});

/** Packed ring elements. */
function unpack(hex: string, bits: number, count: number): bigint[] {
  return Array.from({ length: count }, (_, e) => readBits(Uint8Array.fromHex(hex), bits * e, bits));
}

Deno.test("a second implementation truncates as the vectors do", () => {
  for (const test of casesOf("truncate")) {
    const { inputs: [input], exchanges, result } = test,
      letters = test.letters as Omit<Truncation, "share"> & { share: number };
    const p: Truncation = { ...letters, share: letters.share === 1 }, { m, f, a } = p, count = input!.values.length;
    const parties = ([0, 1] as const).map((party) => new Party(party, test));
    for (const { party, seedPart } of parties.map((party) => ({ party: party.party, seedPart: party.seedPart(0) }))) {
      assertEquals(seedPart.toHex(), test.blocks[0]!.seedPart[party]);
    }
    // What each party has of ẑ: of a share, as many bits as it received.
    const [symbolsOpened, resultOpened] = exchanges.slice(p.share ? 1 : 0).map((openings) => openings[0]!);
    const masked = parties.map(({ party }) => {
      if (!p.share) return input!.masked!.map(BigInt);
      const { bits, sent } = exchanges[0]![0]!, width = bits[party]!, theirs = unpack(sent[1 - party]!, width, count);
      return input!.shares![party]!.map((own, e) => reduce(BigInt(own) + theirs[e]!, width));
    });
    for (let e = 0; e < count; e++) {
      const words = parties.map((party) => truncateSymbols(p, party, e, masked[party.party]![e]!));
      const sentWords = [0, 1].map((party) =>
        unpack(symbolsOpened!.sent[party]!, symbolsOpened!.bits[1 - party]!, count)[e]!
      );
      assertEquals(words, sentWords, `${test.name}: symbols of element ${e}`);
      const shares = parties.map((party) =>
        truncateFinish(p, party, e, masked[party.party]![e]!, words[0]! ^ words[1]!)
      );
      assertEquals(shares[1], unpack(resultOpened!.sent[1]!, m, count)[e], `${test.name}: element ${e}`);
      const y = signed(shares[0]! + shares[1]! - BigInt(result.mask[e]!), m);
      assertEquals(y, BigInt(result.values[e]!));
      assertEquals(y, (BigInt(input!.values[e]!) + BigInt(a)) >> BigInt(f));
    }
  }
});

Deno.test("a second implementation makes the frames of the vectors", () => {
  for (const { head, length, plain } of frameVectors.frames) {
    const bytes = Uint8Array.fromHex(plain), encoded = encode(head), size = encoded.length;
    assertEquals([...bytes.subarray(0, 4 + size)], [size % 256, size >> 8, 0, 0, ...encoded]);
    assertEquals(length, bytes.length + 16);
  }
});

Deno.test("a second implementation makes the client's handshake and the frames of the vectors", async () => {
  const { secrets, publicLines, linkKey, agreement, messages, frameKeys, frames } = handshakeVectors;
  const owner = await publicOf(Uint8Array.fromHex(secrets.owner)), { client } = secrets;
  assertEquals(publicLine("owner", owner), publicLines.owner);
  assertEquals(publicLine("client", await publicOf(Uint8Array.fromHex(client))), publicLines.client);
  const psk = await sessionSecret(Uint8Array.fromHex(linkKey), agreement, [publicLines.owner, publicLines.client]);
  assertEquals(psk.toHex(), handshakeVectors.psk);
  const clientEphemeral = Uint8Array.fromHex(secrets.clientEphemeral);
  const twin = new ClientHandshake({ client: Uint8Array.fromHex(client), clientEphemeral });
  assertEquals((await twin.greet(owner, lotOf(agreement.session))).toHex(), messages[0]);
  await twin.take(Uint8Array.fromHex(messages[1]!));
  assertEquals((await twin.prove(psk, Uint8Array.fromHex(handshakeVectors.hello))).toHex(), messages[2]);
  assertEquals((await twin.keys()).map((key) => key.toHex()), [frameKeys.client, frameKeys.owner]);
  for (const { role, index, plain, sealed } of frames) {
    const key = Uint8Array.fromHex(frameKeys[role as "owner" | "client"]);
    assertEquals(sealFrame(key, index, Uint8Array.fromHex(plain)).toHex(), sealed);
    assertEquals(openFrame(key, index, Uint8Array.fromHex(sealed)).toHex(), plain);
  }
});

Deno.test("a second implementation makes a link with ours", async () => {
  const [ours, theirs] = memoryDuplexPair(), secret = new Uint8Array(32).fill(5), client = await publicOf(secret);
  const peers = new Map([[publicLine("client", client), "twin"]]), options = { ...credentials(0), peers };
  const proving = receive(ours, options), owner = options.identity.keys.publicKey;
  const twin = new ClientHandshake({ client: secret, clientEphemeral: new Uint8Array(32).fill(6) });
  await writeFully(theirs, await twin.greet(owner, lotOf(options.agreement.session)));
  const reply = new Uint8Array(HANDSHAKE_BYTES[0]);
  await readFully(theirs, reply);
  await twin.take(reply);
  const names = [options.identity.publicLine, publicLine("client", client)] as const;
  const psk = await sessionSecret(options.linkKey, { ...options.agreement }, names);
  await writeFully(theirs, await twin.prove(psk, Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0, 0)));

  const proved = await proving, [key, ownerKey] = await twin.keys(), sealed = new Uint8Array(19);
  assertEquals(proved.hello, { kind: "new", attempt: 1, have: 0 });
  assertEquals(proved.opener.open(sealFrame(key, 0, Uint8Array.of(4))), Uint8Array.of(4));
  sealed.set(proved.sealer!.seal(Uint8Array.of(3, 0, 0, 0, 1, 2, 3)).subarray(4));
  assertEquals(openFrame(ownerKey, 0, sealed), Uint8Array.of(1, 2, 3));
});

Deno.test("a second implementation seals the chunks of the vectors", async () => {
  const linkKey = Uint8Array.fromHex(chunkVectors.linkKey), header = Uint8Array.fromHex(chunkVectors.header);
  for (const { party, streamBytes, index, plain, sealed, tag } of chunkVectors.chunks) {
    const bytes = plain === "zeros" ? new Uint8Array(2 ** 20) : Uint8Array.fromHex(plain);
    const last = streamBytes <= (index + 1) * 2 ** 20;
    const made = (await sealChunk({ linkKey, header, party }, { index, last, plain: bytes })).toHex();
    assertEquals(tag === undefined ? made : made.slice(-32), tag ?? sealed);
  }
});

Deno.test("a second implementation applies activation functions as the vectors do", () => {
  for (const test of casesOf("splice")) {
    const { function: name, digits } = test.gates[0]!.params as { function: string; digits: [number, number, number] };
    const { inputs: [input], exchanges: [[symbols, values], [bits], [last]], result } = test as typeof test & {
      exchanges: readonly [readonly [OpeningVector, OpeningVector], readonly [OpeningVector], readonly [OpeningVector]];
    };
    const letters = test.letters as Omit<Splice, "table" | "scale">, { m, d } = letters, count = input!.values.length;
    const p: Splice = { ...letters, scale: input!.scale, table: bumps(name, digits, input!.scale) };
    const parties = ([0, 1] as const).map((party) => new Party(party, test));
    for (let e = 0; e < count; e++) {
      const x = BigInt(input!.masked![e]!),
        twins = parties.map((party) => new SpliceTwin(p, party, e)),
        what = `${test.name}: element ${e}`;
      const first = twins.map((twin) => twin.first(x));
      assertEquals(
        first.map(({ symbols }) => toInteger(symbols)),
        symbols.sent.map((hex) => unpack(hex, 8, count)[e]!),
        what,
      );
      const sent = values.sent.map((hex) => unpack(hex, d, 2 * count).slice(2 * e, 2 * e + 2));
      assertEquals(first.map(({ values }) => values), sent, what);
      const opened = first[0]!.symbols.map((bit, i) => bit ^ first[1]!.symbols[i]!);
      const shares = twins.map((twin) => twin.bits(opened));
      assertEquals(shares.map(toInteger), bits.sent.map((hex) => unpack(hex, 3, count)[e]!), what);
      const looked = sent[0]!.map((value, b) => reduce(value + sent[1]![b]!, d));
      const ends = twins.map((twin) => twin.finish(x, looked, shares[0]!.map((bit, i) => bit ^ shares[1]![i]!)));
      assertEquals(ends[1], unpack(last.sent[1]!, m, count)[e], what);
      assertEquals(signed(ends[0]! + ends[1]! - BigInt(result.mask[e]!), m), BigInt(result.values[e]!), what);
    }
  }
});

/** The table of a page: the mean of asymptote − function at both ends of every step, both end entries 0. */
function bumps(name: string, [low, index]: readonly [number, number, number], scale: number): number[] {
  const far = (x: number, positive: boolean): number => positive ? (name === "tanh_plus_1" ? 2 : x) : 0;
  const value = (x: number): number => {
    if (name === "silu") return x / (1 + Math.exp(-x));
    if (name === "tanh_plus_1") return Math.tanh(x) + 1;
    // GELU by erf: the integral of the normal density, by Simpson's rule.
    const steps = 2000,
      width = x / steps,
      density = (t: number): number => Math.exp(-t * t / 2) / Math.sqrt(2 * Math.PI);
    let area = density(0) + density(x);
    for (let i = 1; i < steps; i++) area += (i % 2 === 1 ? 4 : 2) * density(i * width);
    return x * (0.5 + area * width / 3);
  };
  return Array.from({ length: 2 ** index }, (_, i) => {
    if (i === 0 || i === 2 ** index - 1) return 0;
    const ends = [i, i + 1].map((end) => (end - 2 ** (index - 1)) * 2 ** (low - scale)),
      positive = i >= 2 ** (index - 1);
    return Math.round(ends.reduce((sum, x) => sum + far(x, positive) - value(x), 0) / 2 * 2 ** scale);
  });
}
