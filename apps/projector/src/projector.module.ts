import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  Logger,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Registry } from 'prom-client';
import { loadCatalog, type Catalog } from '#libs/catalog';
import { lakeFolder, openDuckDb } from '#libs/lake';
import { university } from '#libs/university';
import { lakeUrl, type Config } from './config.js';
import { DriftWatch } from './operations/drift-watch.js';
import { FoldsController } from './operations/folds.controller.js';
import { OperationDesk } from './operations/operation-desk.js';
import { Operations, type OperationStatus } from './operations/operations.js';
import { RebuildsController } from './operations/rebuilds.controller.js';
import { ResnapshotsController } from './operations/resnapshots.controller.js';
import { VerificationsController } from './operations/verifications.controller.js';
import { Verifier } from './operations/verifier.js';
import { Projection } from './projection.js';
import { projectorMetrics } from './projector.metrics.js';
import { ProjectorReadiness } from './projector.readiness.js';
import { Projector, type ProjectorOptions } from './projector.js';
import type { ChangeSource } from './sources/change-source.js';
import { configuredSource } from './sources/configured-source.js';
import { KafkaTopicSource } from './sources/kafka/kafka-topic.js';
import { StatusController } from './status.controller.js';
import { ChangesController } from './transport/changes.controller.js';
import { ChangeTransport } from './transport/change-transport.js';
import { Inspection } from './watch/inspection.js';
import { SourceWatch } from './watch/source-watch.js';
import { Verification } from './verification/verification.js';

/** Composition root: every adapter is chosen here. */
@Module({})
export class ProjectorModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly projector: Projector,
    private readonly operations: Operations,
    private readonly watch: SourceWatch,
  ) {}

  static of(config: Config): { module: DynamicModule; metrics: Registry } {
    const metrics = projectorMetrics();
    const catalog = async () => (config.CATALOG_MODULE ? loadCatalog(config.CATALOG_MODULE) : university);
    const transport = async () =>
      new ChangeTransport(
        configuredSource(config, await catalog(), (error) =>
          new Logger(ChangeTransport.name).warn(`The source is connected to anew: ${error.message}`),
        ),
      );
    const watch = (changes: ChangeTransport, projector: Projector) => {
      const source = changes.unwrap<ChangeSource>();
      const topic = source instanceof KafkaTopicSource ? source : null;
      const watching = new SourceWatch(new Inspection(config, topic), projector);
      metrics.observe(projector, watching);
      return watching;
    };
    const projector = async (changes: ChangeTransport, operations: Operations) =>
      new Projector(changes, {
        ...(await optionsOf(config, await catalog(), metrics)),
        streaming: (projection) => new DriftWatch(operations).begin(projection),
      });
    const module = {
      module: ProjectorModule,
      controllers: [ChangesController, StatusController, ...operationControllers],
      providers: [
        { provide: ChangeTransport, useFactory: transport },
        { provide: Operations, useFactory: () => new Operations(logEnd) },
        { provide: Verifier, useFactory: async () => verifierOf(config, await catalog()) },
        { provide: OperationDesk, useFactory: (all: Operations) => new OperationDesk(all), inject: [Operations] },
        { provide: Projector, useFactory: projector, inject: [ChangeTransport, Operations] },
        { provide: SourceWatch, useFactory: watch, inject: [ChangeTransport, Projector] },
        ProjectorReadiness,
      ],
    };
    return { module, metrics: metrics.registry };
  }

  onApplicationBootstrap(): void {
    this.projector.start();
    this.watch.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.operations.stop(), this.projector.stop()]); // a resnapshot ends with the life that takes it
  }
}

const operationControllers = [FoldsController, RebuildsController, ResnapshotsController, VerificationsController];

function verifierOf(config: Config, catalog: Catalog): Verifier {
  const source = { databaseUrl: config.DATABASE_URL, publication: config.PUBLICATION };
  const options = { source, catalog, lake: lakeFolder(lakeUrl(config)), temporaryFolder: config.SPOOL_FOLDER };
  const tables = catalog.tables.map(({ table }) => table);
  return new Verifier(tables, (table) => new Verification(options, table));
}

function logEnd({ kind, table, state, error }: OperationStatus): void {
  const logger = new Logger(Operations.name);
  const what = `The ${kind} of ${table ?? 'all tables'}`;
  if (error) logger.error(`${what} failed: ${error.message}`, error.stack);
  else logger.log(`${what} is ${state}.`);
}

async function openFoldDuckDb({ MEMORY_LIMIT, SPOOL_FOLDER }: Config) {
  const temporaryFolder = join(SPOOL_FOLDER, `fold-${process.pid}`);
  await rm(temporaryFolder, { recursive: true, force: true }); // of a process that was killed
  await mkdir(SPOOL_FOLDER, { recursive: true });
  return openDuckDb({ memoryLimit: MEMORY_LIMIT, temporaryFolder });
}

async function optionsOf(
  config: Config,
  catalog: Catalog,
  { events, stateChanged }: ReturnType<typeof projectorMetrics>,
): Promise<ProjectorOptions> {
  const logger = new Logger(Projector.name);
  const duckdb = await openDuckDb();
  const options = {
    foldDuckDb: await openFoldDuckDb(config),
    lake: lakeFolder(lakeUrl(config)),
    catalog,
    spoolFolder: config.SPOOL_FOLDER,
    foldChanges: config.FOLD_CHANGES,
    foldAge: config.FOLD_AGE_SECONDS * 1000,
  };
  return {
    open: (listeners) => Projection.open(duckdb, options, listeners),
    resnapshot: config.RESNAPSHOT === 'auto',
    events: {
      ...events,
      foldFailed: (error) => {
        events.foldFailed(error);
        logger.error(`A fold failed and is tried again: ${error.message}`, error.stack);
      },
      upkeepFailed: (error) => {
        events.upkeepFailed(error);
        logger.error(`Upkeep of the lake failed and is tried again: ${error.message}`, error.stack);
      },
      suspiciousClock: (stamp) => {
        events.suspiciousClock(stamp);
        logger.warn(`Transaction ${stamp.txId} committed at a time that is off by more than 5 s: a clock is wrong.`);
      },
    },
    stateChanged: (status) => {
      stateChanged(status);
      if (status.error && status.state !== 'opening') logger.warn(`${status.state}: ${status.error.message}`);
      else logger.log(status.state);
    },
  };
}
