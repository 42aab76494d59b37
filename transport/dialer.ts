/**
 * The client's way to a session: dials until the owner answers, and again when the connection is lost.
 *
 * @module
 */

import { hinted, KeyError, ProtocolError } from "../core/errors.ts";
import type { Answer, Hello } from "./admission.ts";
import { closeQuietly, type Duplex } from "./duplex.ts";
import {
  DEFAULT_HANDSHAKE_MS,
  greet,
  HANDSHAKE_BYTES,
  type OpenOptions,
  type Proved,
  UnansweredError,
} from "./handshake.ts";
import { Session } from "./session.ts";

/** How long to try to reach the other party. */
export interface ConnectOptions extends OpenOptions {
  /** Time for everything before the owner's answer; 60 s by default. */
  readonly deadlineMs?: number;
  /** Ends the attempts. */
  readonly signal?: AbortSignal;
  /** Called once if the other side hangs up without a word, and is tried again. */
  readonly onUnanswered?: (error: UnansweredError) => void;
}

/** Reaches a raw connection within a time, trying again while nobody listens there. */
export type Dial = (deadlineMs: number, signal: AbortSignal) => Promise<Duplex>;

/** Time of one attempt to resume, and the pause behind one that failed at once. */
const ATTEMPT_MS = 10_000, PAUSE_MS = 250;

/**
 * Dials, proves this client, and opens the session that the owner welcomes it to.
 *
 * @throws {ProtocolError} If nobody answers in time, it is not the owner, or the owner turns this client away.
 * @throws {KeyError} If the owner's keys are spent.
 */
export async function openSession(dial: Dial, options: ConnectOptions): Promise<Session> {
  const { deadlineMs = 60_000, signal = new AbortController().signal } = options, end = performance.now() + deadlineMs;
  let attempt = 0;
  const knock = async (hello: Omit<Hello, "attempt">, leftMs: number, signal: AbortSignal): Promise<Knocked> => {
    const begin = performance.now(), duplex = await dial(leftMs, signal), stop = (): void => closeQuietly(duplex);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    const restMs = Math.ceil(leftMs - (performance.now() - begin));
    const handshakeMs = Math.max(1, Math.min(options.handshakeMs ?? DEFAULT_HANDSHAKE_MS, restMs));
    try {
      return await greet(duplex, { ...options, handshakeMs }, { ...hello, attempt: ++attempt });
    } finally {
      signal.removeEventListener("abort", stop);
    }
  };
  const redial = async (session: Session, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      let knocked: Knocked | undefined;
      try {
        knocked = await knock({ kind: "resume", have: session.received }, ATTEMPT_MS, signal);
      } catch {
        // The network may be back, or the owner have noticed, at the next attempt.
      }
      if (knocked?.answer.kind === "resume" && !signal.aborted) {
        return session.attach(knocked, knocked.answer.value, HANDSHAKE_BYTES[1]);
      }
      if (knocked !== undefined) closeQuietly(knocked.duplex);
      if (knocked?.answer.kind === "gone") {
        throw new ProtocolError("The owner's word that it has ended the session");
      }
      await pause(PAUSE_MS, signal);
    }
  };
  for (let told = false;;) {
    const leftMs = Math.ceil(end - performance.now());
    try {
      const knocked = await knock({ kind: "new", have: 0 }, leftMs, signal), { answer } = knocked;
      if (answer.kind === "welcome") {
        const session = new Session({ ...options, party: 1, peer: knocked.peer, redial });
        session.attach(knocked, 0, HANDSHAKE_BYTES[1]);
        return session;
      }
      closeQuietly(knocked.duplex);
      refuse(answer, end - performance.now(), deadlineMs);
      await pause(answer.value, signal);
    } catch (error) {
      if (!(error instanceof UnansweredError) || end - performance.now() <= PAUSE_MS || signal.aborted) throw error;
      if (!told) options.onUnanswered?.(error);
      told = true;
      await pause(PAUSE_MS, signal);
    }
  }
}

type Knocked = Proved & { readonly answer: Answer };

/** Throws unless the answer is that the owner is busy and there is time to come again. */
function refuse({ kind, value }: Answer, leftMs: number, deadlineMs: number): void {
  if (kind === "gone") {
    const error = new KeyError("Cannot start session as the owner's keys must be unused: received that they are spent");
    throw hinted(error, "ask for new keys: both key folders of a dealing serve one session");
  }
  if (kind !== "busy") throw new ProtocolError(`Cannot start session as the owner must welcome it: received ${kind}`);
  if (value < leftMs) return;
  throw new ProtocolError(
    `Cannot start session as the owner must be free within ${deadlineMs} ms: received that it serves another client`,
  );
}

/** Waits, or returns when the signal aborts; leaves neither a timer nor a listener. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
