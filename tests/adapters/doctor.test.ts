import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { nativeAead, nodeAes256gcm } from "../../adapters/native_aead.ts";
import { checkClock } from "../../adapters/doctor/clock.ts";
import { runCheck } from "../../adapters/doctor/finding.ts";
import { KNOWN_PACKETS } from "../../adapters/doctor/known_packets.ts";
import { checkModes } from "../../adapters/doctor/modes.ts";
import { type Check, diagnose, type Diagnosis } from "../../adapters/doctor/mod.ts";
import { checkCrypto } from "../../adapters/doctor/self_test.ts";
import { parseTarget } from "../../adapters/doctor/target.ts";
import { startVoiceServer } from "../../adapters/testing/mod.ts";
import { currentRuntime, runArguments, runtimePath } from "../../examples/demo/runtimes.ts";
import type { Aead, AeadFactory } from "../../lib/aead.ts";
import { nobleCiphers, pureCiphers } from "../../lib/secretbox.ts";
import { ALL_ENCRYPTION_MODES } from "../../lib/packet.ts";
import { type Ending, startChild } from "../tools/child.ts";
import { startTcpProxy } from "../tools/tcp_proxy.ts";
import { startTlsFront } from "../tools/tls_front.ts";
import { loadVectors, type TransportVectors } from "../tools/vectors.ts";
import { until, within } from "../tools/waiting.ts";
import { closedPort, deafPort, silentUdp, talkingServer, webServer } from "./doctor_world.ts";
import { transport } from "./fixtures.ts";

const LIMIT = 30_000;
const CLI = fileURLToPath(new URL("../../adapters/doctor/cli.ts", import.meta.url));
const PROGRAM = fileURLToPath(new URL("./doctor_program.ts", import.meta.url));
const TOKEN = "a0b1c2d3e4f5a6b7";
const NETWORK = ["tcp", "tls", "websocket", "wall clock", "udp"];

function find({ checks }: Diagnosis, name: string): Check {
  const check = checks.find((candidate) => candidate.name === name);
  assert(check !== undefined, `no check ${name}`);
  return check;
}

/** The status of each network check, one letter each. */
function network(diagnosis: Diagnosis): string {
  return NETWORK.map((name) => find(diagnosis, name).status[0]).join("");
}

function failure(diagnosis: Diagnosis, name: string): string {
  const { status, detail, advice } = find(diagnosis, name);
  assertEquals([status, diagnosis.ok], ["failed", false]);
  assert(advice !== undefined && advice.length > 20, "no advice");
  return detail;
}

test(
  "diagnose() without a URL finds all well against a server of its own, and tells as it goes",
  within(LIMIT, async () => {
    const told: Check[] = [];
    const diagnosis = await diagnose({ onCheck: (check) => told.push(check) });
    assertEquals(told, [...diagnosis.checks]);
    assertEquals([diagnosis.ok, diagnosis.runtime], [true, currentRuntime()]);
    assertEquals(told.map(({ name }) => name), [
      ...["permissions", "clock", "timers", "modes", "crypto", "loopback server"],
      ...NETWORK,
    ]);
    assertEquals(
      find(diagnosis, "permissions").status,
      currentRuntime() === "deno" ? "ok" : "skipped",
    );
    assertEquals(find(diagnosis, "tls").status, "skipped");
    assertMatch(find(diagnosis, "clock").detail, /^monotonic, steps of /);
    assertMatch(find(diagnosis, "timers").detail, /^late by .* ms \(median\)/);
    assertMatch(
      find(diagnosis, "modes").detail,
      /^native: aead_aes256_gcm_rtpsize, aead_xchacha20_poly1305_rtpsize, .*pure: xsalsa/,
    );
    assertEquals(find(diagnosis, "crypto").status, "ok");
  }),
);

