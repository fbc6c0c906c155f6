/**
 * Runs the test files on Deno, Bun and Node, one runtime after another, those on virtual time
 * two at once:
 *
 *     deno task test [--runtime deno|bun|node]... [filter...]
 *
 * A filter is a part of a test file's path, or the absolute path of a file elsewhere. Every
 * file runs in a process of its own, so that a crash or a hang is a failure of that file,
 * whose whole output is then shown. Counts are read from the JUnit report each runtime
 * writes, since an exit code can lie: a test that ends its process exits with 0 everywhere.
 * All output, also that of children, is searched for the tokens and keys that the file used;
 * one found is a failure of that file. The last line is `N passed, N failed`, summed over the
 * runtimes.
 *
 * @module
 */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type RuntimeName, runtimePath, RUNTIMES } from "../examples/demo/runtimes.ts";
import { runCommand } from "./tools/command.ts";
import { type Counts, countTests } from "./tools/junit.ts";
import { SECRET_RECORDER, SecretWatch } from "./tools/secret_watch.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const FILE_TIME_LIMIT = 300_000;
const RUNTIME_TIME_LIMIT = 600_000;
const STILL_RUNNING_INTERVAL = 15_000;

/** Files whose tests wait for nothing and measure nothing: others beside them do no harm. */
const PURE = new RegExp(
  "^tests/((lib|fuzz)/|faults/(virtual|dave)\\.|peers/(davey(_session)?|containers)\\.|\\w+\\.test\\.ts$|" +
    "adapters/(gateway/|opus|native_|recording/|sources/|connection_(control|events|force_close)\\.|driver\\.))",
);
const PURE_LANES = 2;

