/**
 * Seed 002: where the names of Discord's voice page for version 4 are here.
 *
 * @module
 */

import { absent, here, type Row } from "../model.ts";

const DOCS = "package/discord-api-docs";
const OLD_MODE = "out of service at Discord; used only where `modes` asks for it";

/** The rows, in the order of the document. */
export const DOCS_V4_ROWS: readonly Row[] = [
  absent("dfx 0.0.{1, 2}", "another library, for Discord's REST API and main gateway"),
  absent(
    ["package/*", "package/{DiscordREST, DiscordWS, WS}/*"],
    "sources and settings of that library",
  ),
  here(
    `${DOCS}/docs/topics/Voice_Connections.md`,
    ["joinVoice", "VoiceSession of ./core"],
    "the page itself; the rest of this table is about it",
  ),
  here(
    `${DOCS}/docs/topics/Opcodes_and_Status_Codes.md`,
    ["VoiceOpcodes of ./core", "CLOSE_CODES of ./core"],
    "its voice part",
  ),
  here(
    `${DOCS}/docs/topics/Gateway.md`,
    ["VoiceStatePayload", "VoiceStateUpdate", "VoiceServerUpdate"],
    "its voice part; the rest is a gateway library's",
  ),
  absent(
    `${DOCS}/docs/resources/Voice.md`,
    "voice states and regions over REST; a connection needs neither",
  ),
  absent(
    `${DOCS}/docs/topics/RPC.md`,
    "speaks to a Discord client on the same machine, not to a voice server",
  ),
  absent(
    `${DOCS}/docs/game_sdk/{Discord_Voice.md, Networking.md}`,
    "a native library for games, with a voice of its own",
  ),
  absent(
    [
      `${DOCS}/docs/*`,
      `${DOCS}/docs/{dispatch, game_and_server_management, game_sdk, interactions}/*`,
      `${DOCS}/docs/{resources, rich_presence, topics}/*`,
    ],
    "pages about other parts of Discord, named in the diff without their contents",
  ),
  absent(`${DOCS}/images/*`, "pictures of those pages"),
  absent(
    [`${DOCS}/*`, `${DOCS}/.github/{ISSUE_TEMPLATE, workflows}/*`],
    "settings of the repository that the pages come from",
  ),
  here("UDP Hole Punching", "Keepalive of ./core", "keeps the hole open"),
  here(
    "Voice Gateway Versioning",
    ["GATEWAY_VERSIONS of ./core", "versionTraits of ./core"],
    "what each version changed",
  ),
  here(
    "?v={4, 3, 2, 1}",
    "JoinVoiceOptions.gatewayVersion",
    "1 to 9, 8 by default; the URL is made by `websocketUrl` of `./core`",
  ),
  here("no ?v=", "GATEWAY_VERSION of ./core", "a client always names one"),
  here(["Connecting to Voice", "Retrieving Voice Server Information"], "joinVoice"),
  here(
    "Gateway Voice State Update",
    "VoiceStatePayload",
    "sent through `DiscordGatewayAdapterImplementerMethods.sendPayload`",
  ),
  here(
    "Gateway Voice State Update.{guild_id, channel_id, self_mute, self_deaf}",
    "VoiceStatePayload.d.{guild_id, channel_id, self_mute, self_deaf}",
  ),
  here("Voice State Update", "VoiceStateUpdate"),
  here("Voice State Update.session_id", "VoiceStateUpdate.session_id"),
  here(["Voice Server Update", "VOICE_SERVER_UPDATE"], "VoiceServerUpdate"),
  here(
    "Voice Server Update.{t, s, op, d}",
    "GatewayBinding.dispatch of ./gateway",
    "takes the envelope of any dispatch; gateway libraries take it off themselves",
  ),
  here(
    "Voice Server Update.{token, guild_id, endpoint}",
    "VoiceServerUpdate.{token, guild_id, endpoint}",
  ),
  here(
    "user limit",
    "VoiceConnectError.hint",
    "a full channel answers nothing: the join ends in `timeout`, whose hint names it",
  ),
  absent("MANAGE_CHANNELS", "a permission that Discord keeps; nothing here asks for it"),
  here("Establishing a Voice Websocket Connection", "Transport.openWebSocket"),
  absent("Get Gateway", "finds the main gateway, which is the gateway library's business"),
  here("wss://", "websocketUrl of ./core", "is put before the endpoint"),
  here("payload.{op, d}", "VoiceSendPayload.{op, d} of ./core"),
  here("Identify", "VoiceOpcodes.Identify of ./core"),
  here(
    "Identify.{server_id, user_id, session_id, token}",
    "SendPayloads[0].{server_id, user_id, session_id, token} of ./core",
  ),
  here("Ready", "VoiceOpcodes.Ready of ./core"),
  here("Ready.{ssrc, ip, port, modes}", "ReceivePayloads[2].{ssrc, ip, port, modes} of ./core"),
  here(
    "Ready.heartbeat_interval",
    "ReceivePayloads[2].heartbeat_interval of ./core",
    "read and, as the page says, left aside",
  ),
  here("Heartbeating", "Heartbeat of ./core", "happens by itself"),
  here("Hello", "VoiceOpcodes.Hello of ./core"),
  here("Hello.heartbeat_interval", "ReceivePayloads[8].heartbeat_interval of ./core"),
  here(
    ["Hello below V3", "Hello since V3"],
    ["decodeMessage of ./core", "VersionTraits.wrappedHello of ./core"],
    "both forms are read",
  ),
  here("Heartbeat", "VoiceOpcodes.Heartbeat of ./core"),
  here("Heartbeat.d", "SendPayloads[3].t of ./core", "a bare integer below version 8"),
  here("Heartbeat ACK", "VoiceOpcodes.HeartbeatAck of ./core"),
  here("Heartbeat ACK.d", "ReceivePayloads[6].t of ./core", "a bare integer below version 8"),
  here("Establishing a Voice UDP Connection", "Transport.openDatagram"),
  here("Select Protocol", "VoiceOpcodes.SelectProtocol of ./core"),
  here("Select Protocol.{protocol, data}", "SendPayloads[1].{protocol, data} of ./core"),
  here("protocol udp", "UdpSelection of ./core", "the only protocol that a session selects"),
  here(
    "Select Protocol.data.{address, port, mode}",
    "UdpSelection.{address, port, mode} of ./core",
  ),
  here(["Normal", "xsalsa20_poly1305"], '"xsalsa20_poly1305" in ALL_ENCRYPTION_MODES', OLD_MODE),
  here(
    ["Suffix", "xsalsa20_poly1305_suffix"],
    '"xsalsa20_poly1305_suffix" in ALL_ENCRYPTION_MODES',
    OLD_MODE,
  ),
  here(
    ["Lite", "xsalsa20_poly1305_lite"],
    '"xsalsa20_poly1305_lite" in ALL_ENCRYPTION_MODES',
    OLD_MODE,
  ),
  here(
    ["24 byte nonce of header and null bytes", "24 random nonce bytes"],
    "PacketCipher of ./core",
    "in the modes `xsalsa20_poly1305` and `xsalsa20_poly1305_suffix`",
  ),
  here("incremental nonce of 4 bytes", "NonceCounter of ./core"),
  here("Session Description", "VoiceOpcodes.SessionDescription of ./core"),
  here(
    "Session Description.{mode, secret_key}",
    "ReceivePayloads[4].{mode, secret_key} of ./core",
  ),
  here("32 byte key", "KEY_SIZE of ./core"),
  here(
    "Encrypting and Sending Voice",
    ["VoiceConnection.play", "VoiceConnection.sendOpus", "PacketCipher.seal of ./core"],
  ),
  here("Opus", "createOpus of ./opus"),
  here("48kHz stereo", ["SAMPLE_RATE of ./audio", "OpusCodec.channels of ./opus"]),
  here("libsodium", "pureAead of ./core", "no native library"),
  here("RTP Header", ["RTP_HEADER_SIZE of ./core", "RtpHeader of ./core"]),
  here(
    ["Voice Packet.Version + Flags", "Version + Flags 0x80"],
    ["writeRtpHeader of ./core", "parseRtpHeader of ./core"],
  ),
  here("Voice Packet.Payload Type", "RtpHeader.payloadType of ./core"),
  here("Payload Type 0x78", "OPUS_PAYLOAD_TYPE of ./core"),
  here(
    "Voice Packet.{Sequence, Timestamp, SSRC}",
    "RtpHeader.{sequence, timestamp, ssrc} of ./core",
  ),
  here("Voice Packet.Encrypted audio", [
    "PacketCipher.openRtp of ./core",
    "RtpPacket.payload of ./rtp",
  ]),
  here("Speaking", "VoiceOpcodes.Speaking of ./core"),
  here("Microphone", "SpeakingFlags.Microphone"),
  here("Soundshare", "SpeakingFlags.Soundshare"),
  here("Priority", "SpeakingFlags.Priority"),
  here("Speaking.{speaking, delay, ssrc}", "SendPayloads[5].{speaking, delay, ssrc} of ./core"),
  here("invalid SSRC error", "VoiceConnection.play", "sends Speaking before the first packet"),
  here("Voice Data Interpolation", "VoiceConnection.play", "ends in silence by itself"),
  here("five frames of silence", "SILENCE_COUNT"),
  here("0xF8, 0xFF, 0xFE", "OPUS_SILENCE of ./audio"),
  here("Resuming Voice Connection", "VoiceConnection.reconnect", "happens by itself, too"),
  here("Resume", "VoiceOpcodes.Resume of ./core"),
  here(
    "Resume.{server_id, session_id, token}",
    "SendPayloads[7].{server_id, session_id, token} of ./core",
  ),
  here("Resumed", "VoiceOpcodes.Resumed of ./core"),
  here("Resumed.d", "ReceivePayloads[9] of ./core", "nothing is expected of it"),
  here("close event code", "closeCode of ./core", "what is done for each: `docs/states.md`"),
  here("IP Discovery", ["discoveryRequest of ./core", "parseDiscoveryResponse of ./core"]),
  here(
    ["IP Discovery.{Type, Length, SSRC}", "IP Discovery Type 0x{1, 2}", "IP Discovery Length 70"],
    "discoveryRequest of ./core",
    "the form `74`, the default",
  ),
  here(
    ["IP Discovery.Address", "IP Discovery Address of 64 bytes"],
    "DiscoveredAddress.address of ./core",
  ),
  here("IP Discovery.Port", "DiscoveredAddress.port of ./core"),
];