test(
  "diagnose() holds a whole session with a server on loopback and leaves nothing there",
  within(LIMIT, async () => {
    const events: string[] = [];
    await using server = await startVoiceServer({
      token: TOKEN,
      onEvent: ({ type }) => events.push(type),
    });
    const diagnosis = await diagnose({ url: server.url, token: TOKEN });
    assertEquals(diagnosis.ok, true);
    assertMatch(find(diagnosis, "tcp").detail, /^connected to 127\.0\.0\.1 port \d+ in \d+ ms$/);
    assertEquals(
      find(diagnosis, "websocket").detail,
      "Hello: version 8, a heartbeat every 13750 ms",
    );
    assertMatch(
      find(diagnosis, "udp").detail,
      /^IP discovery out and back in \d+\.\d ms; mode aead_xchacha20_poly1305_rtpsize$/,
    );
    await until(() => server.stats().sessions === 0);
    assertGreater(events.length, 0);
    assert(!JSON.stringify(diagnosis).includes(TOKEN));
  }),
);

test(
  "a server that refuses the session: UDP is not checked, and no token is shown",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ token: "another" });
    const diagnosis = await diagnose({ url: server.url, token: TOKEN });
    assertEquals(network(diagnosis).at(-1), "s");
    assertMatch(find(diagnosis, "udp").detail, /refuses a session without a bot \(4004\)$/);
    assert(!JSON.stringify(diagnosis).includes(TOKEN));
  }),
);

test(
  "a port that refuses: TCP fails, the rest is skipped",
  within(LIMIT, async () => {
    const diagnosis = await diagnose({ url: await closedPort() });
    assertStringIncludes(failure(diagnosis, "tcp"), "refused");
    assertEquals(network(diagnosis), "fssss");
    assertEquals(find(diagnosis, "udp").detail, "not checked: needs websocket");
  }),
);

test(
  "a port that never answers: TCP fails once its time is up",
  within(LIMIT, async () => {
    await using deaf = await deafPort();
    const start = performance.now();
    const diagnosis = await diagnose({ url: deaf.url, timeout: 400 });
    assertLess(performance.now() - start, 3000);
    assertStringIncludes(failure(diagnosis, "tcp"), "swallowed");
    assertMatch(find(diagnosis, "tcp").advice!, /firewall/);
    assertEquals(network(diagnosis), "fssss");
  }),
);

test(
  "a port that takes connections and says nothing: the TLS handshake fails in time",
  within(LIMIT, async () => {
    await using proxy = await startTcpProxy();
    const diagnosis = await diagnose({ url: proxy.url.replace("ws:", "wss:"), timeout: 300 });
    assertStringIncludes(failure(diagnosis, "tls"), "never answered");
    assertEquals(network(diagnosis), "ofsss");
  }),
);

test(
  "a port that takes connections and says nothing: the WebSocket fails in time",
  within(LIMIT, async () => {
    await using proxy = await startTcpProxy();
    const diagnosis = await diagnose({ url: proxy.url, timeout: 300 });
    assertStringIncludes(failure(diagnosis, "websocket"), "handshake is never answered");
    assertEquals(network(diagnosis), "osfss");
  }),
);

test(
  "a certificate that nobody trusts: TLS fails, with the reason and the authority in the advice",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using front = await startTlsFront(server.port);
    const diagnosis = await diagnose({ url: `wss://127.0.0.1:${front.port}` });
    assertMatch(failure(diagnosis, "tls"), /certificate/);
    assertMatch(find(diagnosis, "tls").advice!, /certificate authority/i);
    assertEquals(network(diagnosis), "ofsss");
  }),
);

test(
  "wss:// to a port without TLS: TLS fails",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const diagnosis = await diagnose({ url: server.url.replace("ws:", "wss:") });
    failure(diagnosis, "tls");
    assertMatch(find(diagnosis, "tls").advice!, /no TLS server/);
  }),
);

test(
  "a web server: the WebSocket fails with its status, the clocks are compared",
  within(LIMIT, async () => {
    await using web = await webServer(new Date(Date.now() - 3_600_000));
    const diagnosis = await diagnose({ url: web.url });
    assertStringIncludes(failure(diagnosis, "websocket"), "answered with 404");
    const { status, detail, advice } = find(diagnosis, "wall clock");
    assertEquals(status, "warning");
    assertMatch(detail, /^36\d\d s ahead of the endpoint$/);
    assertMatch(advice!, /clock/);
    assertEquals(network(diagnosis), "osfws");
  }),
);

