/**
 * What the owner of a lot does with a client that has proved itself. Each party decides alone, and the decision is that of
 * its ledger: a lot that is claimed is never started again, and resumed by the one client whose session is in memory.
 *
 * | ledger  | session            | client says     | answer                                             |
 * | ------- | ------------------ | --------------- | -------------------------------------------------- |
 * | have    | none, or its own   | `new`           | `welcome`; a session of its own is replaced        |
 * | have    | none, or its own   | `resume`, has 0 | `resume` 0: its `requests` got lost; as the start  |
 * | have    | another client's   | either          | `busy`                                             |
 * | have    | none, or its own   | `resume`, has n | `gone` 0: it has what this side never sent         |
 * | claimed | its own, in memory | `resume`        | `resume` with the count of what is here            |
 * | claimed | otherwise          | either          | `gone` 1                                           |
 *
 * A hello whose attempt is not above the one of the session that is there is `busy`: a held-back one must not displace a
 * newer connection.
 */

import type { AnswerKind } from "./frame.ts";

/** What a client says in its proof. */
export interface Hello {
  /** Whether it begins or goes on. */
  readonly kind: "new" | "resume";
  /** Rises with every dial of the lot. */
  readonly attempt: number;
  /** Messages of the owner that the client has. */
  readonly have: number;
}

/** What the owner knows of its lot. */
export interface Standing {
  /** Whether the lot's keys were claimed; durable. */
  readonly claimed: boolean;
  /** The session in memory, if there is one. */
  readonly session: {
    readonly client: string;
    /** Attempt of its newest connection. */
    readonly attempt: number;
    /** Messages of the client that are here. */
    readonly received: number;
  } | null;
}

/** The owner's answer; value is a count, milliseconds of `busy`, or 1 where keys are spent. */
export interface Answer {
  readonly kind: AnswerKind;
  readonly value: number;
}

/** When a client that is told to come again may do so, in milliseconds. */
export const RETRY_MS = 500;

/** Decides; changes nothing. */
export function admit({ claimed, session }: Standing, client: string, hello: Hello): Answer {
  if (claimed && (session === null || session.client !== client || hello.kind === "new")) {
    return { kind: "gone", value: 1 };
  }
  if (session !== null && (session.client !== client || hello.attempt <= session.attempt)) {
    return { kind: "busy", value: RETRY_MS };
  }
  if (claimed) return { kind: "resume", value: session!.received };
  if (hello.kind === "new") return { kind: "welcome", value: 0 };
  return hello.have === 0 ? { kind: "resume", value: 0 } : { kind: "gone", value: 0 };
}
