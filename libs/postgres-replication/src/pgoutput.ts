/**
 * Reads pgoutput messages, protocol version 1 (Postgres manual, "Logical Replication Message Formats"). Versions 2 to 4
 * add transactions in progress and two-phase commits, neither of which is asked for.
 *
 * Values stay the bytes that the server wrote, and where they came. Messages about origins, types and logical messages say nothing of rows and
 * are skipped, and so are the changes of relations that are not wanted, undecoded.
 */
import type { Lsn } from '#libs/change-event';
import { ProtocolViolation } from './protocol-violation.js';
import type { Relation } from './relation.js';
import { Tuple } from './tuple.js';

/** The row before: whole, or the replica identity alone, all other places being null without meaning anything. */
export interface OldRow {
  readonly whole: boolean;
  readonly row: Tuple;
}

/** Its tuples are to be read before the next message is decoded. */
export type Message =
  | { readonly type: 'begin'; readonly xid: number }
  /** `committedAt` in microseconds since 1970. */
  | { readonly type: 'commit'; readonly endLsn: Lsn; readonly committedAt: bigint }
  | { readonly type: 'insert'; readonly relation: Relation; readonly row: Tuple }
  | { readonly type: 'update'; readonly relation: Relation; readonly old?: OldRow; readonly row: Tuple }
  | { readonly type: 'delete'; readonly relation: Relation; readonly old: OldRow }
  | { readonly type: 'truncate'; readonly relations: readonly Relation[] };

const code = (letter: string) => letter.charCodeAt(0);
const [BEGIN, COMMIT, RELATION] = [code('B'), code('C'), code('R')];
const [INSERT, UPDATE, DELETE, TRUNCATE] = [code('I'), code('U'), code('D'), code('T')];
const [ORIGIN, TYPE, MESSAGE] = [code('O'), code('Y'), code('M')];
const [OLD, KEY] = [code('O'), code('K')];

/** 2000-01-01, where Postgres' clock starts, in microseconds since 1970. */
export const POSTGRES_EPOCH = 946_684_800_000_000n;

/** LSNs stay below 2^53 for eight petabytes of log. */
export const readLsn = (bytes: Buffer, at: number): Lsn =>
  bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);

export class PgoutputDecoder {
  /** Relations as last described; the server describes each before its first change, and again after it changed. */
  private readonly relations = new Map<number, Relation | null>();
  private readonly row = new Tuple();
  private readonly oldRow = new Tuple();
  private bytes: Buffer;
  private at = 0;

  constructor(private readonly wanted: (schema: string, table: string) => boolean) {}

  /** The message that starts at `at`, or null if it says nothing of wanted rows. */
  decode(bytes: Buffer, at: number): Message | null {
    this.bytes = bytes;
    this.at = at + 1;
    switch (bytes[at]) {
      case INSERT:
        return this.insert();
      case UPDATE:
        return this.update();
      case DELETE:
        return this.delete();
      case BEGIN:
        return { type: 'begin', xid: bytes.readUInt32BE(this.at + 16) };
      case COMMIT:
        return this.commit();
      case TRUNCATE:
        return this.truncate();
      case RELATION:
        return this.describe();
      case ORIGIN:
      case TYPE:
      case MESSAGE:
        return null;
      default:
        throw new ProtocolViolation(`pgoutput sent a message of unknown kind ${bytes[at]}.`);
    }
  }

  private insert(): Message | null {
    const relation = this.relation();
    if (!relation) return null;
    this.at += 1;
    return { type: 'insert', relation, row: this.read(this.row, relation) };
  }

  private update(): Message | null {
    const relation = this.relation();
    if (!relation) return null;
    const kind = this.bytes[this.at++];
    if (kind !== OLD && kind !== KEY) return { type: 'update', relation, row: this.read(this.row, relation) };
    const old = { whole: kind === OLD, row: this.read(this.oldRow, relation) };
    this.at += 1;
    return { type: 'update', relation, old, row: this.read(this.row, relation) };
  }

  private delete(): Message | null {
    const relation = this.relation();
    if (!relation) return null;
    const whole = this.bytes[this.at++] === OLD;
    return { type: 'delete', relation, old: { whole, row: this.read(this.oldRow, relation) } };
  }

  private commit(): Message {
    return {
      type: 'commit',
      endLsn: readLsn(this.bytes, this.at + 9),
      committedAt: this.bytes.readBigInt64BE(this.at + 17) + POSTGRES_EPOCH,
    };
  }

  private truncate(): Message | null {
    const count = this.uint32();
    this.at += 1;
    const relations = Array.from({ length: count }, () => this.relation()).filter((relation) => relation !== null);
    return relations.length === 0 ? null : { type: 'truncate', relations };
  }

  private describe(): null {
    const oid = this.uint32();
    const [schema, name] = [this.text(), this.text()];
    this.at += 1;
    const count = this.uint16();
    const columns: string[] = [];
    const identity: number[] = [];
    for (let i = 0; i < count; i++) {
      if ((this.bytes[this.at++]! & 1) === 1) identity.push(i);
      columns.push(this.text());
      this.at += 8;
    }
    // pg_catalog's name is sent as the empty text
    this.relations.set(oid, this.wanted(schema, name) ? { oid, schema, name, columns, identity } : null);
    return null;
  }

  private relation(): Relation | null {
    const oid = this.uint32();
    const relation = this.relations.get(oid);
    if (relation === undefined) throw new ProtocolViolation(`A change of relation ${oid} came before its description.`);
    return relation;
  }

  private read(tuple: Tuple, relation: Relation): Tuple {
    this.at = tuple.read(this.bytes, this.at, relation);
    return tuple;
  }

  private uint16(): number {
    this.at += 2;
    return this.bytes.readUInt16BE(this.at - 2);
  }

  private uint32(): number {
    this.at += 4;
    return this.bytes.readUInt32BE(this.at - 4);
  }

  private text(): string {
    const start = this.at;
    const end = this.bytes.indexOf(0, start);
    this.at = end + 1;
    return this.bytes.toString('utf8', start, end);
  }
}
