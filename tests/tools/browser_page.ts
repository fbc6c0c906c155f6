/// <reference lib="dom" />
/**
 * What is done inside the browser page to find out how it looks. The functions are sent
 * there as text, so they name nothing of this module.
 *
 * @module
 */

/** An arrow of the diagram. */
export interface Arrow {
  /** Milliseconds. */
  readonly at: number;
  /** For example `from Bot A to UDP`. */
  readonly way: string;
  /** Name of the message. */
  readonly name: string;
  /** Whether it starts and ends at the lines it should, and points the right way. */
  readonly fits: boolean;
}

/** The page in one size and colour scheme. */
export interface LookFact {
  /** Width of the window. */
  readonly width: number;
  /** Width of the page; greater where one must scroll. */
  readonly scrollWidth: number;
  /** How bright the page's ground is, 0 to 255. */
  readonly brightness: number;
  /** Texts that have too little contrast, or lie outside of the window. */
  readonly faults: readonly string[];
}

/** Reads the diagram, and measures its arrows against the lines. */
export function readArrows(): Arrow[] {
  const middle = ({ left, width }: DOMRect) => left + width / 2;
  const lanes = new Map([...document.querySelectorAll(".heads > div")].map((head) => [
    head.querySelector("b")!.textContent,
    middle(head.getBoundingClientRect()),
  ]));
  return [...document.querySelectorAll(".sequence li")].map((row) => {
    const arrow = row.querySelector("[role=img]")!;
    const way = arrow.getAttribute("aria-label")!;
    const [from, to] = way.slice("from ".length).split(" to ").map((name) => lanes.get(name)!);
    const { left, right } = arrow.getBoundingClientRect();
    const fits = Math.abs(left - Math.min(from, to)) < 2 &&
      Math.abs(right - Math.max(from, to)) < 2 &&
      arrow.className === (to > from ? "rightward" : "leftward");
    const at = Number(row.querySelector("time")!.textContent);
    return { at, way, name: row.querySelector("b")!.textContent, fits };
  });
}

/** Looks at the page: its width, its ground, the contrast and the place of each text. */
export function readLook(): LookFact {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
  const paint = (colors: readonly string[]) => {
    for (const color of colors) {
      context.fillStyle = color;
      context.fillRect(0, 0, 1, 1);
    }
    return [...context.getImageData(0, 0, 1, 1).data.subarray(0, 3)];
  };
  const luminance = (color: readonly number[]) => {
    const [red, green, blue] = color.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const grounds = (element: Element | null): string[] =>
    element === null
      ? ["white"]
      : [...grounds(element.parentElement), getComputedStyle(element).backgroundColor];
  const faults: string[] = [];
  for (const element of document.querySelectorAll("main *")) {
    const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
    const text = own.map((node) => node.textContent).join("").trim();
    const { left, right, width } = element.getBoundingClientRect();
    if (text === "" || width === 0) continue;
    const below = grounds(element);
    const [ink, ground] = [[...below, getComputedStyle(element).color], below].map((colors) =>
      luminance(paint(colors))
    );
    const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(1)}: ${text}`);
    if (left < 0 || right > innerWidth) faults.push(`outside: ${text}`);
  }
  const [brightness] = paint([getComputedStyle(document.body).backgroundColor]);
  return {
    width: innerWidth,
    scrollWidth: document.documentElement.scrollWidth,
    brightness,
    faults,
  };
}
