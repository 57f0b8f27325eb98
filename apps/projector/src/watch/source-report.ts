/**
 * What stands between the source and here, seen from beside the stream, and what is wrong with it. The stream alone cannot
 * tell: without Postgres Debezium's task stays RUNNING, and a reader of Kafka waits for a broker for ever.
 */
import type { ConnectorStatus } from '#libs/debezium';

export interface SlotState {
  readonly slot: string;
  /** `reserved`, `extended`, `unreserved`, `lost` (pg_replication_slots.wal_status); null where there is no such slot. */
  readonly status: string | null;
  /** Whether somebody reads it. */
  readonly active: boolean;
  /** Bytes of the log that the server keeps for it. */
  readonly retained: number;
  /** The most that it keeps (max_slot_wal_keep_size), bytes; null: all, until its disk is full. */
  readonly limit: number | null;
}

export interface TopicState {
  readonly topic: string;
  /** Offset of the next record to come; null where there is no such topic. */
  readonly end: number | null;
  /** Offset of the next record to be read; null while none is read. */
  readonly consumed: number | null;
  /** Captured columns in which a rare value comes like another one without a sign, and which value. */
  readonly alike: readonly string[];
}

export interface ConnectorState {
  readonly connector: string;
  /** null where there is no such connector. */
  readonly status: ConnectorStatus | null;
}

/** Absent: not of this way. An error: it could not be asked. */
export interface Observations {
  readonly slot: SlotState | Error;
  readonly topic?: TopicState | Error;
  readonly connector?: ConnectorState | Error;
}

/** null where it could not be asked, or is not of this way. */
export const known = <T>(seen: T | Error | undefined): T | null =>
  seen === undefined || seen instanceof Error ? null : seen;

/** Records that are not read yet; null while that is not known. */
export const lagOf = (topic: TopicState | null): number | null =>
  topic?.end == null || topic.consumed === null ? null : Math.max(0, topic.end - topic.consumed);

export interface Trouble {
  readonly code: string;
  /** What is wrong, and what to do. */
  readonly detail: string;
  /** Whether no change can come until it is gone. */
  readonly stops: boolean;
}

/** Of a way through Kafka: seconds since the last word of the source was heard, while one could have been. */
export interface Silence {
  readonly seconds: number;
  /** How many are too many. */
  readonly longest: number;
}

export function troublesOf(seen: Observations, silence: Silence): Trouble[] {
  const { slot, topic, connector } = seen;
  const kafka = topic !== undefined;
  const found = [
    ...(topic ? topicTroubles(topic) : []),
    ...(connector ? connectorTroubles(connector, isLost(slot)) : []),
    ...slotTroubles(slot, kafka, known(connector)?.status ?? null),
  ];
  if (!kafka || found.some(({ stops }) => stops) || !isSilent(topic, silence)) return found;
  return [silent(silence), ...found];
}

const isLost = (slot: SlotState | Error): boolean =>
  !(slot instanceof Error) && (slot.status === null || slot.status === 'lost');

/** Nothing is left to read, and nothing comes. */
const isSilent = (topic: TopicState | Error | undefined, { seconds, longest }: Silence): boolean =>
  seconds > longest && !(topic instanceof Error) && topic?.consumed != null && topic.consumed >= (topic.end ?? 0);

const silent = ({ seconds }: Silence): Trouble => ({
  code: 'source-silent',
  stops: true,
  detail:
    `The connector has not spoken for ${Math.floor(seconds)} s, and its task may say RUNNING all the same: ` +
    'see whether Postgres runs and lets it in, and its own log; it goes on by itself.',
});

function topicTroubles(topic: TopicState | Error): Trouble[] {
  if (topic instanceof Error)
    return [
      {
        ...{ code: 'broker-unreachable', stops: true },
        detail: `Kafka does not answer: ${reasonOf(topic)} See whether it runs at KAFKA_BROKERS; it goes on by itself.`,
      },
    ];
  if (topic.end !== null) return topic.alike.length > 0 ? [alike(topic.alike)] : [];
  const remedy =
    'Its connector makes it: migsbyu connector apply. Where the lake has changes from it, then resnapshot.';
  return [{ code: 'topic-missing', stops: true, detail: `Topic ${topic.topic} does not exist. ${remedy}` }];
}

const alike = (columns: readonly string[]): Trouble => ({
  ...{ code: 'values-alike', stops: false },
  detail:
    `Debezium does not tell every value of ${columns.join(', ')}. Keep such values out by a CHECK in the source; ` +
    'CHANGE_SOURCE=postgres reads them, and migsbyu verify finds them.',
});

