import { assertEquals } from "@std/assert";
import test from "node:test";
import { Outbox } from "../../lib/outbox.ts";

test("Outbox.poll() gives all outputs once, in order", () => {
  const outbox = new Outbox();
  assertEquals(outbox.poll(), undefined);
  outbox.push({ type: "closeUdp", id: 1 });
  outbox.event({ type: "resumed" });
  outbox.message("sent", "udp", "Keepalive");
  outbox.malformed("why");
  const message = {
    type: "message",
    direction: "sent",
    channel: "udp",
    name: "Keepalive",
  } as const;
  assertEquals(outbox.poll(), { type: "closeUdp", id: 1 });
  assertEquals(outbox.poll(), { type: "event", event: { type: "resumed" } });
  assertEquals(outbox.poll(), { type: "event", event: message });
  assertEquals(outbox.poll(), { type: "event", event: { type: "malformed", reason: "why" } });
  assertEquals(outbox.poll(), undefined);
});
