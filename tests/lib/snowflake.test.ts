import { assertEquals } from "@std/assert";
import test from "node:test";
import { isSnowflake } from "../../lib/snowflake.ts";

for (const id of ["0", "41771983423143937", "18446744073709551615", "00000000000000000007"]) {
  test(`isSnowflake("${id}")`, () => assertEquals(isSnowflake(id), true));
}

for (
  const id of ["", "-1", "1.5", "1e3", " 1", "1\n", "0x10", "18446744073709551616", "1".repeat(99)]
) {
  test(`isSnowflake(${JSON.stringify(id)}) is false`, () => assertEquals(isSnowflake(id), false));
}
