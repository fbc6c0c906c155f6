/**
 * The figures in the docs: what stands between two markers is written anew.
 *
 * @module
 */

/**
 * Replaces the figures of a page.
 *
 * @param page Markdown with both markers.
 * @param name The markers' name.
 * @param figures Markdown.
 * @throws {Error} It has no markers.
 */
export function writeDocs(page: string, name: string, figures: string): string {
  const [beginMark, endMark] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [begin, end] = [page.indexOf(beginMark), page.indexOf(endMark)];
  if (begin < 0 || end < begin) {
    throw new Error(`Cannot write the figures: want ${beginMark} and then ${endMark} in the page`);
  }
  return `${page.slice(0, begin + beginMark.length)}\n\n${figures}\n\n${page.slice(end)}`;
}
