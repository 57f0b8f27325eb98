import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { serviceVariables, url } from '#libs/service';

export const variables = serviceVariables(8602, {
  DATA_DIR: z.string().describe('a folder').default('./data'),
  LAKE_URL: url('file').optional(),
  /** A module that exports `catalog`, instead of the product's own. */
  CATALOG_MODULE: z.string().describe('the path of a module').optional(),
});

export type Config = z.output<typeof variables>;

export const lakeUrl = ({ LAKE_URL, DATA_DIR }: Pick<Config, 'LAKE_URL' | 'DATA_DIR'>): string =>
  LAKE_URL ?? pathToFileURL(join(resolve(DATA_DIR), 'lake')).href;
