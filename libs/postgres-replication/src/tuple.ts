import { ProtocolViolation } from './protocol-violation.js';
import type { Relation } from './relation.js';

const [TEXT, NULL, UNCHANGED] = ['t', 'n', 'u'].map((letter) => letter.charCodeAt(0));

const [isNull, isUnchanged] = [-1, -2];

/**
 * A row's values where they came, as bytes of UTF-8: a string each would cost more than all else that is done with them.
 * One is read over and over, and holds what it read last.
 */
export class Tuple {
  private source: Buffer = Buffer.alloc(0);
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  private total = 0;
  private left = false;

  /** What `start` and `end` are places in. */
  get bytes(): Buffer {
    return this.source;
  }

  /** Bytes of all values. */
  get size(): number {
    return this.total;
  }

  /** As read: none, as long as it is unknown. */
  get hasUnchanged(): boolean {
    return this.left;
  }

  isNull(column: number): boolean {
    return this.starts[column] === isNull;
  }

  /** A value kept out of line that an update did not touch: pgoutput does not send it. */
  isUnchanged(column: number): boolean {
    return this.starts[column] === isUnchanged;
  }

  /** Of a value that is neither NULL nor unchanged. */
  start(column: number): number {
    return this.starts[column]!;
  }

  end(column: number): number {
    return this.ends[column]!;
  }

  /** Not of a value that is unchanged. */
  text(column: number): string | null {
    return this.isNull(column) ? null : this.source.toString('utf8', this.start(column), this.end(column));
  }

  /** Takes a value over from the old row of the same message. */
  inherit(column: number, old: Tuple): void {
    this.starts[column] = old.starts[column]!;
    this.ends[column] = old.ends[column]!;
    this.total += this.isNull(column) ? 0 : this.end(column) - this.start(column);
  }

  /** Reads a TupleData that begins at `at`, and returns where it ends. @throws ProtocolViolation */
  read(bytes: Buffer, at: number, relation: Relation): number {
    const count = bytes.readUInt16BE(at);
    if (count !== relation.columns.length)
      throw new ProtocolViolation(
        `A row of ${relation.name} has ${count} columns, its description ${relation.columns.length}.`,
      );
    this.source = bytes;
    this.total = 0;
    this.left = false;
    let next = at + 2;
    for (let column = 0; column < count; column++) {
      const kind = bytes[next++];
      if (kind === TEXT) {
        const start = next + 4;
        next = start + bytes.readUInt32BE(next);
        this.starts[column] = start;
        this.ends[column] = next;
        this.total += next - start;
      } else if (kind === NULL) this.starts[column] = isNull;
      else if (kind === UNCHANGED) {
        this.starts[column] = isUnchanged;
        this.left = true;
      } else throw new ProtocolViolation(`A value of ${relation.name} came in unknown format ${kind}.`);
    }
    return next;
  }
}
