/**
 * Whom a party trusts, and how long it waits for the other one.
 *
 * @module
 */

import type { OpenOptions } from "../transport/handshake.ts";
import { type Clients, parsePublic, readClients, readIdentity, type Role } from "../transport/identity.ts";
import type { Flag, Options } from "./args.ts";
import { defaultLedger, type KeyFolder } from "./disk.ts";
import { type Ui, UsageError } from "./ui.ts";

/** Flags of both parties. */
export const TRUST_FLAGS: readonly Flag[] = [
  { name: "identity", value: "FILE", help: "your own, made by sluice identity", required: true },
  { name: "idle", value: "SECONDS", help: "silence after which a connection counts as lost (default 30)" },
  { name: "resume", value: "SECONDS", help: "how long a lost connection is waited for (default 120; 0: not at all)" },
  { name: "ledger", value: "FILE", help: "notes used keys (default ~/.local/state/sluice/ledger.db)" },
  { name: "keep", help: "do not delete the key stream when it is spent" },
];

/** Flags of party 0. */
export const CLIENT_FLAGS: readonly Flag[] = [
  { name: "client", value: "PUBLIC,…", help: "public lines of the clients that may ask" },
  { name: "clients", value: "FILE", help: "the same from a file: a public line and a name per line" },
];

/** Flag of the client. */
export const OWNER_FLAG: Flag = {
  name: "owner",
  value: "PUBLIC",
  help: "public line of the owner that is asked",
  required: true,
};

/** Path of the ledger. */
export function ledgerOf(options: Options): string {
  return options.text("ledger") ?? defaultLedger();
}

/** The clients that party 0 serves. */
export async function clientsOf(options: Options): Promise<Clients> {
  const list = options.text("client"), file = options.text("clients");
  if (list === undefined && file === undefined) {
    throw new UsageError("Cannot run party0 without the clients that may ask: give --client or --clients");
  }
  const clients = new Map(file === undefined ? [] : await readClients(file));
  for (const line of list?.split(",").map((item) => item.trim()) ?? []) {
    if (!clients.has(checked("client", line))) clients.set(line, "the client");
  }
  return clients;
}

/** The owner that a client asks. */
export function ownerOf(options: Options): Clients {
  return new Map([[checked("owner", options.required("owner").trim()), "the owner"]]);
}

function checked(role: Role, line: string): string {
  try {
    parsePublic(role, line);
    return line;
  } catch (error) {
    throw new UsageError(`Cannot use --${role}: ${(error as Error).message}`);
  }
}

/** What a party opens its sessions with. */
export async function openOptions(
  options: Options,
  { keys: { agreement }, linkKey }: KeyFolder,
  { role, peers, ui }: { readonly role: Role; readonly peers: Clients; readonly ui: Ui },
): Promise<OpenOptions> {
  const resumeMs = 1000 * options.count("resume", 120), other = role === "owner" ? "client" : "owner";
  return {
    identity: await readIdentity(options.required("identity"), role),
    peers,
    linkKey,
    agreement,
    resumeMs,
    idleMs: 1000 * options.count("idle", 30, 1),
    onSuspend: (reason) =>
      ui.note(
        reason === null
          ? `the ${other} is back: going on where the connection was lost`
          : `lost the connection: ${reason}; waiting up to ${resumeMs / 1000} s for the ${other}`,
      ),
  };
}
