/**
 * What the page of figures has beyond the style of the demo's report.
 *
 * @module
 */

/** CSS. */
export const PAGE_STYLE = `
:root { --own: #2b63c9; --part: #8fb0e8; --peer: #c9822b; --limit: #8a857d; --goal: #b3321f; }
@media (prefers-color-scheme: dark) {
  :root { --own: #86aefb; --part: #4a6aa8; --peer: #e0a458; --limit: #7d7a74; --goal: #ff8a75; }
}
main { max-width: 66rem; }
h3 { font-size: .95rem; margin: 1.1rem 0 .2rem; }
.wide { overflow-x: auto; }
.chart svg { display: block; width: 100%; min-width: 46rem; height: auto; }
.chart text { font: 12.5px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--ink); }
.chart .name.own { font-weight: 650; }
.chart .axis { font-size: 11px; fill: var(--soft); }
.chart .goal { font-size: 11.5px; fill: var(--goal); }
.chart .mark { stroke: var(--goal); stroke-width: 1.5; stroke-dasharray: 5 3; }
rect.own { fill: var(--own); } rect.part { fill: var(--part); }
rect.peer { fill: var(--peer); } rect.limit { fill: var(--limit); }
.legend { margin: 0; }
.legend li::before { height: .8rem; width: .8rem; border-radius: 2px; }
.legend .own::before { background: var(--own); }
.legend .part::before { background: var(--part); }
.legend .peer::before { background: var(--peer); }
.legend .limit::before { background: var(--limit); }
.legend .goal::before { height: 0; width: 1.4rem; border-top: 2px dashed var(--goal); }
section > .note { margin: 0 0 .6rem; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; margin-top: .4rem; }
th { text-align: left; font-weight: 500; padding: .45rem 1rem .45rem 0; min-width: 13rem; }
thead th { font-weight: 650; min-width: 8.5rem; }
tr + tr > *, tbody tr:first-child > * { border-top: 1px solid var(--line); }
td { vertical-align: top; padding: .45rem 1rem .45rem 0; white-space: nowrap; }
td b { display: block; font-size: 1.05rem; line-height: 1.3; }
td.met b, td.met small { color: var(--good); }
td.missed b { color: var(--ink); }
td.missed small { color: var(--bad); }
.bullet { display: block; position: relative; width: 7.5rem; height: .45rem; margin: .15rem 0; background: var(--line); border-radius: 2px; overflow: hidden; }
.bullet i { display: block; height: 100%; background: var(--own); }
.bullet::after { content: ""; position: absolute; left: 50%; top: 0; bottom: 0; width: 2px; background: var(--goal); }
`;
