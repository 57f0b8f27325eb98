import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

export const configSchema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8603),
  LOG_LEVEL: z.enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
  CHANGE_SOURCE: z.enum(['postgres']).default('postgres'),
  DATABASE_URL: z.url().default('postgresql://migsbyu:migsbyu@127.0.0.1:25432/migsbyu'),
  REPLICATION_SLOT: z
    .string()
    .regex(/^[a-z0-9_]{1,63}$/)
    .default('migsbyu'),
  PUBLICATION: z.string().min(1).default('migsbyu'),
  DATA_DIR: z.string().min(1).default('./data'),
  LAKE_URL: z.url().optional(),
  SPOOL_FOLDER: z.string().min(1).default(join(tmpdir(), 'migsbyu-spool')),
  /** `auto`: a source that was replaced is snapshotted anew without being asked. */
  RESNAPSHOT: z.enum(['never', 'auto']).default('never'),
  /** A module that exports `catalog`, instead of the university's. */
  CATALOG_MODULE: z.string().min(1).optional(),
  FOLD_CHANGES: z.coerce.number().int().min(1).default(30_000),
  FOLD_AGE_SECONDS: z.coerce.number().positive().default(60),
});

export type Config = z.infer<typeof configSchema>;

export const lakeUrl = ({ LAKE_URL, DATA_DIR }: Pick<Config, 'LAKE_URL' | 'DATA_DIR'>): string =>
  LAKE_URL ?? pathToFileURL(join(resolve(DATA_DIR), 'lake')).href;
