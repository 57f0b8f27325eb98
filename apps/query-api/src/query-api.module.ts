import {
  Logger,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
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

/** Composition root: every adapter is chosen here. */
@Module({})
export class QueryApiModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(private readonly follower: Follower) {}

  static of(config: Config, catalog: Catalog): DynamicModule {
    const follower = () => new Follower({ lake: lakeFolder(lakeUrl(config)), catalog, failed: toldOnce() });
    return {
      module: QueryApiModule,
      controllers: [...catalog.tables.map(versionsController), FreshnessController, CatalogController],
      providers: [
        { provide: CATALOG, useValue: catalog },
        { provide: Follower, useFactory: follower },
        { provide: READER, useFactory: (it: Follower) => new LakeReader(it, catalog.tables), inject: [Follower] },
        LakeReadiness,
      ],
    };
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
