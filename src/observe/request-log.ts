// The request log: one record for each HTTP exchange on the public side, written when the exchange has ended together
// with the calls it brought. Joins what the HTTP side knows (path, status) with what the endpoint knows (person, call).
import type {
  Arrival,
  CallInfo,
  CallObserver,
  CallOutcome,
  CallSpan,
  OutcomeKind,
} from "../eras/observers/call-observer.ts";
import type { ExchangeObserver } from "../http/public-app.ts";
import { printable } from "../printable.ts";

/** The members stand in one order in every record, which costs less. */
export interface RequestRecord {
  readonly event: "request";
  method: string;
  path: string;
  status: number;
  /** Milliseconds until the exchange and its calls had ended. */
  ms: number;
  /** JSON-RPC method when the body was one message, else how many messages it had. */
  rpc?: string | undefined;
  /** Tool, prompt or resource the message names. */
  name?: string | undefined;
  /** OAuth client, when a token was shown. */
  client?: string | undefined;
  /** What that client called itself when it was approved. */
  clientName?: string | undefined;
  /** Who approved the client; absent without a token. */
  person?: string | undefined;
  /** What became of the call; of a batch, the worst that became of one of its calls. */
  outcome?: OutcomeKind | undefined;
  /** Bytes that its stream carried, else bytes of the answers to its calls. */
  bytes?: number | undefined;
}

export interface RequestLogOptions {
  now(): number;
  log: { debug(line: string): void };
  /** Called once for each exchange. */
  emit(record: RequestRecord): void;
}

/** An exchange that has not ended. */
interface Exchange {
  readonly record: RequestRecord;
  readonly begun: number;
  /** What is still to end: its response, its stream, its calls. */
  pending: number;
  isStream: boolean;
}

export type RequestLog = ExchangeObserver & Required<CallObserver>;

export function createRequestLog({ now, log, emit }: RequestLogOptions): RequestLog {
  const exchanges = new Map<Request, Exchange>();

  function settle(exchange: Exchange): void {
    if (--exchange.pending > 0) return;
    const { record, begun } = exchange;
    record.ms = now() - begun;
    emit(record);
  }

  return {
    isPrompt: true,
    began(request, path) {
      const record = createRecord(request.method, path);
      exchanges.set(request, { record, begun: now(), pending: 1, isStream: false });
    },
    answered(request, status) {
      const exchange = exchanges.get(request);
      if (exchange === undefined) return;
      // Its calls have begun and its stream is known, so that a stream of hours does not keep the request.
      exchanges.delete(request);
      exchange.record.status = status;
      settle(exchange);
    },
    received(arrival) {
      const record = exchanges.get(arrival.request)?.record;
      if (record !== undefined) noteArrival(record, arrival);
    },
    begin({ request, name }: CallInfo): CallSpan | undefined {
      const exchange = exchanges.get(request);
      if (exchange === undefined) return undefined;
      const { record } = exchange;
      exchange.pending++;
      // A batch is one line, which names none of its calls.
      const isAlone = !record.rpc?.startsWith(BATCH);
      if (isAlone && name !== undefined) record.name = name;
      return {
        end(outcome) {
          noteOutcome(exchange, outcome);
          settle(exchange);
        },
      };
    },
    streams(request) {
      const exchange = exchanges.get(request);
      if (exchange === undefined) return () => {};
      const { record } = exchange;
      exchange.pending++;
      exchange.isStream = true;
      // It may stay open for hours; that of a POST follows requests which have been logged.
      if (record.method === "GET") log.debug(`GET ${printable(record.path)} has opened a stream.`);
      return (bytes) => {
        record.bytes = bytes;
        settle(exchange);
      };
    },
  };
}

function createRecord(method: string, path: string): RequestRecord {
  return {
    event: "request",
    method,
    path,
    status: 0,
    ms: 0,
    rpc: undefined,
    name: undefined,
    client: undefined,
    clientName: undefined,
    person: undefined,
    outcome: undefined,
    bytes: undefined,
  };
}

const BATCH = "batch of ";
const LONGEST_METHOD = 120;

function noteArrival(record: RequestRecord, { caller: { principal }, batch, messages }: Arrival): void {
  if (principal !== undefined) {
    record.client = principal.clientId;
    record.person = principal.subject;
    const { clientId, clientName } = principal;
    if (clientName !== undefined && clientName !== clientId) record.clientName = clientName;
  }
  const [first] = messages;
  if (batch) record.rpc = `${BATCH}${messages.length}`;
  else if (first !== undefined) record.rpc = first.method.slice(0, LONGEST_METHOD) || "answer";
}

/** The worst last. */
const SEVERITY: readonly OutcomeKind[] = ["result", "cancelled", "refused", "tool-error", "error"];

function noteOutcome({ record, isStream }: Exchange, { kind, size }: CallOutcome): void {
  const { outcome, bytes = 0 } = record;
  if (outcome === undefined || SEVERITY.indexOf(kind) > SEVERITY.indexOf(outcome)) record.outcome = kind;
  if (size > 0 && !isStream) record.bytes = bytes + size;
}
