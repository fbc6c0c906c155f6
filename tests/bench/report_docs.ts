/**
 * The figures in the docs: what stands between two markers is written anew.
 *
 * @module
 */

import type { BenchReport } from "./report_data.ts";
import { markdown } from "./report_table.ts";

const [BEGIN, END] = ["<!-- bench: begin -->", "<!-- bench: end -->"];

/**
 * Replaces the figures of a page.
 *
 * @param page Markdown with both markers.
 * @param report The figures.
 * @throws {Error} It has no markers.
 */
export function writeDocs(page: string, report: BenchReport): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) {
    throw new Error(`Cannot write the figures: want ${BEGIN} and then ${END} in the page`);
  }
  return `${page.slice(0, begin + BEGIN.length)}\n\n${markdown(report)}\n\n${page.slice(end)}`;
}