test(
  "a web server whose clock agrees",
  within(LIMIT, async () => {
    await using web = await webServer(new Date());
    assertEquals(network(await diagnose({ url: web.url })), "osfos");
  }),
);

test(
  "a WebSocket server that never says Hello",
  within(LIMIT, async () => {
    await using silent = await talkingServer();
    const diagnosis = await diagnose({ url: silent.url, timeout: 300 });
    assertEquals(failure(diagnosis, "websocket"), "opens, but no Hello comes");
    assertEquals(find(diagnosis, "udp").status, "skipped");
  }),
);

for (
  const message of [
    "hello",
    '{"op":6,"d":{"t":1}}',
    '{"op":8,"d":{"heartbeat_interval":-1}}',
    '{"op":2,"d":{"ssrc":1,"ip":"127.0.0.1","port":1,"modes":[],"heartbeat_interval":1}}',
  ]
) {
  test(
    `a WebSocket server whose first message is ${message}`,
    within(LIMIT, async () => {
      await using other = await talkingServer(message);
      const diagnosis = await diagnose({ url: other.url });
      assertEquals(failure(diagnosis, "websocket"), "opens, but the first message is no Hello");
    }),
  );
}

test(
  "a voice server whose UDP is silent: UDP fails, and the WebSocket does not",
  within(LIMIT, async () => {
    await using silent = await silentUdp();
    const diagnosis = await diagnose({ url: silent.url, token: TOKEN, timeout: 1000 });
    assertEquals(failure(diagnosis, "udp"), "IP discovery goes out, and nothing comes back");
    assertMatch(find(diagnosis, "udp").advice!, /UDP is blocked.*firewall.*NAT/);
    assertEquals(network(diagnosis)[2], "o");
    assertGreater(silent.received(), 0);
    assert(!JSON.stringify(diagnosis).includes(TOKEN));
  }),
);

test(
  "without a voice session UDP is not checked: an endpoint that is not on loopback",
  within(LIMIT, async () => {
    const { checkUdp } = await import("../../adapters/doctor/udp.ts");
    const target = parseTarget("wss://voice.example:2048");
    const { status, detail } = await checkUdp(transport, target, TOKEN, AbortSignal.timeout(1));
    assertEquals([status, detail], ["skipped", "not checked: needs a voice session"]);
  }),
);

test(
  "diagnose() rejects with the reason of its signal, and stops what it started",
  within(LIMIT, async () => {
    await using silent = await talkingServer();
    const controller = new AbortController();
    const reason = new Error("enough");
    const running = diagnose({
      url: silent.url,
      signal: controller.signal,
      onCheck: ({ name }) => {
        if (name === "tls") setTimeout(() => controller.abort(reason), 20);
      },
    });
    assertEquals(await running.catch((error) => error), reason);
  }),
);

const BAD_URLS: ReadonlyArray<readonly [what: string, url: string]> = [
  ["nothing", ""],
  ["no scheme", "voice.example"],
  ["another scheme", "http://127.0.0.1:1"],
  ["ws:// beyond loopback", "ws://voice.example:1"],
  ["a token in the query", `wss://voice.example/?token=${TOKEN}`],
  ["a token before the host", `wss://user:${TOKEN}@voice.example`],
  ["a port that is none", "wss://voice.example:70000"],
];

for (const [what, url] of BAD_URLS) {
  test(`diagnose() refuses a URL and does not show it: ${what}`, async () => {
    const error = await assertRejects(() => diagnose({ url }), RangeError, "wss://HOST:PORT");
    assert(!error.message.includes(TOKEN));
  });
}

test("diagnose() refuses a timeout that is none", async () => {
  for (const timeout of [0, -1, NaN, Infinity]) {
    await assertRejects(() => diagnose({ timeout }), RangeError, "timeout");
  }
});

