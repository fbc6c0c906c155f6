/// <reference lib="dom" />
/**
 * The panel that seals a packet, shows its bytes, and opens it again after each change.
 *
 * @module
 */

import { type EncryptionMode, KEY_SIZE, NonceCounter } from "@sotto/voice/core";
import { element, fillChoices, say } from "./dom.ts";
import {
  fromHex,
  isSecretbox,
  type Opened,
  openPacket,
  partsOf,
  random,
  sealPacket,
  toHex,
} from "./packet.ts";

/**
 * Brings the panel to life.
 *
 * @param modes The encryption modes that can be chosen.
 */
export function startPacketPanel(modes: readonly EncryptionMode[]): void {
  new PacketPanel(modes);
}

class PacketPanel {
  readonly #mode = element("packet-mode", HTMLSelectElement);
  readonly #key = element("packet-key", HTMLInputElement);
  readonly #payload = element("packet-payload", HTMLInputElement);
  readonly #own = element("packet-own", HTMLTextAreaElement);
  readonly #bytes = element("packet-bytes", HTMLElement);
  #nonces = new NonceCounter();
  #sequence = 0;
  #packet = new Uint8Array();
  #original = new Uint8Array();

  constructor(modes: readonly EncryptionMode[]) {
    fillChoices(this.#mode, modes);
    this.#renewKey();
    this.#seal();
    const seal = () => this.#seal();
    this.#mode.addEventListener("change", seal);
    this.#payload.addEventListener("input", seal);
    this.#key.addEventListener("input", () => this.#check());
    element("packet-new-key", HTMLButtonElement).addEventListener("click", () => {
      this.#renewKey();
      this.#seal();
    });
    element("packet-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#seal();
    });
    element("packet-flip", HTMLButtonElement).addEventListener("click", () => {
      this.#flip(Math.floor(Math.random() * this.#packet.length), Math.floor(Math.random() * 8));
    });
    element("packet-restore", HTMLButtonElement).addEventListener("click", () => {
      this.#show(this.#original);
    });
    element("packet-open", HTMLButtonElement).addEventListener("click", () => this.#openOwn());
    this.#bytes.addEventListener("click", ({ target }) => {
      if (!(target instanceof HTMLButtonElement)) return;
      this.#flip(Number(target.dataset.index), 0);
    });
  }

  get #chosenMode(): EncryptionMode {
    return this.#mode.value as EncryptionMode;
  }

  get #keyBytes(): Uint8Array | undefined {
    const key = fromHex(this.#key.value);
    return key?.length === KEY_SIZE ? key : undefined;
  }

  #renewKey(): void {
    const key = new Uint8Array(KEY_SIZE);
    random(key);
    this.#key.value = toHex(key);
    this.#nonces = new NonceCounter();
  }

  #seal(): void {
    const key = this.#keyBytes;
    if (key === undefined) return this.#check();
    const payload = new TextEncoder().encode(this.#payload.value);
    const content = { sequence: ++this.#sequence, payload };
    this.#show(sealPacket(this.#chosenMode, key, this.#nonces, content));
  }

  #openOwn(): void {
    const packet = fromHex(this.#own.value);
    if (packet === undefined || packet.length === 0) {
      say(
        "packet-verdict",
        "bad",
        "Not hexadecimal",
        "A packet is an even number of digits 0-9 and a-f.",
      );
    } else this.#show(packet);
  }

  #show(packet: Uint8Array): void {
    this.#original = Uint8Array.from(packet);
    this.#packet = Uint8Array.from(packet);
    const buttons = partsOf(this.#chosenMode, packet).map((part, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = part;
      button.dataset.index = String(index);
      return button;
    });
    this.#bytes.replaceChildren(...buttons);
    for (const button of buttons) this.#label(button);
    this.#check();
  }

  #flip(index: number, bit: number): void {
    this.#packet[index] ^= 1 << bit;
    this.#label(this.#bytes.children[index] as HTMLButtonElement);
    this.#check();
  }

  #label(button: HTMLButtonElement): void {
    const index = Number(button.dataset.index);
    const changed = this.#packet[index] !== this.#original[index];
    const text = toHex(this.#packet.subarray(index, index + 1));
    button.textContent = text;
    button.classList.toggle("changed", changed);
    button.setAttribute("aria-pressed", String(changed));
    button.setAttribute("aria-label", `${button.classList[0]}, byte ${index}: ${text}`);
  }

  #check(): void {
    const key = this.#keyBytes;
    const length = this.#key.value.replace(/\s/g, "").length;
    if (key === undefined) {
      const reason = `A key is ${2 * KEY_SIZE} hexadecimal digits; these are ${length} characters.`;
      return say("packet-verdict", "bad", "No key", reason);
    }
    this.#judge(openPacket(this.#chosenMode, key, this.#packet));
  }

  #judge(opened: Opened): void {
    const changed = this.#packet.some((byte, index) => byte !== this.#original[index]);
    if ("fault" in opened) {
      const reason = changed
        ? "A bit is not what was sealed, and the receiver can tell."
        : "Mode, key and packet do not belong together.";
      return say("packet-verdict", "bad", `Rejected: ${opened.fault}`, reason);
    }
    const { header, payload } = opened;
    const fields =
      `SSRC ${header.ssrc}, sequence ${header.sequence}, timestamp ${header.timestamp}`;
    const warning = changed && isSecretbox(this.#chosenMode)
      ? " The header was changed, and this mode does not authenticate it."
      : "";
    const text = new TextDecoder().decode(payload);
    say(
      "packet-verdict",
      changed ? "warn" : "good",
      `Opened: ${text}`,
      `${fields}.${warning}`,
      toHex(payload),
    );
  }
}
