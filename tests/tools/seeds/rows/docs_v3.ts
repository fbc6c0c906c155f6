/**
 * Seed 003: where the names of Discord's voice page for version 3 are here.
 *
 * @module
 */

import { absent, here, type Row } from "../model.ts";

/** The rows, in the order of the document. */
export const DOCS_V3_ROWS: readonly Row[] = [
  here("UDP Hole Punching", "Keepalive of ./core", "keeps the hole open"),
  here(
    "Voice Gateway Versioning",
    ["GATEWAY_VERSIONS of ./core", "versionTraits of ./core"],
    "what each version changed",
  ),
  here("?v={3, 2, 1}", "JoinVoiceOptions.gatewayVersion", "spoken, never by default"),
  here("no ?v=", "GATEWAY_VERSION of ./core", "a client always names one"),
  here("Voice Events", ["VoiceOpcodes of ./core", "CLOSE_CODES of ./core"]),
  here("Identify", "VoiceOpcodes.Identify of ./core"),
  here("Select Protocol", "VoiceOpcodes.SelectProtocol of ./core"),
  here("Ready", "VoiceOpcodes.Ready of ./core"),
  here("Heartbeat", "VoiceOpcodes.Heartbeat of ./core"),
  here("Session Description", "VoiceOpcodes.SessionDescription of ./core"),
  here("Speaking", "VoiceOpcodes.Speaking of ./core"),
  here("Heartbeat ACK", "VoiceOpcodes.HeartbeatAck of ./core"),
  here("Resume", "VoiceOpcodes.Resume of ./core"),
  here("Hello", "VoiceOpcodes.Hello of ./core"),
  here("Resumed", "VoiceOpcodes.Resumed of ./core"),
  here("Client Disconnect", "VoiceOpcodes.ClientDisconnect of ./core"),
  here("4001 Unknown opcode", "CLOSE_CODES[4001] of ./core"),
  here("4003 Not authenticated", "CLOSE_CODES[4003] of ./core"),
  here("4004 Authentication failed", "CLOSE_CODES[4004] of ./core"),
  here("4005 Already authenticated", "CLOSE_CODES[4005] of ./core"),
  here("4006 Session no longer valid", "CLOSE_CODES[4006] of ./core"),
  here("4009 Session timeout", "CLOSE_CODES[4009] of ./core"),
  here("4011 Server not found", "CLOSE_CODES[4011] of ./core"),
  here("4012 Unknown Protocol", "CLOSE_CODES[4012] of ./core"),
  here(
    "4014 Disconnected",
    "CLOSE_CODES[4014] of ./core",
    "not resumed, against the page: the main gateway's updates decide",
  ),
  here("4015 Voice server crashed", "CLOSE_CODES[4015] of ./core", "resumed, as the page says"),
  here("4016 Unknown Encryption Mode", "CLOSE_CODES[4016] of ./core"),
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
  here("Establishing a Voice Websocket Connection", "Transport.openWebSocket"),
  absent("Get Gateway", "finds the main gateway, which is the gateway library's business"),
  here("wss://", "websocketUrl of ./core", "is put before the endpoint"),
  here("payload.{op, d}", "VoiceSendPayload.{op, d} of ./core"),
  here(
    "Identify.{server_id, user_id, session_id, token}",
    "SendPayloads[0].{server_id, user_id, session_id, token} of ./core",
  ),
  here(
    "Ready.{ssrc, port, modes}",
    "ReceivePayloads[2].{ssrc, port, modes} of ./core",
    "without an `ip`, that of the endpoint is taken",
  ),
  here(
    "Ready.heartbeat_interval",
    "ReceivePayloads[2].heartbeat_interval of ./core",
    "read and, as the page says, left aside",
  ),
  here("Heartbeating", "Heartbeat of ./core", "happens by itself"),
  here("Hello.heartbeat_interval", "ReceivePayloads[8].heartbeat_interval of ./core"),
  here(
    "heartbeat_interval * .75",
    "VersionTraits.heartbeatShare of ./core",
    "below version 4 only; the bug that it works around is gone",
  ),
  here(
    "Hello without op and d",
    ["decodeMessage of ./core", "VersionTraits.wrappedHello of ./core"],
    "read in every version",
  ),
  here("Heartbeat.d", "SendPayloads[3].t of ./core", "a bare integer below version 8"),
  here("Heartbeat ACK.d", "ReceivePayloads[6].t of ./core", "a bare integer below version 8"),
  here("Establishing a Voice UDP Connection", "Transport.openDatagram"),
  here(
    "plain",
    '"plain" in ALL_ENCRYPTION_MODES',
    "old captures can be opened; nothing is ever sent unencrypted",
  ),
  here(
    "xsalsa20_poly1305",
    '"xsalsa20_poly1305" in ALL_ENCRYPTION_MODES',
    "out of service at Discord; used only where `modes` asks for it",
  ),
  here("Select Protocol.{protocol, data}", "SendPayloads[1].{protocol, data} of ./core"),
  here("protocol udp", "UdpSelection of ./core", "the only protocol that a session selects"),
  here(
    "Select Protocol.data.{address, port, mode}",
    "UdpSelection.{address, port, mode} of ./core",
  ),
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
  here("RTP Header", ["RTP_HEADER_SIZE of ./core", "RtpHeader of ./core"]),
  here(
    "24 byte nonce of header and null bytes",
    "PacketCipher of ./core",
    "of the mode `xsalsa20_poly1305`; the header has 12 bytes, not the 24 that the page gives it",
  ),
  here("libsodium", "pureAead of ./core", "no native library"),
  here(
    ["Voice Packet.Type", "Type 0x80"],
    ["writeRtpHeader of ./core", "parseRtpHeader of ./core"],
    "the version and flags of RTP under another name",
  ),
  here(
    "Voice Packet.Version",
    "RtpHeader.payloadType of ./core",
    "the payload type of RTP under another name",
  ),
  here("Version 0x78", "OPUS_PAYLOAD_TYPE of ./core"),
  here(
    "Voice Packet.{Sequence, Timestamp, SSRC}",
    "RtpHeader.{sequence, timestamp, ssrc} of ./core",
  ),
  here("Speaking.{speaking, delay, ssrc}", "SendPayloads[5].{speaking, delay, ssrc} of ./core"),
  here(
    "speaking true",
    "VersionTraits.speakingMask of ./core",
    "a boolean below version 4 only, else `SpeakingFlags`",
  ),
  here("invalid SSRC error", "VoiceConnection.play", "sends Speaking before the first packet"),
  here("Voice Data Interpolation", "VoiceConnection.play", "ends in silence by itself"),
  here("five frames of silence", "SILENCE_COUNT"),
  here("0xF8, 0xFF, 0xFE", "OPUS_SILENCE of ./audio"),
  here("Resuming Voice Connection", "VoiceConnection.reconnect", "happens by itself, too"),
  here(
    "Resume.{server_id, session_id, token}",
    "SendPayloads[7].{server_id, session_id, token} of ./core",
  ),
  here("Resumed.d", "ReceivePayloads[9] of ./core", "nothing is expected of it"),
  here("IP Discovery", ["discoveryRequest of ./core", "parseDiscoveryResponse of ./core"]),
  here(
    ["70-byte packet", "little endian port"],
    '"70le" in DISCOVERY_FORMS of ./core',
    "with `discovery` of `joinVoice`; Discord answers the form `74` only, whose port is big endian",
  ),
  here("IP Discovery.ssrc", "discoveryRequest of ./core"),
  here("IP Discovery.{IP, port}", "DiscoveredAddress.{address, port} of ./core"),
];
