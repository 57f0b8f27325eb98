import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { InvalidCatalog } from './check-catalog.js';
import { loadCatalog, UnusableCatalogModule } from './load-catalog.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catalog-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function module(name: string, source: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, source);
  return path;
}

const refusal = (path: string) =>
  loadCatalog(path).then(
    () => null,
    (error: UnusableCatalogModule) => error,
  );

const catalog = {
  name: 'estate',
  tables: [
    {
      table: 'buildings',
      name: 'building',
      kind: 'dimension',
      key: ['id'],
      columns: [{ name: 'id', type: 'text', label: 'Id', description: 'Id' }],
      label: 'Buildings',
      description: 'Where things are.',
    },
  ],
};

describe('a catalog module', () => {
  it('gives its catalog, from wherever the process runs', async () => {
    const path = await module("it's a catalog.mjs", `export const catalog = ${JSON.stringify(catalog)};`);
    expect(await loadCatalog(path)).toEqual(catalog);
    expect(await loadCatalog(relative('.', path))).toEqual(catalog);
  });

  it('that is not there is named in full', async () => {
    const error = await refusal(relative('.', join(folder, 'none.mjs')));
    expect(error).toBeInstanceOf(UnusableCatalogModule);
    expect(error!.message).toBe(`The catalog module ${join(folder, 'none.mjs')} is not there.`);
    expect((await refusal(folder))!.message).toBe(`The catalog module ${folder} is no file.`);
  });

  it('that does not load says what it said', async () => {
    const throwing = await module('throwing.mjs', "throw new TypeError('no such table');");
    expect((await refusal(throwing))!.problem).toBe('cannot be loaded. TypeError: no such table');
    const broken = await module('broken.mjs', 'export const catalog = {');
    expect((await refusal(broken))!.problem).toMatch(/^cannot be loaded\. SyntaxError: /);
    const missing = await module('missing.mjs', "import './not-there.mjs';");
    expect((await refusal(missing))!.problem).toMatch(/^cannot be loaded\. .*not-there\.mjs/);
  });

  it('without a catalog says what it exports instead', async () => {
    const other = await module('other.mjs', 'export const university = {}; export default 1;');
    expect((await refusal(other))!.problem).toBe('exports no `catalog`, but default, university.');
    expect((await refusal(await module('empty.mjs', '')))!.problem).toBe('exports no `catalog`, and nothing else.');
  });

  it('with a catalog that cannot be used is told every problem of it', async () => {
    const two = { ...catalog, tables: [...catalog.tables, ...catalog.tables] };
    const error = await refusal(await module('two.mjs', `export const catalog = ${JSON.stringify(two)};`));
    expect(error!.cause).toBeInstanceOf(InvalidCatalog);
    expect(error!.problem).toContain('\n- table buildings is listed twice\n- row name building is used by two tables');
    const none = await refusal(await module('none-at-all.mjs', 'export const catalog = null;'));
    expect(none!.problem).toContain('\n- the catalog is null; wanted is an object with name and tables');
  });
});
