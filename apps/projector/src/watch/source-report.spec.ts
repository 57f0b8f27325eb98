import { describe, expect, it } from '@jest/globals';
import { troublesOf, type Observations, type SlotState } from './source-report.js';

const gigabyte = 2 ** 30;
const slot: SlotState = { slot: 's', status: 'reserved', active: true, retained: 0, limit: 4 * gigabyte };
const running = { connector: 'RUNNING', task: 'RUNNING', trace: null };
const well = {
  slot,
  topic: { topic: 't', end: 7, consumed: 7, alike: [] },
  connector: { connector: 'c', status: running },
} satisfies Observations;
const trace = `org.apache.kafka.connect.errors.ConnectException: An exception occurred in the change event producer.
\tat io.debezium.pipeline.ErrorHandler
Caused by: org.postgresql.util.PSQLException: ERROR: replication slot "s" does not exist
\tat org.postgresql`;
const failed = { connector: 'c', status: { ...running, task: 'FAILED', trace } };
const tooLarge = `org.apache.kafka.connect.errors.ConnectException: Unrecoverable exception from producer send callback
Caused by: org.apache.kafka.common.errors.RecordTooLargeException: The message is 11534567 bytes when serialized which is larger than 10485760, which is the value of the max.request.size configuration.`;
const away = new Error('connect ECONNREFUSED 127.0.0.1:9');

const troubles = (seen: Partial<Observations>, seconds = 0) =>
  troublesOf({ ...well, ...seen }, { seconds, longest: 10 });

describe('the way through Kafka', () => {
  it('is well where all of it runs', () => {
    expect(troubles({})).toEqual([]);
  });

  it.each<[string, Partial<Observations>, code: string, stops: boolean, RegExp]>([
    ['no broker', { topic: away }, 'broker-unreachable', true, /ECONNREFUSED.* KAFKA_BROKERS; it goes on by itself\.$/],
    [
      'no topic',
      { topic: { ...well.topic, end: null } },
      'topic-missing',
      true,
      /^Topic t .*connector apply.*resnapshot/,
    ],
    [
      'no connector',
      { connector: { connector: 'c', status: null } },
      'connector-missing',
      true,
      /c\..*connector apply/,
    ],
    [
      'a failed task',
      { connector: failed },
      'connector-failed',
      true,
      /failed: ERROR: .* not exist\. .*connector restart/,
    ],
    [
      'a row above the limit',
      { connector: { connector: 'c', status: { ...failed.status, trace: tooLarge } } },
      'row-too-large',
      true,
      /^Connector c has a row .*: The message is 11534567 bytes .* max\.message\.bytes, and producer.*connector apply\.$/,
    ],
    [
      'columns that are not told in full',
      { topic: { ...well.topic, alike: ['a.b (24:00:00 comes as 00:00:00)', 'a.c (its first index comes as 1)'] } },
      'values-alike',
      false,
      /of a\.b \(24:00:00 comes as 00:00:00\), a\.c \(its first index comes as 1\)\. .*CHECK/,
    ],
    [
      'a connector that is stopped',
      { connector: { connector: 'c', status: { ...running, connector: 'PAUSED' } } },
      ...(['connector-stopped', true, /is PAUSED\. .*connector restart/] as const),
    ],
    ['no Connect', { connector: away }, 'connect-unreachable', false, /ECONNREFUSED.*CONNECT_URL\.$/],
    ['no Postgres', { slot: away }, 'database-unreachable', false, /ECONNREFUSED.*DATABASE_URL\.$/],
    [
      'a slot of another name',
      { slot: { ...slot, status: null } },
      'slot-unknown',
      false,
      /slot s does not exist, yet.*REPLICATION_SLOT/,
    ],
    ['a lost slot', { slot: { ...slot, status: 'lost' } }, 'slot-lost', true, /^Replication slot s was invalidated/],
    ['a slot that nobody reads', { slot: { ...slot, active: false } }, 'slot-unread', false, /^Nobody reads .* 0 MB/],
    [
      'much log that is kept',
      { slot: { ...slot, retained: 3 * gigabyte } },
      ...(['slot-behind', false, /keeps 3072 MB .* beyond 4096 MB/] as const),
    ],
    ['no end to the log', { slot: { ...slot, limit: null } }, 'slot-unbounded', false, /max_slot_wal_keep_size is -1/],
  ])('tells of %s', (_name, seen, code, stops, detail) => {
    expect(troubles(seen)).toEqual([{ code, stops, detail: expect.stringMatching(detail) }]);
  });

  it('leads nobody to a restart that a lost slot makes useless', () => {
    const [first, second] = troubles({ slot: { ...slot, status: null }, connector: failed });
    expect(first!.detail).toMatch(/does not exist\.$/);
    expect(second!.detail).toMatch(/resnapshot/);
  });

  it('is silent where nothing is left to read and no word comes, whatever the task says', () => {
    expect(troubles({}, 10)).toEqual([]);
    expect(troubles({}, 11)).toEqual([
      {
        code: 'source-silent',
        stops: true,
        detail: expect.stringMatching(/not spoken for 11 s.* RUNNING all the same/),
      },
    ]);
    expect(troubles({ topic: { ...well.topic, end: 8 } }, 11)).toEqual([]);
    expect(troubles({ topic: { ...well.topic, consumed: null } }, 11)).toEqual([]);
    expect(troubles({ connector: failed }, 11).map(({ code }) => code)).toEqual(['connector-failed']);
  });
});

describe('the way through a slot', () => {
  const through = (seen: Partial<SlotState>) =>
    troublesOf({ slot: { ...slot, ...seen } }, { seconds: 99, longest: 10 });

  it('leaves to its own adapter what that sees by itself', () => {
    expect([{}, { active: false }, { status: null }, { status: 'lost' }].flatMap(through)).toEqual([]);
  });

  it('tells of much log that is kept', () => {
    expect(through({ retained: 3 * gigabyte })).toMatchObject([{ code: 'slot-behind' }]);
  });
});