test("parseTarget() reads scheme, host and port", () => {
  const of = (url: string) => {
    const { host, port, secure, loopback } = parseTarget(url);
    return [host, port, secure, loopback];
  };
  assertEquals(of("wss://voice.example"), ["voice.example", 443, true, false]);
  assertEquals(of("wss://voice.example:2048"), ["voice.example", 2048, true, false]);
  assertEquals(of("wss://voice.example:80"), ["voice.example", 443, true, false]);
  assertEquals(of("ws://127.0.0.1"), ["127.0.0.1", 80, false, true]);
  assertEquals(of("ws://[::1]:5"), ["::1", 5, false, true]);
  assertEquals(of("wss://localhost:5"), ["localhost", 5, true, true]);
});

test("runCheck() fails a check that ignores its signal, and one that throws", async () => {
  const late = await runCheck("deaf", 20, undefined, () => new Promise(() => {}));
  assertEquals([late.name, late.status, late.detail], ["deaf", "failed", "no answer within 20 ms"]);
  const broken = await runCheck("broken", 1000, undefined, () => {
    throw new Error("no such thing");
  });
  assertEquals([broken.status, broken.detail], ["failed", "no such thing"]);
});

test("checkClock() finds a clock that goes back, is coarse, or stands still", () => {
  let time = 0;
  assertEquals(checkClock(() => time--).status, "failed");
  assertEquals(checkClock(() => time += 16).status, "warning");
  assertEquals(checkClock(() => time += 0.25).detail, "monotonic, steps of 0.25 ms");
  assertMatch(checkClock(() => time).detail, /without a step/);
});

test("checkModes() tells native from pure code", () => {
  const { status, detail, advice } = checkModes(nobleCiphers);
  assertEquals(status, "warning");
  assertMatch(detail, /^pure: aead_aes256_gcm_rtpsize/);
  assertMatch(advice!, /slower/);
  assertEquals(checkModes(pureCiphers), checkModes(nobleCiphers));
  const own: AeadFactory = (key) => nobleCiphers.xsalsa20poly1305(key);
  assertMatch(
    checkModes({ ...nobleCiphers, xsalsa20poly1305: own }).detail,
    /^native: xsalsa20_poly1305_lite_rtpsize, .*; pure: aead_aes256_gcm_rtpsize, aead_xchacha20_poly1305_rtpsize, aead_aes256_gcm$/,
  );
});

test("the known packets are those of tests/vectors, one of every mode", () => {
  assertEquals(KNOWN_PACKETS.map(({ mode }) => mode), [...ALL_ENCRYPTION_MODES]);
  const vectors = new Set(
    loadVectors<TransportVectors>("transport.json").vectors.map(({ mode, packet }) =>
      `${mode} ${packet}`
    ),
  );
  for (const { mode, clear, sealed } of KNOWN_PACKETS) {
    assert(vectors.has(`${mode} ${clear}${sealed}`), mode);
  }
});

/** The native ciphers, of which AES-256-GCM is broken in one way. */
function broken(change: (aead: Aead) => Partial<Aead>): typeof nativeAead {
  const aes256gcm: AeadFactory = (key) => {
    const aead = nodeAes256gcm(key);
    return { ...aead, ...change(aead) };
  };
  return { ...nativeAead, aes256gcm };
}

test("checkCrypto() finds ciphers that seal wrongly, open wrongly, take forgeries or break", () => {
  const detail = (change: (aead: Aead) => Partial<Aead>) => {
    const finding = checkCrypto(broken(change));
    assertEquals(finding.status, "failed");
    return finding.detail;
  };
  const both = (fault: string) => `aead_aes256_gcm_rtpsize ${fault}; aead_aes256_gcm ${fault}`;
  assertEquals(detail(() => ({ seal() {} })), both("seals wrongly"));
  assertEquals(detail(() => ({ open: () => true })), both("opens wrongly"));
  assertEquals(detail(() => ({ open: () => false })), both("opens wrongly"));
  assertEquals(
    detail((aead) => ({ open: (...args) => aead.open(...args) || true })),
    both("opens a forged packet"),
  );
  const breaking = (): never => {
    throw new Error(TOKEN);
  };
  assertEquals(detail(breaking), both("breaks"));
});

test(
  "diagnose() examines the ciphers of the transport that it is given",
  within(LIMIT, async () => {
    const aead = broken(() => ({ seal() {} }));
    const diagnosis = await diagnose({ transport: { ...transport, aead } });
    assertStringIncludes(failure(diagnosis, "crypto"), "seals wrongly");
  }),
);