/** The arguments that test one file, after the recorder of secrets, and write a JUnit report. */
const TEST_ARGUMENTS: Readonly<Record<RuntimeName, (file: string, report: string) => string[]>> = {
  deno: (file, report) => [
    "test",
    "-A",
    "--no-check",
    `--preload=${SECRET_RECORDER}`,
    `--junit-path=${report}`,
    file,
  ],
  bun: (file, report) => [
    "test",
    "--timeout",
    "60000",
    `--preload=${SECRET_RECORDER}`,
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    file,
  ],
  node: (file, report) => [
    "--test",
    `--import=${pathToFileURL(SECRET_RECORDER)}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=junit",
    `--test-reporter-destination=${report}`,
    file,
  ],
};

async function main(): Promise<void> {
  const { runtimes, filters } = parseArguments(process.argv.slice(2));
  const files = testFiles().filter((file) =>
    filters.length === 0 || filters.some((filter) => file.includes(filter))
  ).concat(filters.filter(isAbsolute));
  if (files.length === 0) throw new Error(`No test file matches: ${filters.join(" ") || "tests/"}`);
  await installDependencies();
  // Where a test has started this runner, Node would take its tests for that test's own.
  delete process.env.NODE_TEST_CONTEXT;

  const reports = mkdtempSync(join(tmpdir(), "sotto-"));
  const results: Counts[] = [];
  const watch = new SecretWatch(join(reports, "secrets"));
  try {
    for (const runtime of runtimes) {
      const before = watch.secrets;
      results.push(await testRuntime(runtime, files, reports, watch));
      if (filters.length > 0 || watch.secrets > before) continue;
      console.log(`  FAILED: no secret was recorded on ${runtime}`);
      results.push({ passed: 0, failed: 1, skipped: 0 });
    }
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
  const passed = sum(results.map((counts) => counts.passed));
  const failed = sum(results.map((counts) => counts.failed));
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
  console.log(`\n${watch.summary}`);
  console.log(`${passed} passed, ${failed} failed`);
}

function parseArguments(args: string[]): { runtimes: readonly RuntimeName[]; filters: string[] } {
  const runtimes: RuntimeName[] = [];
  const filters: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") continue;
    const value = arg === "--runtime"
      ? args[++i] ?? ""
      : arg.startsWith("--runtime=")
      ? arg.slice("--runtime=".length)
      : undefined;
    if (value === undefined) {
      if (arg.startsWith("-")) throw new Error(`Unknown option ${arg}: only --runtime is known`);
      filters.push(arg);
      continue;
    }
    const runtime = RUNTIMES.find((name) => name === value);
    if (runtime === undefined) {
      throw new Error(`Unknown runtime "${value}": use ${RUNTIMES.join(", ")}`);
    }
    runtimes.push(runtime);
  }
  return { runtimes: runtimes.length === 0 ? RUNTIMES : runtimes, filters };
}

function testFiles(folder = "tests"): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory() && !/^tests\/(links|peers\/\w+)$|\/(\.|node_modules$)/.test(path)) {
      files.push(...testFiles(path));
    } else if (entry.isFile() && entry.name.endsWith(".test.ts")) {
      files.push(path);
    }
  }
  return files.sort();
}

/** Fills node_modules, which Bun and Node resolve from. */
async function installDependencies(): Promise<void> {
  const result = await runCommand(await runtimePath("deno"), ["install"], {
    cwd: ROOT,
    timeLimit: FILE_TIME_LIMIT,
  });
  if (!result.ok) throw new Error(`deno install: ${result.ending}\n${result.output}`);
}

async function testRuntime(
  runtime: RuntimeName,
  files: readonly string[],
  reports: string,
  watch: SecretWatch,
): Promise<Counts> {
  console.log(`\n${runtime}: ${files.length} files`);
  const path = await runtimePath(runtime);
  const start = performance.now();
  const end = start + RUNTIME_TIME_LIMIT;
  const results: Counts[] = [];
  let reportCount = 0;
  /** Takes files from the queue until it is empty. */
  const work = async (queue: string[]): Promise<void> => {
    for (let file; (file = queue.shift()) !== undefined;) {
      const left = end - performance.now();
      if (left <= 0) {
        const rest = queue.splice(0).length + 1;
        console.log(`  FAILED: ${rest} files not run within ${RUNTIME_TIME_LIMIT / 1000} s`);
        results.push({ passed: 0, failed: rest, skipped: 0 });
        return;
      }
      const report = join(reports, `${runtime}-${++reportCount}.xml`);
      const timeLimit = Math.min(left, FILE_TIME_LIMIT);
      results.push(await testFile(runtime, path, file, report, timeLimit, watch));
    }
  };
  const pure = files.filter((file) => PURE.test(file));
  await Promise.all(Array.from({ length: PURE_LANES }, () => work(pure)));
  await work(files.filter((file) => !PURE.test(file)));
  const total: Counts = {
    passed: sum(results.map((counts) => counts.passed)),
    failed: sum(results.map((counts) => counts.failed)),
    skipped: sum(results.map((counts) => counts.skipped)),
  };
  console.log(`${runtime}: ${describe(total)} (${seconds(start)})`);
  return total;
}

async function testFile(
  runtime: RuntimeName,
  path: string,
  file: string,
  report: string,
  timeLimit: number,
  watch: SecretWatch,
): Promise<Counts> {
  const start = performance.now();
  const stillRunning = setInterval(
    () => console.log(`  ... ${file} (${seconds(start)})`),
    STILL_RUNNING_INTERVAL,
  );
  const args = TEST_ARGUMENTS[runtime](isAbsolute(file) ? file : `./${file}`, report);
  const watched = watch.begin();
  const result = await runCommand(path, args, {
    cwd: ROOT,
    timeLimit: Math.ceil(timeLimit),
    env: watched.env,
  });
  clearInterval(stillRunning);

  const xml = existsSync(report) ? readFileSync(report, "utf8") : undefined;
  const { leaks, output } = watched.end(result.output, xml ?? "");
  const counts = xml === undefined ? undefined : countTests(xml, file);
  const problem = counts === undefined
    ? `no report, ${result.ending}`
    : counts.passed + counts.failed + counts.skipped === 0
    ? `no test was run, ${result.ending}`
    : !result.ok && counts.failed === 0
    ? result.ending
    : leaks.length > 0
    ? "a secret was printed"
    : undefined;
  const { passed, failed, skipped } = counts ?? { passed: 0, failed: 0, skipped: 0 };
  const total: Counts = { passed, failed: failed + (problem === undefined ? 0 : 1), skipped };
  if (total.failed === 0) {
    if (skipped > 0) console.log(output.trimEnd());
    console.log(`  ${file}: ${describe(total)} (${seconds(start)})`);
    return total;
  }
  console.log(output.trimEnd());
  for (const leak of leaks) console.log(`  SECRET: ${leak}`);
  const reason = problem === undefined ? "" : ` (${problem})`;
  console.log(`  FAILED on ${runtime}: ${file}: ${describe(total)}${reason}`);
  return total;
}

function describe({ passed, failed, skipped }: Counts): string {
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return parts.join(", ");
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log("\n0 passed, 1 failed");
  process.exitCode = 1;
}
