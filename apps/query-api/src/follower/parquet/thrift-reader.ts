/** Thrift's compact protocol, as Parquet's headers and footers are written in it. */

/** By the ids of a struct's fields. */
export type Fields = ReadonlyMap<number, Thrift>;
/** Integers are below 2^53 there. */
export type Thrift = number | boolean | Buffer | readonly Thrift[] | Fields;

const [TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, STRUCT] = [1, 2, 3, 7, 8, 9, 10, 12];

export class ThriftReader {
  constructor(
    private readonly bytes: Buffer,
    /** Where it reads next. */
    public at: number,
  ) {}

  struct(): Fields {
    const fields = new Map<number, Thrift>();
    for (let last = 0, head; (head = this.byte()) !== 0;) {
      last = head >> 4 === 0 ? this.integer() : last + (head >> 4);
      fields.set(last, this.value(head & 15));
    }
    return fields;
  }

  private value(type: number): Thrift {
    switch (type) {
      case TRUE:
      case FALSE:
        return type === TRUE;
      case BYTE:
        return this.byte();
      case BINARY:
        return this.take(this.varint());
      case LIST:
      case SET:
        return this.list();
      case STRUCT:
        return this.struct();
      default:
        if (type >= DOUBLE) throw new RangeError(`No field of a Parquet file has the Thrift type ${type}.`);
        return this.integer();
    }
  }

  private list(): Thrift[] {
    const head = this.byte();
    const count = head >> 4 === 15 ? this.varint() : head >> 4;
    return Array.from({ length: count }, () => this.value(head & 15));
  }

  private integer(): number {
    const zigzag = this.varint();
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }

  /** ULEB128. */
  varint(): number {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  byte(): number {
    return this.bytes.readUInt8(this.at++);
  }

  take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.bytes.length) throw new RangeError(`${end} is past the end at ${this.bytes.length}.`);
    const taken = this.bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }
}