async function runCli(...args: string[]): Promise<Ending> {
  const runtime = currentRuntime();
  using child = startChild(await runtimePath(runtime), runArguments(runtime, CLI, args));
  return await child.ended;
}

test(
  "the program prints one line a check and a summary, and ends with 0",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const { code, stdout, stderr } = await runCli("--url", server.url);
    assertEquals([code, stderr], [0, ""]);
    const lines = stdout.trimEnd().split("\n");
    assertMatch(lines.find((line) => line.includes("  tcp  "))!, /^ok {7}tcp {14}connected to/);
    assertMatch(lines.at(-1)!, /^\d+ ok, \d+ warning, 0 failed, \d+ skipped on (deno|bun|node)$/);
  }),
);

test(
  "the program ends with 1 where something has failed, and says what to do",
  within(LIMIT, async () => {
    const { code, stdout, stderr } = await runCli("--url", await closedPort());
    assertEquals([code, stderr], [1, ""]);
    assertMatch(stdout, /^FAILED {3}tcp +refused.*\n +-> Look at the port/m);
    assertMatch(stdout, /, 1 failed, /);
  }),
);

test(
  "the program prints one JSON line with --json",
  within(LIMIT, async () => {
    await using proxy = await startTcpProxy();
    const { code, stdout } = await runCli("--json", "--timeout", "300", "--url", proxy.url);
    assertEquals(stdout.trimEnd().split("\n").length, 1);
    const diagnosis = JSON.parse(stdout) as Diagnosis;
    assertEquals([code, diagnosis.ok, diagnosis.runtime], [1, false, currentRuntime()]);
    assertEquals(network(diagnosis), "osfss");
  }),
);

test(
  "the program ends with 0 after --help, with 2 after bad arguments, and shows none of them",
  within(LIMIT, async () => {
    const help = await runCli("--help");
    assertEquals([help.code, help.stderr], [0, ""]);
    assertMatch(help.stdout, /^Usage: doctor/);
    for (
      const args of [
        ["--url"],
        ["--url", `wss://voice.example/?token=${TOKEN}`],
        [`--token=${TOKEN}`],
        [TOKEN],
        ["--timeout", "0"],
      ]
    ) {
      const { code, stdout, stderr } = await runCli(...args);
      assertEquals([code, stdout], [2, ""], args.join(" "));
      assertMatch(stderr, /^Cannot .*\nUsage: doctor/);
      assert(!stderr.includes(TOKEN));
    }
  }),
);

test(
  "a program that has called diagnose() ends by itself, whatever was met",
  within(LIMIT, async () => {
    await using proxy = await startTcpProxy();
    await using silent = await talkingServer();
    await using udp = await silentUdp();
    const urls = [proxy.url, proxy.url.replace("ws:", "wss:"), silent.url, udp.url];
    const runtime = currentRuntime();
    using child = startChild(await runtimePath(runtime), runArguments(runtime, PROGRAM, urls));
    const { code, stdout, stderr } = await child.ended;
    assertEquals([code, stderr], [0, ""]);
    assertEquals(JSON.parse(stdout), [true, false, false, false, false]);
  }),
);

for (
  const [permission, code, status] of [
    ["--allow-net", 0, "ok"],
    ["--allow-net=127.0.0.1", 0, "warning"],
    ["--allow-net=127.0.0.2", 1, "failed"],
  ] as const
) {
  test(
    `on Deno with ${permission} the permissions are: ${status}`,
    within(LIMIT, async () => {
      const args = ["run", permission, "--no-prompt", "--no-check", CLI, "--json"];
      using child = startChild(await runtimePath("deno"), args);
      const ending = await child.ended;
      assertEquals([ending.code, ending.stderr], [code, ""]);
      const diagnosis = JSON.parse(ending.stdout) as Diagnosis;
      const check = find(diagnosis, "permissions");
      assertEquals(check.status, status);
      assertMatch(check.detail, /--allow-net is (given|missing)/);
      assertEquals(network(diagnosis), code === 0 ? "osooo" : "sssss");
    }),
  );
}
