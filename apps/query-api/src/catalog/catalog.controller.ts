import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { lakeTable, surrogateKey, type Catalog, type Table } from '#libs/catalog';
import { ApiProblems } from '#libs/service';
import { versionsPath } from '../dimensions/versions.controller.js';
import type { Drift } from '../follower/catalog-drift.js';
import { READER, type Reader } from '../follower/reader.js';
import { CatalogAnswer, type TableAnswer } from './catalog-answer.js';

/** Nest's token for the catalog. */
export const CATALOG = Symbol('Catalog');

@ApiTags('catalog')
@Controller('v1/catalog')
export class CatalogController {
  constructor(
    @Inject(CATALOG) private readonly catalog: Catalog,
    @Inject(READER) private readonly reader: Reader,
  ) {}

  @Get()
  @ApiOperation({ operationId: 'getCatalog', summary: 'What can be asked: tables, columns, types and meanings' })
  @ApiOkResponse({ type: CatalogAnswer })
  @ApiProblems()
  get(): CatalogAnswer {
    const drifts = new Map(this.reader.freshness().folds.map(({ table, drift }) => [table, drift]));
    const tables = this.catalog.tables.map((table) => tableAnswer(table, drifts.get(table.table) ?? null));
    return { data: { name: this.catalog.name, tables } };
  }
}

const tableAnswer = (table: Table, drift: Drift | null): TableAnswer => ({
  table: table.table,
  name: table.name,
  kind: table.kind,
  path: `/${versionsPath(table)}`,
  lake_table: lakeTable(table),
  label: table.label,
  description: table.description,
  surrogate_key: surrogateKey(table),
  key: table.key,
  drift: drift?.difference ?? null,
  columns: table.columns.map(({ name, type, nullable, label, description, pii, example }) => ({
    name,
    type,
    nullable: nullable ?? false,
    label,
    description,
    pii: pii ?? false,
    example: example ?? null,
  })),
});
