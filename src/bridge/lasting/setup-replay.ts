// Tells a process that goes on with a session what the one before was told: the handshake, the log level, the subscriptions.
import { composeNotification, composeRequest } from "../../frame/compose.ts";
import { readMessages, type Message } from "../../frame/message.ts";
import type { Conversation, SessionSetup } from "../bridge.ts";

/**
 * Resolves with the server's refusal of the handshake, and with `undefined` when all is arranged.
 *
 * @param notify takes what the server sends meanwhile
 */
export async function replaySetup(
  conversation: Conversation,
  { initialize, isInitialized, logLevel, resources }: SessionSetup,
  notify: (message: Uint8Array) => void,
): Promise<Uint8Array | undefined> {
  const call = (request: Message) =>
    new Promise<Uint8Array | undefined>((resolve) =>
      conversation.call(request, {
        notify,
        respond: (answer, code) => resolve(code === undefined ? undefined : answer),
        cancelled: () => resolve(undefined),
      }),
    );
  const refusal = await call(initialize);
  if (refusal !== undefined) return refusal;
  if (!isInitialized) return undefined;
  conversation.send(read(composeNotification("notifications/initialized")));
  const preferences = [
    ...(logLevel === undefined ? [] : [["logging/setLevel", { level: logLevel }] as const]),
    ...[...resources].map((uri) => ["resources/subscribe", { uri }] as const),
  ];
  await Promise.all(
    preferences.map(([method, params], at) => call(read(composeRequest(at, method, params)))),
  );
  return undefined;
}

/** A message of ours. */
function read(bytes: Uint8Array): Message {
  const reading = readMessages(bytes);
  if ("fault" in reading) throw new Error(`Our own message cannot be read: ${reading.fault}`);
  return reading.messages[0];
}
