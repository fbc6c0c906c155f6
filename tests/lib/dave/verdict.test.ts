import { assertEquals } from "@std/assert";
import test from "node:test";
import type { MlsErrorCode } from "../../../lib/dave/mls/mod.ts";
import { judgeCommit, judgeWelcome } from "../../../lib/dave/verdict.ts";

test("judgeCommit() ignores commits of other groups and before we are in one", () => {
  for (const sawProposals of [true, false]) {
    assertEquals(judgeCommit("wrong-group", sawProposals), "ignored");
    assertEquals(judgeCommit("not-established", sawProposals), "ignored");
  }
});

test("judgeCommit() ignores commits where nothing was proposed, unless they are garbage", () => {
  const codes: MlsErrorCode[] = ["wrong-epoch", "unknown-proposal", "bad-signature", "bad-path"];
  for (const code of codes) {
    assertEquals([judgeCommit(code, false), judgeCommit(code, true)], ["ignored", "failed"]);
  }
  for (const code of ["malformed", "unsupported"] as const) {
    assertEquals([judgeCommit(code, false), judgeCommit(code, true)], ["failed", "failed"]);
  }
});

test("judgeWelcome() ignores a welcome only where we are in the group", () => {
  assertEquals(judgeWelcome("established"), "ignored");
  for (const code of ["not-invited", "malformed", "wrong-group", "bad-ciphertext"] as const) {
    assertEquals(judgeWelcome(code), "failed");
  }
});
