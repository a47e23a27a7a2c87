// Tells a process that goes on with a session what the one before was told: the handshake, the log level, the subscriptions.
import { settlesWithin } from "../../deadline.ts";
import { composeNotification, composeRequest } from "../../frame/compose.ts";
import { readMessages, type Message } from "../../frame/message.ts";
import type { Conversation, SessionSetup } from "../bridge.ts";

/** How long a process may take to answer all but the handshake, in milliseconds: no call is made before. */
const PATIENCE = 3_000;

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
  const requests = preferences.map(([method, params], at) => read(composeRequest(at, method, params)));
  if (!(await settlesWithin(Promise.all(requests.map(call)), PATIENCE)))
    for (const { id } of requests) conversation.cancel(id);
  return undefined;
}

/** A message of ours. */
function read(bytes: Uint8Array): Message {
  const reading = readMessages(bytes);
  if ("fault" in reading) throw new Error(`Our own message cannot be read: ${reading.fault}`);
  return reading.messages[0];
}
