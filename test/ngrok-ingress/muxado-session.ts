// One muxado session: many streams with flow control over one connection, the edge's end of it.
import { Duplex } from "node:stream";
import {
  createFrameReader,
  encodeFrame,
  encodeNumbers,
  ErrorCode,
  Flag,
  FrameType,
  INITIAL_WINDOW,
  type Frame,
} from "./muxado-frame.ts";

export interface MuxSession {
  /** Opens a stream to the agent. */
  open(): MuxStream;
  /** How many streams are open in either direction. */
  streamCount(): number;
  /** Any frame at all, lawful or not. */
  sendFrame(type: number, streamId: number, body: Uint8Array, flags?: number): void;
  /** From now on reads and says nothing; the connection stays. */
  mute(): void;
}

export interface MuxStream {
  readonly id: number;
  /** Bytes both ways. Reading grants the agent more; writing waits for what the agent has granted. */
  bytes: Duplex;
  /** Lets go of both halves at once: FIN (what Go's muxado does on Close) or RST. */
  abort(how: "fin" | "rst"): void;
}

interface StreamEnd extends MuxStream {
  receive(frame: Frame): void;
}

export function createMuxSession(connection: Duplex, accept: (stream: MuxStream) => void): MuxSession {
  const streams = new Map<number, StreamEnd>();
  let nextId = 2;
  let muted = false;

  const sendFrame: MuxSession["sendFrame"] = (type, streamId, body, flags) => {
    if (!muted && connection.writable) connection.write(encodeFrame(type, streamId, body, flags));
  };
  const addStream = (id: number, opening: boolean) => {
    const stream = createStream(id, opening, sendFrame, () => streams.delete(id));
    streams.set(id, stream);
    return stream;
  };
  const receive = (frame: Frame) => {
    if (muted || frame.type === FrameType.GOAWAY) return;
    const known = streams.get(frame.streamId);
    if (known) return known.receive(frame);
    if (frame.flags & Flag.SYN) {
      const stream = addStream(frame.streamId, false);
      accept(stream);
      stream.receive(frame);
    } else if (frame.type === FrameType.DATA && frame.body.length > 0) {
      sendFrame(FrameType.RST, frame.streamId, encodeNumbers(ErrorCode.STREAM_CLOSED));
    }
  };

  connection.on("data", createFrameReader(receive));
  connection.on("close", () => {
    for (const stream of streams.values()) stream.bytes.destroy();
  });
  return {
    open() {
      const stream = addStream(nextId, true);
      nextId += 2;
      return stream;
    },
    streamCount: () => streams.size,
    sendFrame,
    mute: () => void (muted = true),
  };
}

function createStream(
  id: number,
  opening: boolean,
  sendFrame: MuxSession["sendFrame"],
  forget: () => void,
): StreamEnd {
  let window = INITIAL_WINDOW;
  let unread = 0;
  let started = !opening;
  let finished = false;
  let resumeWriting = () => {};

  const sendData = (body: Uint8Array, flags = 0) => {
    sendFrame(FrameType.DATA, id, body, started ? flags : flags | Flag.SYN);
    started = true;
  };
  const abort: MuxStream["abort"] = (how) => {
    if (bytes.destroyed) return;
    if (how === "rst") sendFrame(FrameType.RST, id, encodeNumbers(ErrorCode.CANCELLED));
    else if (!finished) sendData(Buffer.alloc(0), Flag.FIN);
    bytes.destroy();
  };

  const bytes = new Duplex({
    read() {
      if (unread === 0) return;
      sendFrame(FrameType.WNDINC, id, encodeNumbers(unread));
      unread = 0;
    },
    write(chunk: Buffer, _encoding, done) {
      let rest = chunk;
      resumeWriting = () => {
        const part = rest.subarray(0, window);
        if (part.length > 0) sendData(part);
        window -= part.length;
        rest = rest.subarray(part.length);
        if (rest.length > 0) return;
        resumeWriting = () => {};
        done();
      };
      resumeWriting();
    },
    final(done) {
      finished = true;
      sendData(Buffer.alloc(0), Flag.FIN);
      done();
    },
    destroy(error, done) {
      forget();
      done(error);
    },
  });

  return {
    id,
    bytes,
    abort,
    receive({ type, flags, body }) {
      if (type === FrameType.RST) return void bytes.destroy();
      if (type === FrameType.WNDINC) {
        window += body.readUInt32BE(0);
        return resumeWriting();
      }
      unread += body.length;
      if (body.length > 0) bytes.push(body);
      if (flags & Flag.FIN) bytes.push(null);
    },
  };
}
