import { assertEquals } from "@std/assert";
import { admit, type Answer, type Hello, RETRY_MS, type Standing } from "./admission.ts";

const BUSY: Answer = { kind: "busy", value: RETRY_MS };

Deno.test("admit() decides by ledger, session and hello as its table says", () => {
  const mine = { client: "ada", attempt: 3, received: 7 }, other = { ...mine, client: "bob" };
  const hello = (kind: Hello["kind"], attempt = 4, have = 0): Hello => ({ kind, attempt, have });
  const cases: [string, Standing, Hello, Answer][] = [
    ["begins", { claimed: false, session: null }, hello("new"), { kind: "welcome", value: 0 }],
    ["begins again", { claimed: false, session: mine }, hello("new"), { kind: "welcome", value: 0 }],
    ["first message lost", { claimed: false, session: null }, hello("resume"), { kind: "resume", value: 0 }],
    ["first message lost, same process", { claimed: false, session: mine }, hello("resume"), {
      kind: "resume",
      value: 0,
    }],
    ["owner was restored", { claimed: false, session: null }, hello("resume", 4, 2), { kind: "gone", value: 0 }],
    ["another client waits", { claimed: false, session: other }, hello("new"), BUSY],
    ["another client waits, resume", { claimed: false, session: other }, hello("resume"), BUSY],
    ["resumes", { claimed: true, session: mine }, hello("resume", 4, 2), { kind: "resume", value: 7 }],
    ["begins a claimed lot", { claimed: true, session: mine }, hello("new"), { kind: "gone", value: 1 }],
    ["another client, claimed lot", { claimed: true, session: other }, hello("resume"), { kind: "gone", value: 1 }],
    ["owner was restarted", { claimed: true, session: null }, hello("resume"), { kind: "gone", value: 1 }],
    ["owner was restarted, new", { claimed: true, session: null }, hello("new"), { kind: "gone", value: 1 }],
    ["held back", { claimed: true, session: mine }, hello("resume", 3), BUSY],
    ["held back, unclaimed", { claimed: false, session: mine }, hello("new", 2), BUSY],
  ];
  for (const [name, standing, said, answer] of cases) assertEquals(admit(standing, "ada", said), answer, name);
});
