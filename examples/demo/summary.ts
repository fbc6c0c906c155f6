/**
 * What the demo prints at its end.
 *
 * @module
 */

import type { DemoArguments } from "./arguments.ts";
import { formatMs } from "./html.ts";
import type { ReportData } from "./report.ts";
import { currentRuntime } from "./runtimes.ts";
import { spread } from "./timing.ts";

type Paths = Pick<DemoArguments, "out" | "report">;

/** A few lines for people. */
export function summaryText(data: ReportData, { out, report }: Paths): string {
  const { packets, pacing, roundTrip } = data;
  const { sent, received, lost, different } = packets;
  const changed = different === 0 ? "" : `, ${different} changed`;
  return `
${data.bitExact ? "Bit-exact" : "NOT bit-exact"}: ` +
    `${sent} packets sent, ${received} received, ${lost} lost${changed}
  call        ${data.file}, ${data.seconds.toFixed(2)} s, ${data.mode}, DAVE ${
      data.dave ? "on" : "off"
    }, ${data.runtime}
  round trip  WebSocket ${median(roundTrip.websocket)}, UDP ${median(roundTrip.udp)}
  pacing      p50 ${formatMs(pacing.p50)} late, p99 ${formatMs(pacing.p99)}
  recording   ${out}
  report      ${report}`;
}

/** One line for programs. */
export function summaryJson(data: ReportData, { out, report }: Paths): string {
  const { packets, pacing, roundTrip } = data;
  return JSON.stringify({
    packetsSent: packets.sent,
    packetsReceived: packets.received,
    lost: packets.lost,
    durationSeconds: data.seconds,
    bitExact: data.bitExact,
    mode: data.mode,
    dave: data.dave,
    runtime: currentRuntime(),
    roundTrip: {
      websocket: spread(roundTrip.websocket)?.p50 ?? null,
      udp: spread(roundTrip.udp)?.p50 ?? null,
    },
    pacing: { p50: pacing.p50, p99: pacing.p99 },
    out,
    report,
  });
}

function median(values: readonly number[]): string {
  return formatMs(spread(values)?.p50);
}
