/** A source under load whose changes come through Debezium and Kafka into a lake, all of it in processes that can be killed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { Kafka, logLevel, type Admin } from 'kafkajs'; // Node does not see all of its names
import pg from 'pg';
import { startPostgres, type Postgres } from '#libs/embedded-postgres';
import { connectorConfig, KafkaStack } from '#libs/test-kafka';
import { endTogether } from '#libs/test-watchdog';
import { connectorWork } from '../../apps/cli/src/connector.js';
import { catalog } from '../../bench/crashes/bank.js';
import { Lane } from '../../bench/crashes/lane.js';
import type { ProjectorProcess } from '../../bench/crashes/projector-process.js';
import { truncating } from '../../bench/crashes/transactions.js';

const { AssignerProtocol, ConfigResourceTypes } = kafkajs;

/** Of slot, publication, topic, connector and group. */
const name = 'bank';
const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };

export class BankOnKafka {
  readonly kafka: Kafka;
  readonly admin: Admin;
  lane!: Lane;
  projector!: ProjectorProcess;

  private constructor(
    readonly stack: KafkaStack,
    private readonly folder: string,
    private postgres: Postgres,
  ) {
    const retry = { retries: 100, maxRetryTime: 1000 };
    this.kafka = new Kafka({ brokers: [stack.broker.address], logLevel: logLevel.NOTHING, retry });
    this.admin = this.kafka.admin();
  }

  static async open(stack: KafkaStack): Promise<BankOnKafka> {
    const folder = await mkdtemp(join(tmpdir(), 'bank-on-kafka-'));
    endTogether(folder, 'SIGQUIT');
    const bank = new BankOnKafka(stack, folder, await postgresIn(folder));
    await bank.admin.connect();
    bank.lane = await Lane.open({
      ...{
        databaseUrl: bank.databaseUrl,
        name,
        folder,
        seed: bank.seed,
        resnapshots: false,
        tidies: false,
        rests: true,
      },
      ...{ pace: { connections: 2, rest: 30, patient: true } },
      services: {
        ...{ CHANGE_SOURCE: 'kafka', KAFKA_BROKERS: stack.broker.address, KAFKA_TOPIC: name, KAFKA_GROUP: name },
        ...{ CONNECT_URL: stack.connect.url, CONNECTOR: name, FOLD_CHANGES: '1000' },
      },
    });
    await bank.query(textsOfAnyColumns);
    const tables = catalog.tables.map(({ table }) => table);
    await stack.connector(name).apply(connectorConfig(bank.databaseUrl, name, tables));
    bank.projector = bank.lane.start('whole', {});
    await bank.until(bank.projector, 'streaming');
    await bank.lane.work();
    while (!(await bank.isNoted())) await sleep(20);
    return bank;
  }

  /** Killed before Connect has noted an offset, a connector begins with another snapshot, and the projector stops by name. */
  private async isNoted(): Promise<boolean> {
    const answer = await fetch(`${this.stack.connect.url}/connectors/${name}/offsets`);
    return ((await answer.json()) as { offsets: unknown[] }).offsets.length > 0;
  }

  readonly seed = Number(process.env['SEED'] ?? 1 + (Date.now() % 1e9));

  get databaseUrl(): string {
    return this.postgres.url('postgres');
  }

