/**
 * The report's style: light and dark, wide and narrow.
 *
 * @module
 */

/** CSS of the whole page. */
export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f4f2ee; --card: #fffefb; --ink: #22201d; --soft: #6a655e; --line: #e3dfd7;
  --sent: #2b63c9; --received: #0b7f63; --good: #0b7f63; --bad: #b3321f; --high: #b0590b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131518; --card: #1b1e23; --ink: #e9e6e0; --soft: #9d9a94; --line: #31353c;
    --sent: #86aefb; --received: #56cfae; --good: #56cfae; --bad: #ff8a75; --high: #f0a35e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
header, section {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 1.4rem 1.6rem; margin-bottom: 1rem;
}
h1 { font-size: 2.3rem; line-height: 1.15; margin: .4rem 0 .5rem; letter-spacing: -.02em; }
h2 { font-size: 1.15rem; margin: 0 0 .3rem; }
h3 { font-size: .85rem; font-weight: 600; margin: .9rem 0 .3rem; overflow-wrap: anywhere; }
p { margin: 0 0 .7rem; }
a { color: var(--sent); overflow-wrap: anywhere; }
small, .note, .brand, dt { color: var(--soft); }
.note { font-size: .85rem; margin: .6rem 0 0; }
.brand { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; font-size: .85rem; margin: 0; }
.sign { margin-right: .6rem; }
.good h1 { color: var(--good); }
.bad h1 { color: var(--bad); }
.lead { max-width: 42rem; }
.facts { display: flex; flex-wrap: wrap; gap: .4rem; list-style: none; margin: 0 0 1.1rem; padding: 0; }
.facts li {
  border: 1px solid var(--line); border-radius: 999px; padding: .1rem .7rem; font-size: .82rem;
  overflow-wrap: anywhere;
}
.figures {
  display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1rem 1.2rem; margin: 0;
}
.figures div { border-top: 2px solid var(--line); padding-top: .4rem; min-width: 0; }
dt { font-size: .8rem; }
dd { margin: 0; font-size: 1.4rem; font-weight: 600; line-height: 1.25; overflow-wrap: anywhere; }
dd small { display: block; font-size: .78rem; font-weight: 400; line-height: 1.35; margin-top: .1rem; }
audio { display: block; width: 100%; margin-top: 1rem; }

.plot { display: grid; grid-template-columns: 3.6rem minmax(0, 1fr); padding-right: .9rem; }
.plot h3, .plot .area { grid-column: 2; }
.plot svg { display: block; width: 100%; height: 100%; }
.area { position: relative; height: 3.6rem; border-bottom: 1px solid var(--line); overflow: hidden; }
.seekable { cursor: pointer; }
.arrivals .area { height: 12rem; overflow: visible; }
.row-name { grid-column: 1; align-self: center; font-size: .78rem; color: var(--soft); }
.axis-x, .axis-y { position: relative; font-size: .75rem; color: var(--soft); }
.axis-x { grid-column: 2; height: 1.4rem; margin-top: .25rem; }
.axis-y { grid-column: 1; }
.axis-x span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.axis-y span { position: absolute; right: .6rem; transform: translateY(-50%); white-space: nowrap; }
path { vector-effect: non-scaling-stroke; fill: none; }
.grid, .tick { stroke: var(--line); stroke-width: 1; }
.shape { stroke-width: .6; }
.shape.sent { fill: var(--sent); stroke: var(--sent); }
.shape.received { fill: var(--received); stroke: var(--received); }
h3.sent { color: var(--sent); }
h3.received { color: var(--received); }
.dots { stroke: var(--received); stroke-width: 4; stroke-linecap: round; opacity: .75; }
.level.p50 { stroke: var(--ink); stroke-width: 1.3; }
.level.p99 { stroke: var(--high); stroke-width: 1.3; stroke-dasharray: 6 4; }
.mark { position: absolute; top: 0; bottom: 0; min-width: 2px; background: var(--bad); opacity: .6; }
.playhead { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--ink); pointer-events: none; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; list-style: none; margin: 0 0 .8rem; padding: 0; font-size: .85rem; }
.legend li::before { content: ""; display: inline-block; vertical-align: middle; margin-right: .5rem; width: 1.4rem; }
.legend .dot::before { width: .5rem; height: .5rem; border-radius: 50%; background: var(--received); }
.legend .p50::before { border-top: 2px solid var(--ink); }
.legend .p99::before { border-top: 2px dashed var(--high); }

.heads { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); margin-left: 3.6rem; text-align: center; line-height: 1.2; }
.heads div { padding: 0 .2rem; }
.heads b { display: block; font-size: .85rem; }
.heads small { font-size: .72rem; }
.heads .lane-A b { color: var(--sent); }
.heads .lane-B b { color: var(--received); }
.sequence .body { position: relative; padding-top: .4rem; }
.lifelines { position: absolute; inset: .4rem 0 0 3.6rem; }
.lifelines i { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--line); }
ol { position: relative; list-style: none; margin: 0; padding: 0 0 .5rem; }
ol li { display: grid; grid-template-columns: 3.6rem minmax(0, 1fr); height: 1.8rem; }
ol li.gap { margin-top: 1.6rem; }
ol time { align-self: end; font-size: .72rem; line-height: 1; color: var(--soft); }
.lane { position: relative; }
.lane b {
  position: absolute; bottom: 8px; transform: translateX(-50%); padding: 0 .25rem;
  font-size: .75rem; font-weight: 500; line-height: 1.25; white-space: nowrap; background: var(--card);
}
.lane i { position: absolute; bottom: 4px; border-top: 1.5px solid currentColor; }
.lane i::after {
  content: ""; position: absolute; top: -5px; border: 4px solid transparent; border-left-width: 7px; border-right-width: 7px;
}
.lane .rightward::after { right: -7px; border-left-color: currentColor; }
.lane .leftward::after { left: -7px; border-right-color: currentColor; }
.bot-A .lane { color: var(--sent); }
.bot-B .lane { color: var(--received); }
.measuring ul { margin: .3rem 0 0; padding-left: 1.1rem; font-size: .88rem; }
.measuring li { margin-bottom: .4rem; }

@media (max-width: 600px) {
  main { padding: .6rem .5rem 2rem; }
  header, section { padding: 1rem .8rem; border-radius: 10px; }
  h1 { font-size: 1.8rem; }
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .8rem; }
  .plot { grid-template-columns: 2.7rem minmax(0, 1fr); }
  .axis-y span { right: .35rem; }
  .heads, .lifelines { margin-left: 0; }
  .heads { padding-left: 2.7rem; }
  .heads b, .lane b { font-size: .68rem; }
  .heads small { font-size: .62rem; }
  .lifelines { inset: .4rem 0 0 2.7rem; }
  ol li { grid-template-columns: 2.7rem minmax(0, 1fr); }
  ol time { font-size: .65rem; }
}
`;
