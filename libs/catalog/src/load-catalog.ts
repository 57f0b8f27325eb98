import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Catalog } from './catalog.js';
import { checkCatalog } from './check-catalog.js';

/** A module that should export a catalog and does not. `problem` goes on with "The catalog module <path> …". */
export class UnusableCatalogModule extends Error {
  readonly code = 'unusable-catalog-module';
  constructor(
    readonly path: string,
    readonly problem: string,
    cause?: unknown,
  ) {
    super(`The catalog module ${path} ${problem}`, { cause });
    this.name = 'UnusableCatalogModule';
  }
}

/** The checked `catalog` that the ES module at `path` exports. @throws UnusableCatalogModule */
export async function loadCatalog(path: string): Promise<Catalog> {
  const file = resolve(path);
  const found = await stat(file).catch(() => null);
  if (!found?.isFile()) throw new UnusableCatalogModule(file, found ? 'is no file.' : 'is not there.');
  const module = await importModule(file);
  if (!('catalog' in module)) throw new UnusableCatalogModule(file, exportsNone(module));
  try {
    return checkCatalog(module['catalog'] as Catalog);
  } catch (error) {
    throw new UnusableCatalogModule(file, `exports what is no catalog. ${(error as Error).message}`, error);
  }
}

async function importModule(file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new UnusableCatalogModule(file, `cannot be loaded. ${said}`, error);
  }
}

function exportsNone(module: object): string {
  const names = Object.keys(module);
  return `exports no \`catalog\`, ${names.length > 0 ? `but ${names.join(', ')}` : 'and nothing else'}.`;
}