function connectorTroubles(seen: ConnectorState | Error, slotLost: boolean): Trouble[] {
  if (seen instanceof Error)
    return [
      {
        ...{ code: 'connect-unreachable', stops: false },
        detail: `The connector cannot be looked after: ${reasonOf(seen)} See whether Kafka Connect runs at CONNECT_URL.`,
      },
    ];
  const { connector, status } = seen;
  if (!status)
    return [
      {
        ...{ code: 'connector-missing', stops: true },
        detail: `Kafka Connect has no connector ${connector}. Register it: migsbyu connector apply.`,
      },
    ];
  const { task, trace } = status;
  if (task === 'FAILED' && trace?.includes('RecordTooLargeException')) return [tooLarge(connector, trace)];
  if (status.connector === 'FAILED' || task === 'FAILED') {
    const remedy = slotLost ? '' : ' When the cause is gone: migsbyu connector restart.';
    const detail = `The task of connector ${connector} failed: ${causeOf(trace)}${remedy}`;
    return [{ code: 'connector-failed', stops: true, detail }];
  }
  if (status.connector !== 'PAUSED' && status.connector !== 'STOPPED') return [];
  const detail = `Connector ${connector} is ${status.connector}. Let it run: migsbyu connector restart.`;
  return [{ code: 'connector-stopped', stops: true, detail }];
}

/** Refused by the producer, or by the broker, each of which has a limit of its own. */
const tooLarge = (connector: string, trace: string): Trouble => ({
  ...{ code: 'row-too-large', stops: true },
  detail:
    `Connector ${connector} has a row that is larger than may be sent: ${causeOf(trace)} Nothing is lost or skipped. ` +
    "Raise the topic's max.message.bytes, and producer.override.max.request.size in deploy/debezium/connector.json; " +
    'then: migsbyu connector apply.',
});

function slotTroubles(slot: SlotState | Error, kafka: boolean, connector: ConnectorStatus | null): Trouble[] {
  if (slot instanceof Error) return [unseen(slot)];
  const { slot: name, status, active } = slot;
  // before the connector is registered there is none; the slot's own adapter tells what it misses by itself
  if (status === null && connector)
    return [connector.task === 'RUNNING' ? unknown(name) : lost(`Replication slot ${name} does not exist`)];
  if (status === null) return [];
  if (status === 'lost') return kafka ? [lost(`Replication slot ${name} was invalidated`)] : [];
  const unread: Trouble = {
    ...{ code: 'slot-unread', stops: false },
    detail: `Nobody reads replication slot ${name}: the server keeps its log, ${megabytes(slot.retained)} so far.`,
  };
  return [...(active || !kafka ? [] : [unread]), ...keepTroubles(slot)];
}

const unseen = (error: Error): Trouble => ({
  ...{ code: 'database-unreachable', stops: false },
  detail: `The replication slot cannot be looked after: ${reasonOf(error)} See whether Postgres runs at DATABASE_URL.`,
});

const lost = (what: string): Trouble => ({
  ...{ code: 'slot-lost', stops: true },
  detail: `${what}: what was committed since is nowhere to be read. A resnapshot opens a new epoch and keeps the history.`,
});

/** The connector's task fails within seconds of its slot: one that runs has another. */
const unknown = (slot: string): Trouble => ({
  ...{ code: 'slot-unknown', stops: false },
  detail: `Replication slot ${slot} does not exist, yet the connector runs: REPLICATION_SLOT should name the connector's.`,
});

function keepTroubles({ slot, retained, limit }: SlotState): Trouble[] {
  if (limit === null) {
    const remedy = "Set it to what the disk can spare, like '4GB', and reload.";
    const detail = `max_slot_wal_keep_size is -1: while nobody reads slot ${slot}, the server's disk fills. ${remedy}`;
    return [{ code: 'slot-unbounded', stops: false, detail }];
  }
  if (retained <= limit / 2) return [];
  const detail = `The server keeps ${megabytes(retained)} of its log for slot ${slot}; beyond ${megabytes(limit)} it gives the slot up.`;
  return [{ code: 'slot-behind', stops: false, detail }];
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`;

const longestCause = 200;

/** Java's innermost cause says what it was. */
function causeOf(trace: string | null): string {
  const lines = (trace ?? '').split('\n');
  const cause = lines.findLast((line) => line.startsWith('Caused by: ')) ?? lines[0]!;
  const said = cause.replace(/^(Caused by: )?([\w.$]+: )?/, '').trim() || 'it does not say why';
  return sentence(said.length > longestCause ? `${said.slice(0, longestCause)} …` : said);
}

const reasonOf = ({ message }: Error): string => sentence(message);
const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);
