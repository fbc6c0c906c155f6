/**
 * Events as lines of a log. No line holds a token, a key or the contents of a message.
 *
 * @module
 */

import type { SessionEvent } from "../lib/io.ts";

/** Where lines go; `console` fits. */
export interface Logger {
  /** Every message that goes by. */
  debug(line: string): void;
  /** What the connection does. */
  info(line: string): void;
  /** What should not be, and is dealt with. */
  warn(line: string): void;
  /** The end that nobody asked for. */
  error(line: string): void;
}

/**
 * Writes an event: one line, whatever a server has put into it.
 *
 * @param logger Where to.
 * @param event What happened.
 */
export function log(logger: Logger, event: SessionEvent): void {
  switch (event.type) {
    case "state":
      return logger.info(`${event.from} -> ${event.to}`);
    case "ready":
      return logger.info(`ready: ssrc ${event.ssrc}, ${event.mode}`);
    case "resumed":
    case "connected":
      return logger.info(event.type);
    case "disconnected": {
      const level = event.bySelf ? "info" : "warn";
      return logger[level](`disconnected: ${event.code}${event.bySelf ? " by self" : ""}`);
    }
    case "closed":
      if (event.error === undefined) return logger.info("closed");
      return logger.error(oneLine(`${event.error.message}. ${event.error.hint}`));
    case "highLatency":
      return logger.warn(`a heartbeat was answered after ${Math.round(event.roundTrip)} ms`);
    case "daveEpochTransition": {
      const epoch = event.epoch === undefined ? "" : `, epoch ${event.epoch}`;
      return logger.info(`end-to-end encryption: version ${event.protocolVersion}${epoch}`);
    }
    case "davePrivacyCode":
      return logger.debug(`privacy code: ${event.code ?? "none"}`);
    case "daveReady":
      return logger.info(`end-to-end encryption: ${event.ready ? "ready" : "not ready"}`);
    case "daveRecovery":
      return logger.warn(`end-to-end encryption starts over: ${event.reason}`);
    case "daveIgnored":
      return logger.debug(`ignored op ${event.op}: ${event.reason}`);
    case "malformed":
      return logger.warn(oneLine(`malformed: ${event.reason}`));
    case "message":
      return logger.debug(`${event.direction} ${event.name} (${event.channel})`);
    case "heartbeat":
    case "keepalive":
      return logger.debug(`${event.type}: ${event.roundTrip.toFixed(1)} ms`);
    case "receptionReport": {
      const loss = (100 * event.fractionLost).toFixed(1);
      return logger.debug(`the server lost ${loss} %, jitter ${event.jitter.toFixed(1)} ms`);
    }
    case "speaking":
    case "video":
    case "clientConnect":
    case "clientDisconnect":
      return logger.debug(`${event.type}: user ${event.userId}`);
  }
}

function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- they move the cursor of a terminal
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, " ");
}
