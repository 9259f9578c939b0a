// Serves the fixtures in a file with aimock, https://aimock.copilotkit.dev, until stdin ends; tells its URL.

import { readFileSync } from "node:fs";
import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ host: "127.0.0.1", port: 0, logLevel: "warn" });
mock.addFixturesFromJSON(readFileSync(process.argv[2], "utf8"));
await mock.start();
console.log(JSON.stringify({ url: mock.url }));
process.stdin.on("end", () => mock.stop().then(() => process.exit(0))).resume();
