/** A client of the main gateway, as far as a voice library needs one. */

import { report } from "./bot.mjs";

/** Op 10 Hello, op 2 Identify, op 1 and 11 heartbeats, op 4, op 0 dispatches: that is all. */
export class MainGateway {
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
