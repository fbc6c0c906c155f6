/**
 * The names of @discordjs/voice 0.19 over the connections of this package: a bot that was written
 * for it changes one import. No native add-on is needed, a connection resumes, rejoins and moves
 * within a budget, and no packet that is received can end a stream.
 *
 * What is other than there, `docs/discordjs.md` lists.
 *
 * @example A bot
 * ```ts ignore
 * import {
 *   AudioPlayerStatus,
 *   createAudioPlayer,
 *   createAudioResource,
 *   entersState,
 *   joinVoiceChannel,
 *   VoiceConnectionStatus,
 * } from "@sotto/voice/discordjs";
 *
 * const connection = joinVoiceChannel({
 *   channelId: channel.id,
 *   guildId: channel.guild.id,
 *   adapterCreator: channel.guild.voiceAdapterCreator,
 * });
 * const player = createAudioPlayer();
 * connection.subscribe(player);
 * await entersState(connection, VoiceConnectionStatus.Ready, 20_000);
 * player.play(createAudioResource("hello.ogg"));
 * await entersState(player, AudioPlayerStatus.Idle, 60_000);
 * connection.destroy();
 * ```
 *
 * @module
 */

export {
  AudioPlayer,
  AudioPlayerError,
  type AudioPlayerEvents,
  createAudioPlayer,
  type CreateAudioPlayerOptions,
  PlayerSubscription,
} from "./audio_player.ts";
export * from "./audio_player_states.ts";
export {
  AudioReceiveStream,
  type AudioReceiveStreamOptions,
  createDefaultAudioReceiveStreamOptions,
  type EndBehavior,
  EndBehaviorType,
  RECEIVE_BUFFER_SIZE,
} from "./audio_receive_stream.ts";
export { AudioResource, type AudioResourceParts, type ResourcePlayer } from "./audio_resource.ts";
export type { PlayingConnection } from "./connection_face.ts";
export type * from "./connection_networking.ts";
export type * from "./connection_states.ts";
export * from "./connection_status.ts";
export { createAudioResource, type CreateAudioResourceOptions } from "./create_audio_resource.ts";
export { demuxProbe, type ProbeInfo, validateDiscordOpusHead } from "./demux_probe.ts";
export { generateDependencyReport, RTP_OPUS_PAYLOAD_TYPE, version } from "./dependency_report.ts";
export { entersState, type Stateful } from "./enters_state.ts";
export {
  getGroups,
  getVoiceConnection,
  getVoiceConnections,
  joinVoiceChannel,
  type JoinVoiceChannelOptions,
} from "./join_voice_channel.ts";
export type { OpusEncoder } from "./opus_stages.ts";
export { SpeakingMap, type SpeakingMapEvents } from "./speaking_map.ts";
export { SSRC_LIMIT, SSRCMap, type SSRCMapEvents, type VoiceUserData } from "./ssrc_map.ts";
export type { Edge } from "./stages.ts";
export { StreamType, TransformerType } from "./stream_type.ts";
export {
  type CreateVoiceConnectionOptions,
  VoiceConnection,
  type VoiceConnectionEvents,
} from "./voice_connection.ts";
export { VoiceReceiver } from "./voice_receiver.ts";
export { VolumeTransformer } from "./volume_transformer.ts";
export type * from "../gateway_adapter.ts";
export type { PcmSamples } from "../sources/pcm_source.ts";
export * from "../networking/mod.ts";
