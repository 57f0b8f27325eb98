/**
 * Two ways from one Postgres, one lake: through a replication slot, and through Debezium and Kafka. What was streamed has
 * the same positions, keys, rows and history.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { openDuckDb, rowsOf } from '#libs/lake';
import { loadSnapshot } from '#libs/delta-log';
import { connectorConfig, kafkaCanRun, KafkaStack } from '#libs/test-kafka';
import { temporaryFolder } from '#libs/test-lake';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import { campus, campusTables } from '../../apps/projector/src/sources/contract/captured-tables.js';
import { KafkaTopicSource } from '../../apps/projector/src/sources/kafka/kafka-topic.js';
import { query, RunningProjector } from '../running-projector.js';
import { work } from './workload.js';

jest.setTimeout(240_000);

const folder = temporaryFolder('conformance');
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
/** A truncate of each captured table. */
const snapshotChanges = 3;

class TwoWays {
  readonly lakes = { slot: join(folder, 'slot'), kafka: join(folder, 'kafka') };
  projectors: RunningProjector[] = [];

  constructor(
    private readonly stack: KafkaStack,
    private readonly database: TestDatabase,
    private readonly duckdb: DuckDBInstance,
  ) {}

  /** Both epochs begin before the first row. */
  async open(): Promise<void> {
    const { name, url } = this.database;
    await query(url, campusTables(name));
    const tables = ['buildings', 'rooms', 'happenings'];
    await this.stack.connector(name).apply(connectorConfig(url, name, tables, `${name}_kafka`));
    this.start();
    for (const projector of this.projectors) await projector.until('streaming');
  }

  start(): void {
    const { name, url } = this.database;
    const common = { duckdb: this.duckdb, databaseUrl: url, name, catalog: campus, foldChanges: 200 };
    const connector = this.stack.connector(name);
    const topic = { brokers: [this.stack.broker.address], topic: name, group: name, catalog: campus, connector };
    this.projectors = [
      new RunningProjector({ ...common, lake: this.lakes.slot }),
      new RunningProjector({ ...common, lake: this.lakes.kafka, source: new KafkaTopicSource(topic) }),
    ];
  }

  async caughtUp(): Promise<void> {
    await Promise.all(this.projectors.map((projector) => projector.caughtUp()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.projectors.map((projector) => projector.stop()));
  }

  async close(): Promise<void> {
    await this.stop();
    await this.stack.connector(this.database.name).remove();
    await this.database.close();
  }
}

async function filesOf(lake: string, table: string, duckdb: DuckDBConnection): Promise<string> {
  const snapshot = await loadSnapshot(join(lake, table), duckdb);
  const paths = [...snapshot!.files.keys()].map((path) => `'${join(lake, table, path)}'`);
  return `read_parquet([${paths.join(', ')}], union_by_name = true, hive_partitioning = false)`;
}

const describeWithKafka = kafkaCanRun() ? describe : describe.skip;

describeWithKafka(`a slot and a topic, seed ${seed}`, () => {
  let stack: KafkaStack;
  let duckdb: DuckDBInstance;
  let reading: DuckDBConnection;
  let both: TwoWays;
  let databaseUrl: string;

  beforeAll(async () => {
    duckdb = await openDuckDb({ threads: 1 });
    reading = await duckdb.connect();
    stack = await KafkaStack.start();
    const database = await emptyDatabase();
    databaseUrl = database.url;
    both = new TwoWays(stack, database, duckdb);
    await both.open();
  });
  afterAll(async () => {
    await both.close();
    await stack.stop();
    duckdb.closeSync();
  });

  const changes = async (lake: string) =>
    rowsOf(
      reading,
      `SELECT position, tx_position, commit_lsn, ordinal, tx_id, epoch_us(committed_at) AS committed_at, "table", op, key,
         before, after, actor FROM ${await filesOf(lake, 'changelog', reading)}
       WHERE position > ${snapshotChanges} ORDER BY position`,
    );
  /** Transactions whose time either projector had to set back or forth, as where a server's clock falls. */
  const clamped = async () => {
    const found = await Promise.all(
      Object.values(both.lakes).map(async (lake) =>
        rowsOf(
          reading,
          `SELECT DISTINCT tx_position FROM ${await filesOf(lake, 'changelog', reading)}
           WHERE effective_at <> committed_at OR position <= ${snapshotChanges}`,
        ),
      ),
    );
    return `(${['-1', ...found.flat().map((row) => String(row['tx_position']))].join(', ')})`;
  };
  const versions = async (lake: string, table: string, except: string) =>
    rowsOf(
      reading,
      `SELECT * REPLACE (CASE WHEN opened_tx NOT IN ${except} THEN epoch_us(valid_from) END AS valid_from,
         CASE WHEN closed_tx NOT IN ${except} THEN epoch_us(valid_to) END AS valid_to)
       FROM ${await filesOf(lake, table, reading)} ORDER BY ALL`,
    );
  const expectEqualLakes = async () => {
    await both.caughtUp();
    const [slot, kafka] = [await changes(both.lakes.slot), await changes(both.lakes.kafka)];
    expect(kafka).toEqual(slot);
    const except = await clamped();
    for (const table of ['buildings_dimension', 'rooms_history']) {
      const expected = await versions(both.lakes.slot, table, except);
      expect(await versions(both.lakes.kafka, table, except)).toEqual(expected);
      expect(expected.filter((version) => version['valid_from'] !== null).length).toBeGreaterThan(expected.length / 2);
    }
    return slot.length;
  };

  it('give the same lake', async () => {
    await work(databaseUrl, seed, 150);
    expect(await expectEqualLakes()).toBeGreaterThan(200);
  });

  it('give it also where columns are added, renamed and dropped meanwhile, and both projectors restart', async () => {
    const before = await expectEqualLakes();
    const working = work(databaseUrl, seed + 1, 100);
    for (const change of ['ADD floor int DEFAULT 1', 'RENAME floor TO storey', 'DROP storey', 'ADD storey text']) {
      await query(databaseUrl, `ALTER TABLE rooms ${change}`);
      await query(databaseUrl, `INSERT INTO rooms (number, building) VALUES (700, 'new') ON CONFLICT DO NOTHING`);
      await query(databaseUrl, `UPDATE rooms SET seats = ${change.length} WHERE number = 700`);
    }
    await both.stop();
    both.start();
    await working;
    await query(databaseUrl, `UPDATE rooms SET storey = 'ground'`);
    expect(await expectEqualLakes()).toBeGreaterThan(before + 100);
  });
});
