/**
 * Records of Debezium's Postgres connector (3.7, JSON without schemas) in its one topic: a transaction's BEGIN, its rows,
 * its END; rows of a snapshot; logical messages. What they say beyond this is not to be trusted: `event_count` and
 * `total_order` are wrong after a kill inside a transaction, and `transaction.id` is another one on each row.
 */
import type { Lsn } from '#libs/change-event';

/** A value as JSON has it; a number that JavaScript would round is the text that stood there. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue };
export type JsonRow = Readonly<Record<string, JsonValue>>;

export interface RowRecord {
  readonly type: 'row';
  /** Of a snapshot; `first` begins one, and discards another that did not come to its end. */
  readonly snapshot: 'first' | 'more' | null;
  /** Low 32 bits of the transaction's id. */
  readonly xid: string;
  /** The row's own, not the commit's; of a snapshot, where it was taken. */
  readonly lsn: Lsn;
  /** Microseconds since 1970. */
  readonly committedAt: bigint;
  readonly schema: string;
  readonly table: string;
  readonly op: 'c' | 'u' | 'd' | 't' | 'r';
  /** The message key, which tells rows of one LSN apart; empty for a truncate. */
  readonly key: string;
  readonly before: JsonRow | null;
  readonly after: JsonRow | null;
}

export type DebeziumRecord =
  | { readonly type: 'begin'; readonly xid: string; readonly lsn: Lsn }
  | { readonly type: 'end'; readonly xid: string; readonly lsn: Lsn }
  | RowRecord
  /** Outside of any transaction. */
  | { readonly type: 'message'; readonly lsn: Lsn; readonly prefix: string; readonly content: string }
  /** Nothing that this reads. */
  | { readonly type: 'other' };

/** As it stands in the topic. */
export interface TopicRecord {
  readonly offset: number;
  readonly key: string;
  readonly value: string | null;
}

/** A record that the connector's settings cannot have made. It comes again however often it is read. */
export class UnreadableRecord extends Error {
  readonly code = 'unreadable-record';
  constructor(
    readonly offset: number,
    readonly reason: string,
    text: string | null,
    options?: ErrorOptions & { readonly topic?: string },
  ) {
    const { topic } = options ?? {};
    super(
      `The record of ${topic ? `topic ${topic}, partition 0, at` : 'the topic at'} offset ${offset} cannot be read: ` +
        `${reason}. It begins ${JSON.stringify((text ?? '').slice(0, 120))}. Nothing was skipped. ` +
        'Only the connector of deploy/debezium may write to the topic; a resnapshot leads past it.',
      options,
    );
    this.name = 'UnreadableRecord';
  }
}

interface Envelope {
  readonly status?: string;
  readonly id?: string;
  readonly op?: string;
  readonly before?: JsonRow | null;
  readonly after?: JsonRow | null;
  readonly message?: { readonly prefix: string; readonly content: string };
  readonly transaction?: object | null;
  readonly source?: {
    readonly snapshot: string;
    readonly txId: number | null;
    readonly lsn: number;
    readonly ts_us: number;
    readonly schema: string;
    readonly table: string;
  };
}

/** @throws UnreadableRecord */
export function decodeRecord({ offset, key, value }: TopicRecord): DebeziumRecord {
  if (value === null) return { type: 'other' };
  const refuse: Refuse = (reason, cause) => new UnreadableRecord(offset, reason, value, { cause });
  const envelope = parse(value, refuse);
  if (envelope.status) return markerOf(envelope, refuse);
  if (!envelope.source) throw refuse('it is no change, no message and no mark of a transaction');
  if (envelope.op === 'm') return messageOf(envelope, refuse);
  return rowOf(key, envelope, value, refuse);
}

type Refuse = (reason: string, cause?: unknown) => UnreadableRecord;

