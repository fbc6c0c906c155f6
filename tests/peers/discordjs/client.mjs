/**
 * A bot on @discordjs/voice, in a process of its own and without a line of
 * ours: the other witness for the voice server and for the voice client.
 *
 * Standard input takes a command a line, as JSON; standard output says what
 * happened in the same form. The end of standard input ends the program.
 *
 *     {"do":"join","gateway":"ws://...","token":"...","guildId":"...","channelId":"..."}
 *     {"do":"hear","userId":"..."}          before the user speaks
 *     {"do":"speak"}                        sends Speaking before there is audio
 *     {"do":"play","packets":["fc00..."]}   Opus packets as hex, one every 20 ms
 *     {"do":"leave"}
 */

import {
  createAudioPlayer,
  createAudioResource,
  joinVoiceChannel,
  NetworkingStatusCode,
  StreamType,
} from "@discordjs/voice";
import { Buffer } from "node:buffer";
import process from "node:process";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const report = (event, details) => {
  process.stdout.write(`${JSON.stringify({ event, at: performance.now(), ...details })}\n`);
};

/** Op 10 Hello, op 2 Identify, op 1 and 11 heartbeats, op 4, op 0 dispatches: that is all. */
class Gateway {
  #socket;
  #heartbeat;
  #sequence = null;
  #dispatch;

  /** Resolves with the user of READY. */
  connect(url, token) {
    this.#socket = new WebSocket(url);
    return new Promise((resolve, reject) => {
      this.#socket.onclose = ({ code }) => {
        clearInterval(this.#heartbeat);
        report("gateway-close", { code });
        reject(new Error(`The gateway closed with ${code}`));
      };
      this.#socket.onmessage = ({ data }) => {
        const { op, d, s, t } = JSON.parse(data);
        this.#sequence = s ?? this.#sequence;
        if (op === 10) {
          const beat = () => this.#send(1, this.#sequence);
          this.#heartbeat = setInterval(beat, d.heartbeat_interval);
          const properties = { os: "linux", browser: "peer", device: "peer" };
          this.#send(2, { token, intents: 1 << 7, properties });
        } else if (op === 0 && t === "READY") resolve(d.user);
        else if (op === 0) this.#dispatch?.(t, d);
      };
    });
  }

  /** What discord.js gives as `guild.voiceAdapterCreator`. */
  adapterCreator(userId) {
    return (methods) => {
      this.#dispatch = (type, data) => {
        if (type === "VOICE_STATE_UPDATE" && data.user_id === userId) {
          methods.onVoiceStateUpdate(data);
        } else if (type === "VOICE_SERVER_UPDATE") {
          methods.onVoiceServerUpdate(data);
        }
      };
      return {
        sendPayload: ({ op, d }) => {
          this.#send(op, d);
          return true;
        },
        destroy: () => this.#dispatch = undefined,
      };
    };
  }

  close() {
    this.#socket?.close(1000);
  }

  #send(op, d) {
    this.#socket.send(JSON.stringify({ op, d }));
  }
}

const gateway = new Gateway();
const player = createAudioPlayer();
let connection;

player.on("error", ({ message }) => report("error", { message }));

async function join({ gateway: url, token, guildId, channelId }) {
  const { id } = await gateway.connect(url, token);
  connection = joinVoiceChannel({
    guildId,
    channelId,
    selfDeaf: false,
    daveEncryption: false,
    debug: true,
    adapterCreator: gateway.adapterCreator(id),
  });
  connection.subscribe(player);
  connection.on("stateChange", (_, { status, networking }) => {
    const { ssrc, encryptionMode: mode } = networking?.state.connectionData ?? {};
    report("state", { state: status, ssrc, mode });
    if (status === "connecting") watch(networking);
  });
  connection.on("error", ({ message }) => report("error", { message }));
  connection.on("debug", reportOpcode);
}

const watched = new WeakSet();

function watch(networking) {
  if (watched.has(networking)) return;
  watched.add(networking);
  networking.on("stateChange", (_, { code }) => {
    report("networking", { state: NetworkingStatusCode[code] });
  });
}

/** Only the opcode: what is behind it may be a token or a key. */
function reportOpcode(message) {
  const [, direction, op] = /^\[NW\] \[WS\] (<<|>>) .*"op":(\d+)/s.exec(message) ?? [];
  if (op === undefined) return;
  report("message", { direction: direction === ">>" ? "sent" : "received", op: Number(op) });
}

function hear({ userId }) {
  const stream = connection.receiver.subscribe(userId);
  stream.on("data", (opus) => report("heard", { userId, opus: opus.toString("hex") }));
  stream.on("error", ({ message }) => report("error", { message }));
  report("hearing", { userId });
}

function speak() {
  connection.setSpeaking(true);
}

function resourceOf(packets) {
  const source = Readable.from(packets.map((hex) => Buffer.from(hex, "hex")), { objectMode: true });
  return createAudioResource(source, { inputType: StreamType.Opus });
}

function play({ packets }) {
  player.once("idle", () => report("played"));
  player.play(resourceOf(packets));
}

function leave() {
  connection?.destroy();
  gateway.close();
  process.stdin.unref?.();
  lines.close();
}

const commands = { join, hear, speak, play, leave };
const lines = createInterface({ input: process.stdin });

lines.on("line", async (line) => {
  const command = JSON.parse(line);
  try {
    await commands[command.do](command);
  } catch ({ message }) {
    report("error", { message });
  }
});
lines.on("close", () => setTimeout(() => process.exit(), 200).unref());
// The first resource of a process blocks it for 100 ms, in which FFmpeg is looked for:
// better now than while another bot begins to speak.
resourceOf([]);
report("started", { version: process.version });
