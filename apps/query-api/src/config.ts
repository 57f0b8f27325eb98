import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { serviceVariables, url, wholeNumber } from '#libs/service';

export const variables = serviceVariables(8602, {
  DATA_DIR: z.string().describe('a folder').default('./data'),
  LAKE_URL: url('file').optional(),
  /** Of each DuckDB that holds the lake's open versions: two of them while the lake is opened anew. Absent: most of the machine's. */
  MEMORY_LIMIT: z
    .string()
    .regex(/^[1-9][0-9]{0,8}(MB|GB|MiB|GiB)$/)
    .describe('a size like 2GB or 512MB')
    .optional(),
  /** Changes that may be in memory because they are not folded yet; each takes some 400 bytes, and some 1000 as it comes. */
  TAIL_CHANGES: wholeNumber(1, 1_000_000_000).default(500_000),
  /** Files that no version names any more are kept for two hours: a query that took longer could miss one. */
  QUERY_TIMEOUT_SECONDS: wholeNumber(1, 3600).default(30),
  /** A module that exports `catalog`, instead of the product's own. */
  CATALOG_MODULE: z.string().describe('the path of a module').optional(),
});

export type Config = z.output<typeof variables>;

export const lakeUrl = ({ LAKE_URL, DATA_DIR }: Pick<Config, 'LAKE_URL' | 'DATA_DIR'>): string =>
  LAKE_URL ?? pathToFileURL(join(resolve(DATA_DIR), 'lake')).href;
