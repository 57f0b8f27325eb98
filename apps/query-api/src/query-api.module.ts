import {
  Logger,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Registry } from 'prom-client';
import { loadCatalog, type Catalog } from '#libs/catalog';
import { NoSuchTable } from '#libs/delta-log';
import { lakeFolder } from '#libs/lake';
import { university } from '#libs/university';
import { CATALOG, CatalogController } from './catalog/catalog.controller.js';
import { lakeUrl, type Config } from './config.js';
import { versionsController } from './dimensions/versions.controller.js';
import { Follower } from './follower/follower.js';
import { LakeReader } from './follower/lake-reader.js';
import { READER } from './follower/reader.js';
import { FreshnessController } from './freshness/freshness.controller.js';
import { LakeReadiness } from './freshness/lake-readiness.js';
import { readerMetrics } from './freshness/reader-metrics.js';

/** Composition root: every adapter is chosen here. */
@Module({})
export class QueryApiModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(private readonly follower: Follower) {}

  static of(config: Config, catalog: Catalog): { module: DynamicModule; metrics: Registry } {
    const { MEMORY_LIMIT, TAIL_CHANGES, QUERY_TIMEOUT_SECONDS } = config;
    const follower = new Follower({
      ...{ lake: lakeFolder(lakeUrl(config)), catalog, tailChanges: TAIL_CHANGES, failed: toldOnce() },
      ...(MEMORY_LIMIT && { memoryLimit: MEMORY_LIMIT }),
    });
    const reader = new LakeReader(follower, catalog.tables, QUERY_TIMEOUT_SECONDS);
    const module = {
      module: QueryApiModule,
      controllers: [...catalog.tables.map(versionsController), FreshnessController, CatalogController],
      providers: [
        { provide: CATALOG, useValue: catalog },
        { provide: Follower, useValue: follower },
        { provide: READER, useValue: reader },
        LakeReadiness,
      ],
    };
    return { module, metrics: readerMetrics(reader) };
  }

  onApplicationBootstrap(): void {
    this.follower.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.follower.stop();
  }
}

/** Settled before the module is made, since its controllers follow from it. A catalog that is none ends the process. */
export async function catalogOf({ CATALOG_MODULE }: Pick<Config, 'CATALOG_MODULE'>): Promise<Catalog> {
  try {
    return CATALOG_MODULE ? await loadCatalog(CATALOG_MODULE) : university;
  } catch (error) {
    process.stderr.write(`query-api cannot start: ${(error as Error).message}\n`);
    process.exit(1);
  }
}

/** A lake that stays away fails twice a second: the log says so once. One that is not there yet is no reason to warn. */
function toldOnce(): (error: Error) => void {
  const logger = new Logger(Follower.name);
  let told = '';
  return (error) => {
    if (error.message === told) return;
    told = error.message;
    if (error instanceof NoSuchTable) logger.log('The lake is empty; the projector makes its tables.');
    else logger.warn(`The lake cannot be followed, and is tried again: ${error.message}`);
  };
}