  async query(sql: string): Promise<Record<string, string>[]> {
    const client = new pg.Client({ connectionString: this.databaseUrl });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** kill -9 of all of it but the backends, which end when they notice. */
  async killPostgres(): Promise<void> {
    process.kill(this.postgres.pid, 'SIGKILL');
    await this.postgres.exited;
  }

  async restartPostgres(): Promise<void> {
    this.postgres = await postgresIn(this.folder, this.postgres.port);
  }

  /** Offset of the next record. */
  async topicEnd(): Promise<number> {
    const [partition] = await this.admin.fetchTopicOffsets(name);
    return Number(partition!.high);
  }

  /** Resolves when so many more transactions are committed. */
  async transactions(more: number): Promise<void> {
    const before = await this.lane.transactions();
    while ((await this.lane.transactions()) < before + more) await sleep(20);
  }

  /** What it says of itself as soon as it is in this state. */
  async until(projector: ProjectorProcess, state: string): Promise<{ state: string; error: string | null }> {
    for (;;) {
      const status = await this.statusOf(projector);
      if (status.state === state) return status;
      if (status.state === 'park') throw new Error(`It gave up: ${status.error}`);
      await sleep(50);
    }
  }

  async statusOf(projector: ProjectorProcess) {
    const url = await projector.url;
    if (!url) throw new Error(`It ended: ${projector.said.join('')}`);
    return (await (await fetch(`${url}/v1/status`)).json()) as {
      state: string;
      error: string | null;
      position: number;
    };
  }

  /** Who is in the consumer group, and whether the partition is its own. */
  async members(): Promise<{ id: string; reads: boolean }[]> {
    const { groups } = await this.admin.describeGroups([name]);
    return groups[0]!.members.map(({ memberId, memberAssignment }) => {
      const assigned = memberAssignment.length > 0 ? AssignerProtocol.MemberAssignment.decode(memberAssignment) : null;
      return { id: memberId, reads: (assigned?.assignment[name] ?? []).length > 0 };
    });
  }

  /** What its readiness says, once that is this. */
  async untilUnready(of: string): Promise<string> {
    for (;;) {
      const said = await (await fetch(`${await this.projector.url}/health/ready`)).text();
      if (said.includes(of)) return said;
      await sleep(50);
    }
  }

  /** Larger rows, by topic and connector, as an operator raises the limit. */
  async allow(bytes: number): Promise<void> {
    const configEntries = [{ name: 'max.message.bytes', value: String(bytes) }];
    const type = ConfigResourceTypes.TOPIC;
    await this.admin.alterConfigs({ validateOnly: false, resources: [{ type, name, configEntries }] });
    const settings = join(this.folder, 'connector.json');
    const connector = this.stack.connector(name);
    const config = { ...(await connector.config()), 'producer.override.max.request.size': String(bytes) };
    await writeFile(settings, JSON.stringify(config));
    const tables = async () => catalog.tables.map(({ table }) => table);
    await connectorWork('apply', connector, { settings, tables });
    if ((await connector.settled(60_000))?.task !== 'RUNNING')
      throw new Error(JSON.stringify(await connector.status()));
  }

  /** What a stranger writes into the topic; returns its offset. */
  async send(value: string): Promise<number> {
    const producer = this.kafka.producer();
    await producer.connect();
    const [sent] = await producer.send({ topic: name, messages: [{ value }] });
    await producer.disconnect();
    return Number(sent!.baseOffset);
  }

  /**
   * Resolves when the lake has the new snapshot. Nothing is truncated meanwhile: Debezium reads a table by a snapshot in which
   * it locks it later, and what was truncated between is empty in every snapshot (docs/adr/0009).
   */
  async resnapshot(): Promise<void> {
    const client = new pg.Client({ connectionString: this.databaseUrl });
    await client.connect();
    try {
      await client.query(`SELECT pg_advisory_lock(${truncating})`);
      await this.askForSnapshot();
    } finally {
      await client.end();
    }
  }

  private async askForSnapshot(): Promise<void> {
    const asked = await fetch(`${await this.projector.url}/v1/resnapshots?wait=true`, post);
    const operation = (await asked.json()) as { state: string };
    if (operation.state !== 'done') throw new Error(JSON.stringify(operation));
  }

  /** Whether `verify` finds every row of the source in the lake, and no other. */
  async isVerified(): Promise<boolean> {
    const asked = await fetch(`${await this.projector.url}/v1/verifications?wait=true`, post);
    const operation = (await asked.json()) as { report: { equal: boolean } | null };
    if (!operation.report) throw new Error(JSON.stringify(operation));
    return operation.report.equal;
  }

  async close(): Promise<void> {
    await this.projector?.end('SIGKILL');
    await this.lane?.close();
    await this.admin.disconnect();
    await this.stack.connector(name).remove();
    await this.postgres.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** With all that makes a commit survive a crash. */
const postgresIn = (folder: string, port = 0): Promise<Postgres> =>
  startPostgres({ dataDir: join(folder, 'postgres'), port, user: 'migsbyu', password: 'migsbyu' });

/** The source's own record of a table whose columns change: what is there, whatever it is called. */
const textsOfAnyColumns = `CREATE OR REPLACE FUNCTION texts_of_gauges(whole gauges) RETURNS json LANGUAGE sql STABLE
  SET timezone = 'UTC' RETURN (SELECT json_object_agg(key, value) FROM jsonb_each_text(to_jsonb(whole)))`;
