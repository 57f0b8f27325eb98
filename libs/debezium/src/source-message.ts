/**
 * The message that the connector's heartbeat writes into the log (`heartbeat.action.query` in deploy/debezium): the
 * server's clock, who the server is, and the types of the published columns. It comes in the one topic, in order with
 * the changes, outside of any transaction; it alone tells up to when everything has come.
 */
import type { TypeName } from './canonical-text.js';

export const messagePrefix = 'migsbyu';

export interface SourceMessage {
  /** The server's clock, microseconds since 1970, read before the message got its LSN. */
  readonly time: bigint;
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly database: string;
  readonly databaseOid: string;
  /** Types by column, by table (of schema public). */
  readonly columns: Readonly<Record<string, Readonly<Record<string, TypeName>>>>;
  readonly enums: readonly string[];
}

/** The heartbeat writes something else. */
export class UnreadableMessage extends Error {
  readonly code = 'unreadable-message';
  constructor(readonly content: string) {
    super(
      `The connector's heartbeat wrote ${JSON.stringify(content.slice(0, 120))}; wanted is what heartbeat.action.query ` +
        'of deploy/debezium/connector.json selects. Apply the connector again: migsbyu connector apply.',
    );
    this.name = 'UnreadableMessage';
  }
}

/** @throws UnreadableMessage */
export function readMessage(content: string): SourceMessage {
  try {
    const { time, system_identifier, timeline, database, database_oid, columns, enums } = JSON.parse(content);
    if (typeof system_identifier !== 'string' || typeof columns !== 'object') throw new TypeError('fields are missing');
    return {
      ...{ time: BigInt(time), systemIdentifier: system_identifier, timeline, database, databaseOid: database_oid },
      ...{ columns: columns ?? {}, enums: enums ?? [] },
    };
  } catch {
    throw new UnreadableMessage(content);
  }
}
