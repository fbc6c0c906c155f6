/**
 * Seed 004: where the names of NAFF's `VoiceGateway` are here.
 *
 * @module
 */

import { absent, here, type Row } from "../model.ts";

const PYTHON = "a part of Python or of its libraries, not of the protocol";
const LOCK = "a lock or flag of tasks that wait for each other; one state machine needs none";

/** The rows, in the order of the document. */
export const NAFF_ROWS: readonly Row[] = [
  absent("naff/api/voice/voice_gateway.py", "a file of another library; its contents follow"),
  here("OP", "VoiceOpcodes of ./core", "in Discord's spelling, with all opcodes up to 32"),
  here("OP.IDENTIFY", "VoiceOpcodes.Identify of ./core"),
  here("OP.SELECT_PROTOCOL", "VoiceOpcodes.SelectProtocol of ./core"),
  here("OP.READY", "VoiceOpcodes.Ready of ./core"),
  here("OP.HEARTBEAT", "VoiceOpcodes.Heartbeat of ./core"),
  here("OP.SESSION_DESCRIPTION", "VoiceOpcodes.SessionDescription of ./core"),
  here("OP.SPEAKING", "VoiceOpcodes.Speaking of ./core"),
  here("OP.HEARTBEAT_ACK", "VoiceOpcodes.HeartbeatAck of ./core"),
  here("OP.RESUME", "VoiceOpcodes.Resume of ./core"),
  here("OP.HELLO", "VoiceOpcodes.Hello of ./core"),
  here("OP.RESUMED", "VoiceOpcodes.Resumed of ./core"),
  here("OP.CLIENT_DISCONNECT", "VoiceOpcodes.ClientDisconnect of ./core"),
  here("VoiceGateway", "VoiceConnection"),
  here("WebsocketClient", "VoiceConnection", "one class; there is none to inherit from"),
  here("VoiceGateway.guild_id", "VoiceConnection.guildId"),
  here("VoiceGateway.heartbeat_interval", "Heartbeat.interval of ./core"),
  here("VoiceGateway.session_id", "VoiceConnection.sessionId"),
  here("VoiceGateway.token", "VoiceConnection.token", "a `Secret`"),
  here(["VoiceGateway.encryptor", "Encryption"], "PacketCipher of ./core"),
  here("Encryption.encrypt", "PacketCipher.seal of ./core"),
  here("Encryption.SUPPORTED", ["ENCRYPTION_MODES", "ALL_ENCRYPTION_MODES"]),
  here("VoiceGateway.ssrc", "VoiceConnection.ssrc"),
  here("VoiceGateway.{me_ip, me_port}", "UdpComponent.address", "of `VoiceConnection.udp`"),
  here("VoiceGateway.{voice_ip, voice_port}", "UdpComponent.remote", "of `VoiceConnection.udp`"),
  here("VoiceGateway.voice_modes", "JoinVoiceOptions.modes", "what the client would take"),
  here(
    "VoiceGateway.selected_mode",
    "VoiceConnection.mode",
    "while there is a key",
  ),
  here("voice_modes[0]", "chooseMode of ./core", "by one's own order, not the server's"),
  here("VoiceGateway.socket", "VoiceConnection.udp", "to look at; `sendOpus` sends"),
  here("VoiceGateway.ready", ["VoiceConnection.state", 'VoiceConnection.on("ready")']),
  here(
    "VoiceGateway.__init__(state, voice_state, voice_server)",
    "joinVoice",
    "with `adapterCreator`, or with `server` where both updates are at hand",
  ),
  here(
    "voice_state.session_id",
    ["VoiceServer.sessionId", "VoiceStateUpdate.session_id"],
  ),
  here("voice_server.endpoint", ["VoiceServer.endpoint", "VoiceServerUpdate.endpoint"]),
  here("voice_server.token", ["VoiceServer.token", "VoiceServerUpdate.token"]),
  here("voice_server.guild_id", ["JoinVoiceOptions.guildId", "VoiceServerUpdate.guild_id"]),
  here("VoiceGateway.ws_url", "websocketUrl of ./core"),
  here(
    "?v=4",
    ["JoinVoiceOptions.gatewayVersion", "4 in GATEWAY_VERSIONS of ./core"],
    "8 is the default",
  ),
  here("VoiceGateway.sock_sequence", "RtpComponent.sequence", "of `VoiceConnection.rtp`"),
  here("VoiceGateway.timestamp", "RtpComponent.timestamp", "of `VoiceConnection.rtp`"),
  here("VoiceGateway.wait_until_ready", "VoiceConnection.untilReady"),
  here(
    "VoiceGateway.cond",
    "VoiceConnection.play",
    "a source that plays waits while the connection is recovered, then goes on by itself",
  ),
  here("VoiceGateway.run", "joinVoice", "receiving needs no loop of the caller's"),
  here("VoiceGateway.ws", "VoiceConnection.webSocket", "to look at; `send` sends"),
  absent(
    ["VoiceGateway.{state, loop}", "state.client.http.websocket_connect"],
    "the client object and event loop of NAFF; runtimes come in by `Transport`",
  ),
  here("state.client.user.id", "JoinVoiceOptions.userId"),
  absent(
    "VoiceGateway.{_voice_server_update, _stopping, _close_gateway, _closed, _race_lock}",
    LOCK,
  ),
  absent("VoiceGateway.{_kill_bee_gees, _acknowledged}", LOCK),
  absent("VoiceGateway._last_heartbeat", "each beat remembers its own time, by its nonce"),
  here("message.{op, d}", "VoiceMessage.{op, d} of ./core"),
  here("message.s", "VoiceMessage.seq of ./core", "the voice gateway calls it `seq`, not `s`"),
  here("VoiceGateway.sequence", "WebSocketComponent.sequence", "0 counts too"),
  here(
    "VoiceGateway.receive",
    'VoiceConnection.on("rawMessage")',
    "messages come as events; they are never awaited one by one",
  ),
  absent(
    "force of VoiceGateway.receive",
    "there is no lock around receiving that a caller could have to pass by",
  ),
  absent(
    ["VoiceGateway._zlib", "zlib suffix 00 00 FF FF"],
    "the voice gateway does not compress: a binary frame holds a DAVE message, not zlib",
  ),
  absent(
    ["WSMsgType", "WSMsgType.{CLOSE, CLOSED, CLOSING}"],
    `${PYTHON}; a close is one event here`,
  ),
  here("ws.receive", "WebSocketHandlers.message", "of a transport"),
  here("ws.close", "WebSocketConnection.close", "of a transport"),
  here("ws.{send_str, send_json}", "WebSocketConnection.send", "of a transport"),
  here(
    "1012",
    "VoiceConnection.reconnect",
    "the code with which it closes the WebSocket; on Deno and Node, whose clients may not send it, 4900",
  ),
  here("4006", "CLOSE_CODES[4006] of ./core", "joins anew, as in the document"),
  here("4009", "CLOSE_CODES[4009] of ./core", "joins anew, as in the document"),
  here("4014", "CLOSE_CODES[4014] of ./core", "waits for the main gateway's updates"),
  here("4015", "CLOSE_CODES[4015] of ./core", "resumes, as in the document"),
  here("VoiceWebSocketClosed", "VoiceConnectError", "its `closeCode` is the code"),
  here("RuntimeError", "LocalProtocolError", "where a call is not legal now"),
  here("VoiceGateway.dispatch_opcode(data, op)", "VoiceSession.handleInput of ./core"),
  here(
    "VoiceGateway.latency",
    "WebSocketComponent.latencies",
    "of `VoiceConnection.webSocket`; the last ten, in milliseconds",
  ),
  here("VoiceGateway.average_latency", "WebSocketComponent.averageLatency", "in milliseconds"),
  here("high latency from 15 s", 'VoiceConnection.on("highLatency")'),
  here("logger", "JoinVoiceOptions.logger", "never writes the contents of a message"),
  here("Ready.{ip, port, ssrc, modes}", "ReceivePayloads[2].{ip, port, ssrc, modes} of ./core"),
  here(
    "NO VOICE ENCRYPTION MODES SHARED WITH GATEWAY",
    "VoiceConnectError.code",
    "`no-shared-mode`; the join ends there, its message shows both lists",
  ),
  here(
    "Session Description.{mode, secret_key}",
    "ReceivePayloads[4].{mode, secret_key} of ./core",
  ),
  here("VoiceGateway.reconnect", "VoiceConnection.reconnect"),
  absent(
    "resume of VoiceGateway.reconnect",
    "a session is resumed wherever the server allows it; who wants a new one leaves and joins",
  ),
  here(
    "code of VoiceGateway.reconnect",
    "VoiceConnection.forceClose",
    "`reconnect` itself closes with 1012, where clients may send it",
  ),
  here(
    "server update within 5 s",
    "PHASE_TIMEOUTS.waiting of ./core",
    "as long; `timeouts` of `joinVoice` changes it",
  ),
  here("Hello.heartbeat_interval", "ReceivePayloads[8].heartbeat_interval of ./core"),
  here("VoiceGateway._resume_connection", "SendPayloads[7] of ./core", "sent by itself"),
  here(
    "Resume.{server_id, session_id, token}",
    "SendPayloads[7].{server_id, session_id, token} of ./core",
    "`seq_ack` comes with them from version 8 on",
  ),
  here("VoiceGateway.close", ["VoiceConnection.leave", "VoiceConnection.forceClose"]),
  here("VoiceGateway.send", "VoiceConnection.send"),
  here("data of VoiceGateway.send", "VoiceConnection.send", "bytes too"),
  absent(
    ["bypass of VoiceGateway.send", "bypass of VoiceGateway.send_json"],
    "heartbeats and the handshake pass the limit by themselves; nothing else may",
  ),
  here("VoiceGateway.send_json", "VoiceConnection.send", "with `JSON.stringify`, or `encodeSend`"),
  here("data of VoiceGateway.send_json", "VoiceSendPayload of ./core", "what `encodeSend` takes"),
  here(
    ["VoiceGateway.rl_manager", "rl_manager.rate_limit"],
    "VoiceConnection.send",
    "at most 120 messages a minute, others wait",
  ),
  here(["OverriddenJson", "OverriddenJson.loads"], "decodeMessage of ./core"),
  here("OverriddenJson.dumps", "encodeMessage of ./core"),
  here(
    "VoiceGateway.establish_voice_socket",
    ["DatagramSocket", "discoveryRequest of ./core", "parseDiscoveryResponse of ./core"],
  ),
  here(
    ["discovery {request, reply} of 70 bytes", "discovery address at offset 4"],
    "DiscoveryForm of ./core",
    '`discovery: "70hybrid"`, for old servers; Discord takes 74 bytes and answers at offset 8',
  ),
  here(
    ["discovery type 1", "discovery length 70"],
    "discoveryRequest of ./core",
    "of the default form, `74`, too",
  ),
  here(
    "VoiceGateway.generate_packet(data)",
    ["VoiceSession.packetize of ./core", "sealRtpPacket of ./rtp"],
    "`sealRtpPacket` is pure",
  ),
  here(
    "RTP header {0x80, 0x78}",
    ["writeRtpHeader of ./core", "OPUS_PAYLOAD_TYPE of ./core"],
  ),
  here(
    "VoiceGateway.send_packet",
    ["VoiceConnection.sendPcm", "VoiceConnection.sendOpus"],
    "`sendPcm` encodes, `sendOpus` does not",
  ),
  absent(
    "needs_encode of VoiceGateway.send_packet",
    "two methods stand for its two values, `sendPcm` and `sendOpus`",
  ),
  here("data of VoiceGateway.send_packet", "OpusCodec.encode of ./opus", "samples, or a packet"),
  here(
    ["encoder of VoiceGateway.send_packet", "encoder.encode"],
    "OpusCodec.encode of ./opus",
  ),
  here(
    "encoder.samples_per_frame",
    "packetDuration of ./audio",
    "read from each packet: the timestamp advances by what was really sent",
  ),
  here("sequence wrap at 0xFFFF", "VoiceSession.sequence of ./core", "starts at random"),
  absent(
    "timestamp wrap at 0xFFFFFFFF",
    "to set it to 0 loses the remainder; it is counted modulo 2^32 (`VoiceSession.timestamp`)",
  ),
  here("VoiceGateway.send_heartbeat", "Heartbeat.beat of ./core", "sent by itself"),
  absent(
    "heartbeat nonce random.uniform",
    "a fraction is refused by Discord (4020): the nonce is an integer that counts up",
  ),
  here("VoiceGateway._identify", "SendPayloads[0] of ./core", "sent by itself"),
  here(
    "Identify.{server_id, user_id, session_id, token}",
    "SendPayloads[0].{server_id, user_id, session_id, token} of ./core",
  ),
  here("VoiceGateway._select_protocol", "SendPayloads[1] of ./core", "sent by itself"),
  here("Select Protocol.{protocol, data}", "SendPayloads[1].{protocol, data} of ./core"),
  here(
    "Select Protocol.data.{address, port, mode}",
    "UdpSelection.{address, port, mode} of ./core",
  ),
  here(
    "VoiceGateway.speaking(is_speaking)",
    "VoiceConnection.setSpeaking",
    "flags in place of a boolean; `play` calls it by itself",
  ),
  here("Speaking.{speaking, delay, ssrc}", "SendPayloads[5].{speaking, delay, ssrc} of ./core"),
  here("speaking 1 << 0", "SpeakingFlags.Microphone"),
  here(
    "VoiceGateway.set_new_voice_server(payload)",
    "VoiceConnection.setVoiceServer",
    "a VOICE_SERVER_UPDATE through the adapter does the same",
  ),
  absent(["IntEnum", "Event", "bytes"], PYTHON),
];
