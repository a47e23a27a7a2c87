import { expect, test } from "bun:test";
import { isLoopback } from "../src/loopback.ts";

test("localhost and the addresses of the loopback interface are loopback, however a URL or an option writes them", () => {
  for (const name of ["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.9", "::1", "[::1]"])
    expect([name, isLoopback(name)]).toEqual([name, true]);
});

test("a name or an address that may lead elsewhere is not loopback", () => {
  const others = [
    "",
    "app.localhost",
    "localhost.example",
    "127.0.0.1.example",
    "127.1",
    "1127.0.0.1",
    "10.0.0.1",
  ];
  for (const name of [...others, "0.0.0.0", "::", "[::2]", "[::1", "::1]", "example.com"])
    expect([name, isLoopback(name)]).toEqual([name, false]);
});
