/** The watch on real servers, each of which is taken away and comes back. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectorConfig, type KafkaStack } from '#libs/test-kafka';
import { emptyDatabase } from '#libs/test-postgres';
import type { Projector, State } from '../../projector.js';
import { projectorMetrics } from '../../projector.metrics.js';
import { CampusDatabase } from './campus-database.js';
import { campus } from './captured-tables.js';
import { RecordingReceiver } from './recording-receiver.js';
import { KafkaTopicSource } from '../kafka/kafka-topic.js';
import { Inspection, type WatchedConfig } from '../../watch/inspection.js';
import { known } from '../../watch/source-report.js';
import { SourceWatch } from '../../watch/source-watch.js';

export function watchContract(running: () => KafkaStack): void {
  let database: CampusDatabase;
  let source: KafkaTopicSource;
  let watch: SourceWatch;
  let metrics: ReturnType<typeof projectorMetrics>;
  let state: State = 'opening';
  const receiver = new RecordingReceiver();

  const codes = () => watch.report.troubles.map(({ code }) => code);
  const until = async (...expected: string[]) => {
    while (!expected.every((code) => codes().includes(code))) await sleep(20);
  };
  const untilWell = async () => {
    while (codes().length > 0 || known(watch.report.topic)?.consumed == null) await sleep(20);
  };
  const admin = async (sql: string) => {
    const postgres = new URL(database.url);
    postgres.pathname = '/postgres';
    const client = new (await import('pg')).default.Client({ connectionString: postgres.href });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  const cutDebezium = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'Debezium%'`;

  beforeAll(async () => {
    database = await CampusDatabase.open(await emptyDatabase());
    const { url, slot: name } = database;
    const [stack, group] = [running(), `${name}_watched`];
    const address = { brokers: [stack.broker.address], topic: name, group, connector: stack.connector(name) };
    source = new KafkaTopicSource({ ...address, catalog: campus });
    const settings: WatchedConfig = {
      CHANGE_SOURCE: 'kafka',
      ...{ DATABASE_URL: url, REPLICATION_SLOT: name, KAFKA_BROKERS: stack.broker.address },
      ...{ KAFKA_TOPIC: name, CONNECT_URL: stack.connect.url, CONNECTOR: name },
    };
    const watermark = {
      get sourceTime() {
        return receiver.progresses.at(-1)?.sourceTime ?? null;
      },
    };
    const projector = {
      get status() {
        return { state };
      },
      running: { watermark, appender: { lastPosition: 0 } },
    } as unknown as Projector;
    const inspection = new Inspection(settings, source);
    watch = new SourceWatch(inspection, projector, { interval: 50, longestSilence: 1 });
    metrics = projectorMetrics();
    metrics.observe(projector, watch);
    watch.start();
  });
  afterAll(async () => {
    await source.stop();
    await watch.stop();
    await database.close();
  });

  const figures = async () => {
    const lines = (await metrics.registry.metrics()).split('\n').filter((line) => line && !line.startsWith('#'));
    return Object.fromEntries(
      lines.map((line) => line.replace('migsbyu_projector_', '').split(' ') as [string, string]),
    );
  };
  const failed = 'connector_task_state{state="FAILED"}';
  const runs = 'connector_task_state{state="RUNNING"}';

  it('names the connector and the topic that are missing', async () => {
    await until('connector-missing', 'topic-missing');
    expect(await figures()).toMatchObject({ 'connector_task_state{state="missing"}': '1', [runs]: '0' });
    expect(await figures()).not.toHaveProperty('topic_lag_records');
  });

  it('has nothing to say while all is well, and knows how far each part is', async () => {
    const { url, slot: name } = database;
    await running()
      .connector(name)
      .apply(connectorConfig(url, name, ['buildings', 'rooms', 'happenings']));
    await source.start(null, receiver);
    state = 'streaming';
    await receiver.until(() => receiver.progresses.length > 1);
    await untilWell();
    const now = await figures();
    expect(now).toMatchObject({ [runs]: '1', [failed]: '0', slot_active: '1' });
    expect(Number(now['source_lag_seconds'])).toBeLessThan(60);
    expect(Number(now['slot_wal_limit_bytes'])).toBeGreaterThan(2 ** 20);
    expect(Number(now['slot_retained_wal_bytes'])).toBeGreaterThan(0);
    expect(Number(now['topic_lag_records'])).toBeLessThan(100);
  });

  it('names a broker that is away, and is well when it is back', async () => {
    const stack = running();
    stack.broker.kill();
    await until('broker-unreachable');
    await stack.restartBroker();
    await untilWell();
    expect(receiver.failures).toEqual([]);
  });

  it('hears the silence of a connector that Postgres does not let in, although its task runs', async () => {
    await admin(`ALTER DATABASE ${database.slot} ALLOW_CONNECTIONS false`);
    await admin(cutDebezium);
    await until('source-silent', 'slot-unread');
    expect(await figures()).toMatchObject({ slot_active: '0', [runs]: '1' });
    await admin(`ALTER DATABASE ${database.slot} ALLOW_CONNECTIONS true`);
    await untilWell();
  });

  it('names a slot that is gone, and the task that failed for it', async () => {
    await database.run(`DO $$ BEGIN LOOP
      PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${database.slot}';
      BEGIN PERFORM pg_drop_replication_slot('${database.slot}'); EXIT; EXCEPTION WHEN object_in_use THEN END;
      PERFORM pg_sleep(0.01); END LOOP; END $$`);
    await until('connector-failed', 'slot-lost');
    expect(await figures()).toMatchObject({ [failed]: '1', [runs]: '0' });
  });

  it('does not let the connector go on without its slot', async () => {
    const connector = running().connector(database.slot);
    await connector.restart();
    expect(await connector.settled(30_000)).toMatchObject({ task: 'FAILED' });
    expect(await database.run(`SELECT FROM pg_replication_slots WHERE slot_name = '${database.slot}'`)).toEqual([]);
  });

  it('names a connector that is deleted', async () => {
    await running().connector(database.slot).remove();
    await until('connector-missing');
  });
}
