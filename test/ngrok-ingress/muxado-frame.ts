// muxado's frames, as the ngrok agent speaks them: https://github.com/inconshreveable/muxado (PROTOCOL.md,
// whose flag values differ from the code; these are the code's).

export const FrameType = { RST: 0, DATA: 1, WNDINC: 2, GOAWAY: 3 } as const;
export const Flag = { FIN: 1, SYN: 2 } as const;
export const ErrorCode = { NONE: 0, FLOW_CONTROL: 3, STREAM_CLOSED: 4, CANCELLED: 6 } as const;

/** What either side may send on a stream before it is granted more: bytes, per stream and direction. */
export const INITIAL_WINDOW = 0x40000;

const HEADER = 8;

export interface Frame {
  type: number;
  flags: number;
  streamId: number;
  body: Buffer;
}

export function encodeFrame(type: number, streamId: number, body: Uint8Array, flags = 0): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUIntBE(body.length, 0, 3);
  header[3] = (type << 4) | flags;
  header.writeUInt32BE(streamId, 4);
  return Buffer.concat([header, body]);
}

export function encodeNumbers(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4);
  numbers.forEach((number, index) => bytes.writeUInt32BE(number, index * 4));
  return bytes;
}

/** Takes bytes as they come and hands out whole frames. */
export function createFrameReader(receive: (frame: Frame) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER) {
      const end = HEADER + rest.readUIntBE(0, 3);
      if (rest.length < end) return;
      const kind = rest.readUInt8(3);
      const streamId = rest.readUInt32BE(4) & 0x7fffffff;
      receive({ type: kind >> 4, flags: kind & 0xf, streamId, body: rest.subarray(HEADER, end) });
      rest = rest.subarray(end);
    }
  };
}