function markerOf({ status, id }: Envelope, refuse: Refuse): DebeziumRecord {
  const [, xid, lsn] = /^(\d+):(\d+)$/.exec(id ?? '') ?? [];
  if (!xid || !lsn) throw refuse('a transaction marker without <xid>:<lsn>');
  if (status !== 'BEGIN' && status !== 'END') throw refuse(`a transaction marker of status ${JSON.stringify(status)}`);
  return { type: status === 'BEGIN' ? 'begin' : 'end', xid, lsn: Number(lsn) };
}

/** `binary.handling.mode=hex` holds for contents, too. One inside a transaction is as late as its commit: not read. */
function messageOf({ message, source, transaction }: Envelope, refuse: Refuse): DebeziumRecord {
  if (!message || !Number.isSafeInteger(source!.lsn)) throw refuse('a message without its content or LSN');
  if (transaction) return { type: 'other' };
  const content = Buffer.from(message.content, 'hex').toString('utf8');
  return { type: 'message', lsn: source!.lsn, prefix: message.prefix, content };
}

const operations = new Set(['c', 'u', 'd', 't', 'r']);

function rowOf(key: string, envelope: Envelope, text: string, refuse: Refuse): RowRecord {
  const { op, before = null, after = null } = envelope;
  const { snapshot, txId, lsn, ts_us, schema, table } = envelope.source!;
  if (!operations.has(op ?? '')) throw refuse(`operation ${JSON.stringify(op)} is unknown`);
  if (snapshot === 'incremental') throw refuse('it is of an incremental snapshot, which has no cut');
  if (!isPlaced(envelope)) throw refuse('its source lacks txId, lsn, ts_us, schema or table');
  if (!hasImages(op!, before, after)) throw refuse(`operation ${JSON.stringify(op)} without the row that it needs`);
  const exact = isExact(before) && isExact(after) ? { before, after } : (JSON.parse(text, exactNumbers) as Envelope);
  return {
    ...{ type: 'row', xid: String(txId), lsn, committedAt: BigInt(ts_us), schema, table, key },
    ...{ op: op as RowRecord['op'], before: exact.before ?? null, after: exact.after ?? null },
    snapshot: snapshot === 'false' ? null : snapshot === 'first' ? 'first' : 'more',
  };
}

function isPlaced({ source }: Envelope): boolean {
  const { txId, lsn, ts_us, schema, table, snapshot } = source!;
  const numbers = Number.isSafeInteger(lsn) && Number.isSafeInteger(ts_us);
  const xid = Number.isSafeInteger(txId) || (txId === null && snapshot !== 'false');
  return numbers && xid && typeof schema === 'string' && typeof table === 'string';
}

/** The row as it was, the row as it is, or both; a truncate has none. */
function hasImages(op: string, before: JsonRow | null, after: JsonRow | null): boolean {
  const isRow = (row: JsonRow | null) => typeof row === 'object' && row !== null && !Array.isArray(row);
  const known = (row: JsonRow | null) => row === null || isRow(row);
  return op === 't' || (known(before) && known(after) && isRow(op === 'd' ? before : after));
}

function parse(text: string, refuse: Refuse): Envelope {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse('it is no JSON', error);
  }
  if (typeof value !== 'object' || value === null) throw refuse('it is no JSON object');
  return value;
}

/** Whether JavaScript's numbers are those that stood there: all but whole ones beyond 2^53. */
export function isExact(value: JsonValue | undefined): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  return typeof value !== 'object' || value === null || Object.values(value).every(isExact);
}

/** Source text access: ECMA-262, JSON.parse, the reviver's third argument. */
function exactNumbers(_name: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) && context?.source ? context.source : value;
}

/** `unavailable.value.placeholder` of the connector: an update left a large value as it was, and the log has no old one. */
const unavailableValue = '__migsbyu_unavailable_value_8f1d2c6b';

const inHex = Buffer.from(unavailableValue).toString('hex');
export const isUnavailable = (value: JsonValue | undefined): boolean => value === unavailableValue || value === inHex;
