/** The product in one command: what it is made of, started in order and stopped in the opposite one. */
import { startPostgres } from '#libs/embedded-postgres';
import { ensureDatabase, migrate } from '#libs/migrations';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StandaloneConfig } from './config.js';
import { lockDataFolder } from './data-folder-lock.js';
import { createOrigin } from './origin/origin.js';
import { checkReadiness, type Upstream } from './origin/readiness.js';
import { startKafka } from './kafka/within-standalone.js';
import { assertFree } from './ports.js';
import { ServiceProcess } from './service-process.js';
import { ServiceRegister } from './service-register.js';
import { productServices } from './services.js';
import { dropOtherSlot, slots } from './slots.js';

/** Something that was started, and what ends it. */
interface Part {
  stop(): Promise<unknown>;
  /** At once, whatever it is doing. */
  kill(): void;
}

export class PostgresEnded extends Error {
  readonly code = 'postgres-ended';
  constructor(logFile: string) {
    super(`Postgres ended by itself; ${logFile} says why. Start again: whatever was answered with success is there.`);
    this.name = 'PostgresEnded';
  }
}

/** The start was called off by a stop. */
export class StartCalledOff extends Error {
  readonly code = 'start-called-off';
  constructor() {
    super('The start was called off.');
    this.name = 'StartCalledOff';
  }
}

const database = 'migsbyu';
const migrations = fileURLToPath(new URL('../../../../prisma/migrations', import.meta.url));
const [PROBE_PAUSE, PROBE_TIME] = [50, 60_000];
/** What is being answered may finish within this many milliseconds; feeds never do. */
const DRAIN_TIME = 2_000;

export class Standalone {
  private readonly parts: Part[] = [];
  private starting: Promise<unknown> = Promise.resolve();
  private stopping = false;
  private readonly register: ServiceRegister;

  /** `failed` is called at most once, when it cannot go on; stopping is then up to the caller. */
  constructor(
    private readonly config: StandaloneConfig,
    private readonly say: (line: string) => void,
    private readonly failed: (error: Error) => void,
  ) {
    this.register = new ServiceRegister(config.DATA_DIR);
  }

  /**
   * Resolves with its one address when everything is ready.
   * @throws whatever kept a part from starting; the parts that did start are stopped by then.
   */
  async start(): Promise<string> {
    const start = this.startParts();
    this.starting = start.catch(() => {});
    try {
      return await start;
    } catch (error) {
      await this.stopParts();
      throw error;
    }
  }

