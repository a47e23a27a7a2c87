// The network is gone for 20 s, as on a train. The addon alone would be back after two minutes.
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { AGENTS, createWorkshop, FORMS } from "./open-tunnel.ts";

setDefaultTimeout(60_000);

const OUTAGE = 20_000;

const workshop = createWorkshop();
afterEach(workshop.clean);

test("after an outage of 20 s the same URL is back within 3 s, from source and compiled", async () => {
  const trips = await Promise.all(
    FORMS.map(async (form) => {
      const ingress = await workshop.startIngress();
      const target = workshop.startTarget(() => new Response("here"));
      const opened = await workshop.open(workshop.createNgrok(ingress, { agent: AGENTS[form] }), target);
      const back = opened.next("up");
      await ingress.cutOff("refused");
      await Bun.sleep(OUTAGE);
      const restored = performance.now();
      await ingress.restore();
      const { up } = await back;
      const took = performance.now() - restored;
      return { took, same: up.url === opened.url, text: await (await fetch(opened.url)).text() };
    }),
  );
  for (const { took, same, text } of trips) {
    expect(took).toBeLessThan(3_000);
    expect({ same, text }).toEqual({ same: true, text: "here" });
  }
});
