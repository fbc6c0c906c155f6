import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { endpointHost, websocketUrl } from "../../lib/endpoint.ts";
import { GATEWAY_VERSIONS } from "../../lib/gateway_version.ts";

const GOOD: readonly [endpoint: string, url: string][] = [
  ["smart.loyal.discord.gg", "wss://smart.loyal.discord.gg/?v=8"],
  ["us-central148.discord.gg:80", "wss://us-central148.discord.gg:443/?v=8"],
  ["rotterdam3306.discord.media:443", "wss://rotterdam3306.discord.media:443/?v=8"],
  ["c-ams20-20d36bc4.discord.media:2087", "wss://c-ams20-20d36bc4.discord.media:2087/?v=8"],
  ["sweetwater-12345.discord.media:2048", "wss://sweetwater-12345.discord.media:2048/?v=8"],
  ["wss://a.discord.media:2053", "wss://a.discord.media:2053/?v=8"],
  ["WSS://a.discord.media:80/", "wss://a.discord.media:443/?v=8"],
  ["  a.discord.media \n", "wss://a.discord.media/?v=8"],
  ["a.discord.media:65535", "wss://a.discord.media:65535/?v=8"],
  ["a.discord.media:8080", "wss://a.discord.media:8080/?v=8"],
  ["a.discord.media:1", "wss://a.discord.media:1/?v=8"],
  ["127.0.0.1:8443", "wss://127.0.0.1:8443/?v=8"],
  ["ws://127.0.0.1:80", "ws://127.0.0.1:80/?v=8"],
  ["ws://127.1.2.3:4000/", "ws://127.1.2.3:4000/?v=8"],
  ["ws://localhost", "ws://localhost/?v=8"],
  ["WS://LocalHost:9", "ws://LocalHost:9/?v=8"],
  ["ws://[::1]:1234", "ws://[::1]:1234/?v=8"],
];

for (const [endpoint, url] of GOOD) {
  test(`websocketUrl() takes ${JSON.stringify(endpoint)}`, () => {
    assertEquals(websocketUrl(endpoint, 8), url);
    assertEquals(new URL(url).searchParams.get("v"), "8");
  });
}

for (
  const endpoint of [
    "",
    " ",
    ":443",
    "host:",
    "host:0",
    "host:00000",
    "host:65536",
    "host:99999",
    "host:123456",
    "host:-1",
    "host:1.5",
    "host:x",
    "host:443:443",
    "two hosts",
    "host/path",
    "host?v=4",
    "host#x",
    "user@host",
    "user:pass@host:443",
    "https://host",
    "http://host",
    "wss:///",
    "wss://wss://host",
    "::1",
    "[::1",
    "[nothex]:1",
  ]
) {
  test(`websocketUrl() refuses ${JSON.stringify(endpoint)}`, () => {
    const error = assertThrows(() => websocketUrl(endpoint, 8), RangeError);
    assertThrows(() => endpointHost(endpoint), RangeError, error.message);
    assertEquals(
      error.message,
      `Cannot use the endpoint ${
        JSON.stringify(endpoint)
      }: it must be a host with an optional port`,
    );
  });
}

for (
  const endpoint of [
    "ws://a.discord.media:443",
    "ws://10.0.0.1:4000",
    "ws://127.0.0.1.example.com",
    "ws://localhost.example.com:1",
    "ws://[::2]:1",
    "ws://0127.0.0.1",
  ]
) {
  test(`websocketUrl() refuses to send a token in the clear to ${endpoint}`, () => {
    const error = assertThrows(() => websocketUrl(endpoint, 8), RangeError);
    assertThrows(() => endpointHost(endpoint), RangeError, error.message);
    assertEquals(
      error.message,
      `Cannot use the endpoint ${
        JSON.stringify(endpoint)
      }: ws:// is for loopback, elsewhere it is wss://`,
    );
  });
}

test("websocketUrl() names the version that it is given", () => {
  for (const version of GATEWAY_VERSIONS) {
    assertEquals(websocketUrl("host", version), `wss://host/?v=${version}`);
  }
});

test("endpointHost() is the host alone, an IPv6 address without its brackets", () => {
  const hosts = [
    ["smart.loyal.discord.gg", "smart.loyal.discord.gg"],
    ["c-ams20-20d36bc4.discord.media:2087", "c-ams20-20d36bc4.discord.media"],
    ["us-central148.discord.gg:80", "us-central148.discord.gg"],
    ["WSS://a.discord.media:443/", "a.discord.media"],
    ["  127.0.0.1:8443 ", "127.0.0.1"],
    ["ws://localhost:9", "localhost"],
    ["ws://[::1]:1234", "::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["wss://[::ffff:203.0.113.7]:5", "::ffff:203.0.113.7"],
  ];
  for (const [endpoint, host] of hosts) assertEquals(endpointHost(endpoint), host);
});
