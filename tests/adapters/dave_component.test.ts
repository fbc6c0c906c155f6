import { assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import test from "node:test";
import { showDave } from "../../adapters/dave_component.ts";
import { pairwiseFingerprint, verificationCode } from "../../lib/dave/codes.ts";
import { LocalProtocolError } from "../../lib/errors.ts";
import { Call, description } from "../lib/dave/call.ts";

test("showDave shows a call at one moment: before it, encrypted, without encryption, after it", () => {
  const call = new Call(51);
  const before = showDave(call.caller(9).session);
  const [alice, bob] = call.gather(2);
  const { verificationCode: _, ...shown } = showDave(alice.session);
  const { privacyCode, identities } = bob.session;
  const counters = { ignored: {}, recoveries: 0 };
  assertEquals(shown, {
    state: "established",
    protocolVersion: 1,
    epoch: 1,
    ready: true,
    privacyCode,
    identities,
    counters,
  });
  assertEquals(identities.map(({ userId }) => userId).sort(), [alice.userId, bob.userId]);
  alice.handle(description(0), call.now);
  const plain = showDave(alice.session);
  assertEquals([plain.state, plain.protocolVersion, plain.ready], ["off", 0, true]);
  alice.session.close();
  const after = showDave(alice.session);
  assertEquals([before.state, after.state], ["idle", "closed"]);
  for (const { ready, epoch, privacyCode, identities } of [before, after]) {
    assertEquals([ready, epoch, privacyCode, identities], [false, undefined, undefined, []]);
  }
  // What was shown is as it was.
  assertEquals(shown.privacyCode, privacyCode);
});

test("verificationCode is that of both identities, computed by the runtime", async () => {
  const call = new Call(52);
  const [alice, bob, carol] = call.gather(3);
  const code = await showDave(alice.session).verificationCode(bob.userId);
  assertMatch(code, /^\d{45}$/);
  assertEquals(await showDave(bob.session).verificationCode(alice.userId), code);
  const [ofAlice, ofBob] = [alice, bob].map(({ userId }) =>
    carol.session.identities.find((identity) => identity.userId === userId)!
  );
  assertEquals(verificationCode(pairwiseFingerprint(ofAlice, ofBob)), code);
  assertNotEquals(await showDave(alice.session).verificationCode(carol.userId), code);
});

test("verificationCode is refused for oneself, strangers, and where there is no group", async () => {
  const call = new Call(53);
  const [alice, bob] = call.gather(2);
  const dave = showDave(alice.session);
  for (const userId of [alice.userId, "999", "", "nobody"]) {
    await assertRejects(
      () => dave.verificationCode(userId),
      LocalProtocolError,
      "Cannot verify a user: want another member of the group",
    );
  }
  alice.session.close();
  await assertRejects(() => dave.verificationCode(bob.userId), LocalProtocolError);
});
