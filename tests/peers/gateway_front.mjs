/**
 * What a real gateway library asks of Discord before it is ready, in front of our stand-in for
 * the main gateway: `GET /gateway/bot`, and a guild in READY and GUILD_CREATE. All else passes
 * through as it is, and op 4 is reported.
 */

import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { report } from "./bot.mjs";

const [DISPATCH, VOICE_STATE_UPDATE] = [0, 4];

/** Starts the front; `api` is the base of the REST interface. */
export async function startGatewayFront(gateway, guild) {
  const http = createServer((_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({
      url: `ws://127.0.0.1:${http.address().port}`,
      shards: 1,
      session_start_limit: { total: 1000, remaining: 999, reset_after: 0, max_concurrency: 1 },
    }));
  });
  const sockets = new WebSocketServer({ server: http });
  sockets.on("connection", (library) => relay(library, new WebSocket(gateway), guild));
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    api: `http://127.0.0.1:${http.address().port}`,
    close() {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      http.close();
      http.closeAllConnections();
    },
  };
}

function relay(library, standIn, guild) {
  const opened = new Promise((resolve) => standIn.onopen = resolve);
  standIn.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.op !== DISPATCH || message.t !== "READY") return library.send(data);
    const { d, s } = message;
    const unavailable = { id: guild.id, unavailable: true };
    library.send(JSON.stringify({ ...message, d: { ...d, guilds: [unavailable] } }));
    const created = { ...guild, members: [{ user: d.user, roles: [] }] };
    library.send(JSON.stringify({ op: DISPATCH, t: "GUILD_CREATE", s, d: created }));
  };
  standIn.onclose = () => library.close();
  library.on("message", async (data) => {
    await opened; // discordeno identifies before it has got Hello
    const { op } = JSON.parse(data);
    if (op === VOICE_STATE_UPDATE) report("message", { direction: "sent", op });
    standIn.send(String(data));
  });
  library.on("close", () => standIn.close());
}

/** The least that a guild is. */
export function guildOf(guildId, channelId) {
  const colors = { primary_color: 0, secondary_color: null, tertiary_color: null };
  return {
    id: guildId,
    name: "guild",
    owner_id: guildId,
    roles: [{ id: guildId, name: "@everyone", permissions: "0", colors }],
    emojis: [],
    features: [],
    member_count: 1,
    members: [],
    channels: [{ id: channelId, type: 2, name: "voice", position: 0, permission_overwrites: [] }],
    threads: [],
    voice_states: [],
    presences: [],
    stage_instances: [],
    stickers: [],
    guild_scheduled_events: [],
    soundboard_sounds: [],
  };
}
