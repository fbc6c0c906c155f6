/// <reference lib="dom" />
/**
 * The panel that runs a call and draws it.
 *
 * @module
 */

import {
  type EncryptionMode,
  GATEWAY_VERSION,
  GATEWAY_VERSIONS,
  type GatewayVersion,
} from "@sotto/voice/core";
import { formatMs } from "../demo/html.ts";
import { drawSequence } from "../demo/sequence_diagram.ts";
import { type CallOptions, type CallResult, DRAWN_PACKETS, runCall } from "./call.ts";
import { element, fillChoices, say } from "./dom.ts";

/**
 * Brings the panel to life.
 *
 * @param modes The encryption modes that can be chosen.
 */
export function startCallPanel(modes: readonly EncryptionMode[]): void {
  fillChoices(element("call-mode", HTMLSelectElement), modes);
  const version = element("call-version", HTMLSelectElement);
  fillChoices(version, GATEWAY_VERSIONS.map(String));
  version.value = String(GATEWAY_VERSION);
  element("call-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
  show();
}

function show(): void {
  const options = chosen();
  const start = performance.now();
  const result = runCall(options);
  const took = performance.now() - start;
  judge(result);
  element("call-result", HTMLElement).innerHTML = figures(result, took) +
    drawSequence(result.messages) + omission(result);
}

function chosen(): CallOptions {
  const number = (id: string) => element(id, HTMLInputElement).valueAsNumber;
  const version = Number(element("call-version", HTMLSelectElement).value);
  return {
    version: version as GatewayVersion,
    mode: element("call-mode", HTMLSelectElement).value as EncryptionMode,
    packetCount: number("call-packets"),
    loss: number("call-loss") / 100,
    seed: number("call-seed"),
    cut: element("call-cut", HTMLInputElement).checked,
  };
}

function judge({ sent, heard, bitExact, resumed, mode, error }: CallResult): void {
  if (error !== undefined) {
    return say(
      "call-verdict",
      "bad",
      "A session ended",
      `${error}. Try less loss, or another seed.`,
    );
  }
  const title = !bitExact
    ? "Not what was sent"
    : heard === 0
    ? "Nothing heard"
    : "Heard bit for bit";
  const share = `B heard ${heard} of ${sent} packets, sealed with ${mode}`;
  const resume = resumed > 0 ? "; A resumed its session and sent on" : "";
  say("call-verdict", bitExact && heard > 0 ? "good" : "bad", title, `${share}${resume}.`);
}

function figures({ sent, heard, resumed, duration }: CallResult, took: number): string {
  return `<dl class="figures">
${figure("sent", sent, "packets, by A")}
${figure("lost", sent - heard, "packets, on the way")}
${figure("resumed", resumed, "sessions")}
${figure("virtual time", formatMs(duration), `in ${formatMs(took)} of yours`)}
</dl>`;
}

function figure(name: string, value: number | string, note: string): string {
  return `<div><dt>${name}</dt><dd>${value}<small>${note}</small></dd></div>`;
}

function omission({ sent }: CallResult): string {
  if (sent <= DRAWN_PACKETS) return "";
  return `<p class="note">Of the audio, the first ${DRAWN_PACKETS} packets are drawn.</p>`;
}
