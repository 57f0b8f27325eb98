/**
 * Streams a logical slot (Postgres manual, "Streaming Replication Protocol"). In CopyData come XLogData (`w`: three
 * 64-bit fields, then one pgoutput message) and keepalives (`k`); standby status updates (`r`) go back.
 *
 * A keepalive's LSN says that every transaction which committed at or before it has been sent before it: the server sends
 * a transaction when it reads its commit record, in one go, and gives the place of the record last read.
 *
 * Feedback is exact: what is reported as flushed is what `acknowledge` was told, never what was merely received.
 */
import { formatLsn, type Lsn } from '#libs/change-event';
import type pg from 'pg';
import type { Duplex } from 'node:stream';
import { ConnectionLost } from './interruption.js';
import { POSTGRES_EPOCH, readLsn, type Message, type PgoutputDecoder } from './pgoutput.js';
import { quoteIdentifier, quoteLiteral } from './session.js';

export interface StreamHandler {
  /** `bytes` as received. An error stops the stream with it. */
  message(message: Message, bytes: number): void;
  /** Everything that committed at or before `received` has come. */
  caughtUp(): void;
}

export interface StreamPosition {
  readonly slot: string;
  readonly publication: string;
  /** Transactions whose commit ends at or before it are not sent, nor those that the slot has been acknowledged. */
  readonly after: Lsn;
  /** What the slot has been acknowledged, or may be. */
  readonly acknowledged: Lsn;
}

/** The parts of `pg`'s connection that its types leave out. */
interface CopyConnection {
  readonly stream: Duplex;
  on(event: 'copyData', listener: (message: { readonly chunk: Buffer }) => void): void;
  once(event: 'replicationStart' | 'end', listener: () => void): void;
  sendCopyFromChunk(chunk: Buffer): void;
  end(): void;
}

const XLOG_DATA = 'w'.charCodeAt(0);
const KEEPALIVE = 'k'.charCodeAt(0);
const STATUS = 'r'.charCodeAt(0);
const XLOG_DATA_HEADER = 25;

const STATUS_EVERY = 1000;
const CLOSE_PATIENCE = 1000;

export class ReplicationStream {
  private readonly connection: CopyConnection;
  private readonly failure = Promise.withResolvers<Error>();
  private acknowledged: Lsn;
  private statusTimer: NodeJS.Timeout | undefined;
  private statusSoon: NodeJS.Immediate | undefined;
  private over = false;
  private position: Lsn = 0;

  /** `client` must be a replication connection, and is this stream's from now on. */
  constructor(
    private readonly client: pg.Client,
    private readonly decoder: PgoutputDecoder,
    private readonly handler: StreamHandler,
  ) {
    this.connection = client.connection as unknown as CopyConnection;
    this.connection.on('copyData', ({ chunk }) => this.take(chunk));
  }

  /** Everything that committed at or before it has come. */
  get received(): Lsn {
    return this.position;
  }

  get socket(): Duplex {
    return this.connection.stream;
  }

  /** Resolves with the reason when the stream ends, but by `close`. */
  get failed(): Promise<Error> {
    return this.failure.promise;
  }

  /** Resolves when the server streams. Fails with the server's error if it does not; the stream may be started again. */
  async start({ slot, publication, after, acknowledged }: StreamPosition): Promise<void> {
    this.acknowledged = acknowledged;
    const names = quoteLiteral(quoteIdentifier(publication));
    const started = new Promise<void>((resolve) => this.connection.once('replicationStart', resolve));
    const streaming = this.client.query(
      `START_REPLICATION SLOT ${quoteIdentifier(slot)} LOGICAL ${formatLsn(after)} (proto_version '1', publication_names ${names})`,
    );
    await Promise.race([started, streaming]);
    streaming.then(
      () => this.fail(new ConnectionLost('The server ended the stream.')),
      (error: Error) => this.fail(error),
    );
    this.statusTimer = setInterval(() => this.sendStatus(false), STATUS_EVERY);
  }

  /** The server may forget everything up to here. Told soon, many in one. */
  acknowledge(lsn: Lsn): void {
    if (lsn <= this.acknowledged || this.over) return;
    this.acknowledged = lsn;
    this.statusSoon ??= setImmediate(() => this.sendStatus(false));
  }

  /** Asks the server how far it has read: `caughtUp` follows, also where nothing is captured. */
  askKeepalive(): void {
    this.sendStatus(true);
  }

  /**
   * Ends the stream after a last status; the slot is free when this resolves, or soon after. A message under way is let
   * go: its socket may be paused, and would never see the server's end.
   */
  async close(): Promise<void> {
    if (!this.over) this.sendStatus(false);
    this.finish();
    if (this.socket.destroyed) return;
    const ended = new Promise<void>((resolve) => this.connection.once('end', resolve));
    const impatience = setTimeout(() => this.socket.destroy(), CLOSE_PATIENCE);
    this.connection.end(); // not client.end(), which drops the status on its way while a query runs
    this.socket.resume();
    await ended;
    clearTimeout(impatience);
  }

  private take(chunk: Buffer): void {
    if (this.over) return;
    try {
      if (chunk[0] === XLOG_DATA) this.takeMessage(chunk);
      else if (chunk[0] === KEEPALIVE) this.takeKeepalive(chunk);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private takeMessage(chunk: Buffer): void {
    const message = this.decoder.decode(chunk, XLOG_DATA_HEADER);
    if (!message) return;
    this.handler.message(message, chunk.length);
    if (message.type === 'commit') this.reach(message.endLsn);
  }

  private takeKeepalive(chunk: Buffer): void {
    this.reach(readLsn(chunk, 1));
    if (chunk[17] === 1) this.sendStatus(false);
  }

  private reach(lsn: Lsn): void {
    this.position = Math.max(this.position, lsn);
    this.handler.caughtUp();
  }

  private sendStatus(askReply: boolean): void {
    clearImmediate(this.statusSoon);
    this.statusSoon = undefined;
    if (this.over || !this.socket.writable) return;
    const status = Buffer.allocUnsafe(34);
    status[0] = STATUS;
    writeLsn(status, Math.max(this.position, this.acknowledged), 1);
    writeLsn(status, this.acknowledged, 9);
    writeLsn(status, this.acknowledged, 17);
    status.writeBigInt64BE(BigInt(Date.now()) * 1000n - POSTGRES_EPOCH, 25);
    status[33] = askReply ? 1 : 0;
    this.connection.sendCopyFromChunk(status);
  }

  private fail(error: Error): void {
    if (this.over) return;
    this.finish();
    this.socket.destroy();
    this.failure.resolve(error);
  }

  private finish(): void {
    this.over = true;
    clearInterval(this.statusTimer);
    clearImmediate(this.statusSoon);
  }
}

function writeLsn(bytes: Buffer, lsn: Lsn, at: number): void {
  bytes.writeUInt32BE(Math.floor(lsn / 2 ** 32), at);
  bytes.writeUInt32BE(lsn % 2 ** 32, at + 4);
}
