/**
 * Which key sets a machine has used, beside the marks in their folders: a folder that was copied or restored has no mark.
 *
 * Each party's own ledger guards that party. It is a SQLite file (WAL, every commit synced) of mode 0600; a key set has a
 * row per party, for one machine may be both.
 */

import { DatabaseSync } from "node:sqlite";
import type { Party } from "../core/channel.ts";
import { DiskError, hinted, KeyError } from "../core/errors.ts";
import { onDisk } from "./durable.ts";

/** Version of the table. */
const FORMAT = 1;
/** How long another process may hold the file. */
const BUSY_MS = 10_000;

/** An open ledger. */
export class Ledger {
  readonly #path: string;
  readonly #database: DatabaseSync;

  private constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
  }

  /**
   * Opens a ledger, and makes it and its folder where there is none.
   *
   * @throws {KeyError} If the file is no ledger, or one of another version.
   */
  static async open(path: string): Promise<Ledger> {
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    await onDisk("write", path, async () => {
      if (folder !== "") await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
      // Made here for its mode, which the files beside it take over.
      (await Deno.open(path, { write: true, create: true, mode: 0o600 })).close();
    });
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path);
      database.exec(`pragma busy_timeout = ${BUSY_MS}; pragma journal_mode = wal; pragma synchronous = full`);
      const { user_version: version } = database.prepare("pragma user_version").get() as { user_version: number };
      if (version !== 0 && version !== FORMAT) {
        throw hinted(
          new KeyError(`Cannot use ledger ${path} as it must have format ${FORMAT}: received format ${version}`),
          "use the sluice that wrote it, or give --ledger another file",
        );
      }
      database.exec(
        "create table if not exists used (session text, party integer, primary key (session, party)) " +
          `strict, without rowid; pragma user_version = ${FORMAT}`,
      );
      return new Ledger(path, database);
    } catch (error) {
      database?.close();
      throw isNoDatabase(error) ? damaged(path, error) : diskErrorOf(path, error);
    }
  }

  /** Whether a party's half of a key set is used. */
  has(session: string, party: Party): boolean {
    return this.#database.prepare("select 1 from used where session = ? and party = ?").get(session, party) !==
      undefined;
  }

  /**
   * Notes that a party uses its half of a key set; durable when it resolves. If anything fails, nothing is noted.
   *
   * @param mark Marks the folder too. It runs when the row is written and before it counts.
   * @param unmark Takes the mark back where the row could not be made durable.
   * @throws {KeyError} If it is used already.
   */
  async claim(session: string, party: Party, mark: () => Promise<void>, unmark: () => Promise<void>): Promise<void> {
    let marked = false;
    try {
      this.#database.exec("begin immediate");
      if (this.has(session, party)) throw usedError(this.#path, session);
      this.#database.prepare("insert into used values (?, ?)").run(session, party);
      await mark();
      marked = true;
      this.#database.exec("commit");
    } catch (error) {
      if (marked) await unmark();
      try {
        this.#database.exec("rollback");
      } catch {
        // A commit that failed may have ended the transaction itself.
      }
      throw diskErrorOf(this.#path, error);
    }
  }

  /** Closes the file. */
  close(): void {
    this.#database.close();
  }
}

/** What a party whose keys a ledger knows is told. */
export function usedError(path: string, session: string): KeyError {
  return new KeyError(
    `Cannot use keys of session ${session} as a key set must be unused: received one that the ledger ${path} has; ` +
      "deal new keys",
  );
}

/** SQLITE_NOTADB and SQLITE_CORRUPT, of which not every call gives the number. */
function isNoDatabase(error: unknown): boolean {
  return error instanceof Error && /^file is not a database|malformed/.test(error.message);
}

/** SQLite's own words for a disk that does not take what it is given. */
function diskErrorOf(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || (error as { code?: string }).code !== "ERR_SQLITE_ERROR") return error;
  const message = `Cannot write ${path} as the disk must allow it: received ${error.message}`;
  return hinted(new DiskError(message, { cause: error }), "make room there, or give --ledger another file");
}

function damaged(path: string, cause: unknown): KeyError {
  return hinted(
    new KeyError(`Cannot use ledger ${path} as it must be a file that sluice wrote: received another`, { cause }),
    "give --ledger another file; what this one knew is then forgotten, so deal new keys",
  );
}