  /** In order: nobody asks any more, then who answers, then who writes, then what they write to. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.stopParts();
    await this.starting; // ends soon, since its parts did
    await this.stopParts();
  }

  kill(): void {
    this.stopping = true;
    for (const part of this.parts.splice(0).reverse()) part.kill();
  }

  private async startParts(): Promise<string> {
    const { DATA_DIR, HOST, PORT } = this.config;
    await this.lock(DATA_DIR);
    await this.assertPortsFree();
    const postgres = await this.startPostgres();
    await ensureDatabase(postgres.url(database));
    for (const name of await migrate(postgres.url(database), migrations)) this.say(`Migration ${name} applied.`);
    const source = await this.startSource(postgres.url(database));
    const upstreams = await this.startServices(postgres.url(database), source);
    const origin = createOrigin(upstreams);
    const address = await origin.listen({ host: HOST, port: PORT });
    this.started({
      stop: async () => {
        const overdue = setTimeout(() => origin.server.closeAllConnections(), DRAIN_TIME);
        await origin.close();
        clearTimeout(overdue);
      },
      kill: () => origin.server.closeAllConnections(),
    });
    await this.untilReady(upstreams);
    return `http://localhost:${new URL(address).port || 80}`;
  }

  private async lock(folder: string): Promise<void> {
    const lock = await lockDataFolder(folder);
    // Killed, its file stays: the process that it names is gone, so the next start takes it over.
    this.started({ stop: () => lock.release(), kill: () => {} });
    await this.register.endOrphans();
    this.started({ stop: () => this.register.clear(), kill: () => {} });
  }

  private async assertPortsFree(): Promise<void> {
    const { HOST, PORT, COMMAND_API_PORT, QUERY_API_PORT, PROJECTOR_PORT, CHANGE_SOURCE } = this.config;
    const { KAFKA_PORT, KAFKA_CONTROLLER_PORT, CONNECT_PORT } = this.config;
    const kafka = CHANGE_SOURCE === 'kafka' ? { KAFKA_PORT, KAFKA_CONTROLLER_PORT, CONNECT_PORT } : {};
    await assertFree(PORT, HOST, 'PORT');
    for (const [variable, port] of Object.entries({ COMMAND_API_PORT, QUERY_API_PORT, PROJECTOR_PORT, ...kafka }))
      await assertFree(port, '127.0.0.1', variable);
  }

  private async startPostgres() {
    const logFile = join(this.config.DATA_DIR, 'postgres.log');
    const postgres = await startPostgres({
      dataDir: join(this.config.DATA_DIR, 'postgres'),
      port: this.config.POSTGRES_PORT,
      user: database,
      password: database,
      logFile,
    });
    void postgres.exited.then(() => {
      if (!this.stopping && this.parts.length > 0) this.failed(new PostgresEnded(logFile));
    });
    this.started({ stop: () => postgres.stop(), kill: () => process.kill(postgres.pid, 'SIGQUIT') });
    return postgres;
  }

  /** What stands between Postgres and the projector; the environment by which the projector finds it. */
  private async startSource(databaseUrl: string): Promise<Record<string, string>> {
    const { CHANGE_SOURCE } = this.config;
    await dropOtherSlot(databaseUrl, CHANGE_SOURCE);
    if (CHANGE_SOURCE === 'postgres') return { CHANGE_SOURCE, REPLICATION_SLOT: slots.postgres };
    return startKafka(this.config, databaseUrl, {
      started: (pid) => this.register.add(pid),
      say: this.say,
      part: (part) => this.started(part),
    });
  }

  /** All at once, since none needs another to start. */
  private async startServices(databaseUrl: string, source: Record<string, string>): Promise<Upstream[]> {
    const services = productServices(this.config, databaseUrl, source).map(({ launch, label, prefix }) => {
      const process = new ServiceProcess(launch, this.say, (pid) => this.register.add(pid));
      this.parts.push(process);
      return { label, prefix, name: launch.name, process };
    });
    await Promise.all(services.map(({ process }) => process.start()));
    this.throwIfStopping();
    return services.map(({ process, ...place }) => ({
      ...place,
      next: () => (process.port === null ? null : `http://127.0.0.1:${process.port}`),
    }));
  }

  /** Everything runs; a service that is not ready yet says itself what it waits for. */
  private async untilReady(upstreams: readonly Upstream[]): Promise<void> {
    const deadline = Date.now() + PROBE_TIME;
    for (;;) {
      this.throwIfStopping();
      try {
        await checkReadiness(upstreams);
        return;
      } catch (error) {
        if (Date.now() > deadline) return this.say(`Not everything is ready yet. ${(error as Error).message}`);
        await sleep(PROBE_PAUSE);
      }
    }
  }

  private started(part: Part): void {
    this.parts.push(part);
    this.throwIfStopping();
  }

  private throwIfStopping(): void {
    if (this.stopping) throw new StartCalledOff();
  }

  private async stopParts(): Promise<void> {
    this.stopping = true;
    // A part stays on the list until it has stopped, so that what takes too long can still be killed.
    for (let part = this.parts.at(-1); part; part = this.parts.at(-1)) {
      await part.stop();
      const place = this.parts.lastIndexOf(part);
      if (place >= 0) this.parts.splice(place, 1);
    }
  }
}
