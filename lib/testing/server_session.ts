/**
 * What the voice server knows of one identified client. It outlives its WebSocket
 * for a while: SSRC, key and UDP address survive a Resume.
 *
 * @module
 */

import type { DiscoveredAddress } from "../ip_discovery.ts";
import type { PacketCipher } from "../packet.ts";
import type { GatewayVersion } from "../gateway_version.ts";
import type { IdentifyPayload } from "../payloads.ts";
import { Reception } from "../reception.ts";
import type { Secret } from "../secret.ts";
import { NonceWindow } from "./nonce_window.ts";
import type { ReplayBuffer } from "./replay_buffer.ts";
import type { EventSubject } from "./server_events.ts";
import type { Admission } from "./token_grants.ts";

/** A client's session. */
export class ServerSession {
  /** User id. */
  readonly userId: string;
  /** Guild id. */
  readonly guildId: string;
  /** Session id of the voice state. */
  readonly sessionId: string;
  /** Token of Identify. */
  readonly token: Secret<string>;
  /** Version of the voice gateway that the client speaks. */
  readonly version: GatewayVersion;
  /** The room whose members hear each other. */
  readonly room: string;
  /** The channel of the call. */
  readonly channelId: string;
  /** DAVE version that the client and the server both speak; 0 is none. */
  readonly daveVersion: number;
  /** The client's SSRC. */
  readonly ssrc: number;
  /** Numbered messages. */
  readonly replay: ReplayBuffer<string | Uint8Array>;
  /** Nonces of the client's last packets under the present key. */
  nonces: NonceWindow = new NonceWindow();
  /** What has come of the client's packets under the present key. */
  reception: Reception = new Reception();
  /** When the client is told of it. */
  reportAt: number | undefined;
  /** Id of the WebSocket; `undefined` while the session waits for a Resume. */
  websocket: number | undefined;
  /** When the session ends, while it waits for a Resume. */
  expiresAt: number | undefined;
  /** `SpeakingFlags`; `undefined` before the first Speaking. */
  flags: number | undefined;
  /** Opens the client's packets and seals those for it, once a mode is selected. */
  cipher: PacketCipher | undefined;
  /** The client's UDP address, once it is known. Set by `SessionTable.learn`. */
  address: DiscoveredAddress | undefined;

  /**
   * Begins a session.
   *
   * @param identity What Identify said.
   * @param version The version that the client speaks.
   * @param admission Where its token leads.
   * @param daveVersion DAVE version that the client and the server both speak.
   * @param ssrc The client's SSRC.
   * @param replay Numbers its messages.
   */
  constructor(
    identity: IdentifyPayload,
    version: GatewayVersion,
    { room, channelId }: Admission,
    daveVersion: number,
    ssrc: number,
    replay: ReplayBuffer<string | Uint8Array>,
  ) {
    this.userId = identity.user_id;
    this.guildId = identity.server_id;
    this.sessionId = identity.session_id;
    this.token = identity.token;
    this.version = version;
    this.room = room;
    this.channelId = channelId;
    this.daveVersion = daveVersion;
    this.ssrc = ssrc;
    this.replay = replay;
  }

  /** The ids for an event. */
  get subject(): EventSubject {
    const { userId, guildId, sessionId, websocket } = this;
    return websocket === undefined
      ? { userId, guildId, sessionId }
      : { websocket, userId, guildId, sessionId };
  }
}
