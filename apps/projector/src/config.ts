import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { choice, serviceVariables, url, wholeNumber } from '#libs/service';

export const variables = serviceVariables(8603, {
  CHANGE_SOURCE: choice(['postgres']).default('postgres'),
  DATABASE_URL: url('postgresql', 'postgres').default('postgresql://migsbyu:migsbyu@127.0.0.1:25432/migsbyu'),
  /** The server's name, not the database's: two lakes on one server need two. */
  REPLICATION_SLOT: z
    .string()
    .regex(/^[a-z0-9_]{1,63}$/)
    .describe('up to 63 lower-case letters, digits and _')
    .default('migsbyu'),
  PUBLICATION: z.string().describe('the name of a publication').default('migsbyu'),
  DATA_DIR: z.string().describe('a folder').default('./data'),
  LAKE_URL: url('file').optional(),
  /** Where a transaction larger than memory waits for its end. */
  SPOOL_FOLDER: z.string().describe('a folder').default(join(tmpdir(), 'migsbyu-spool')),
  /** `auto`: a source that was replaced is snapshotted anew without being asked. */
  RESNAPSHOT: choice(['never', 'auto']).default('never'),
  /** A module that exports `catalog`, instead of the product's own. */
  CATALOG_MODULE: z.string().describe('the path of a module').optional(),
  FOLD_CHANGES: wholeNumber(1, 100_000_000).default(30_000),
  FOLD_AGE_SECONDS: wholeNumber(1, 86_400).default(60),
});

export type Config = z.output<typeof variables>;

export const lakeUrl = ({ LAKE_URL, DATA_DIR }: Pick<Config, 'LAKE_URL' | 'DATA_DIR'>): string =>
  LAKE_URL ?? pathToFileURL(join(resolve(DATA_DIR), 'lake')).href;
