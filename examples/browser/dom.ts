/// <reference lib="dom" />
/**
 * Small things that both panels do with the page.
 *
 * @module
 */

/**
 * Finds an element.
 *
 * @param id Its id.
 * @param type What it must be.
 * @throws {TypeError} The page has none such: page and program do not fit.
 */
export function element<T extends Element>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new TypeError(`Cannot find #${id}: the page must have a ${type.name} of that id`);
}

/**
 * Fills a list of choices.
 *
 * @param select The list.
 * @param values What can be chosen.
 */
export function fillChoices(select: HTMLSelectElement, values: readonly string[]): void {
  select.replaceChildren(...values.map((value) => new Option(value)));
}

/** How good it is what is said. */
export type Verdict = "good" | "warn" | "bad";

/**
 * Says what came of it.
 *
 * @param id Where.
 * @param verdict How good it is.
 * @param title The short of it.
 * @param detail The long of it.
 * @param code Bytes, if any, as text.
 */
export function say(id: string, verdict: Verdict, title: string, detail: string, code = ""): void {
  const parts = [["strong", title], ["span", detail], ["code", code]].map(([name, text]) => {
    const part = document.createElement(name);
    part.textContent = text;
    return part;
  });
  const place = element(id, HTMLElement);
  place.className = `verdict ${verdict}`;
  place.replaceChildren(...parts);
}
