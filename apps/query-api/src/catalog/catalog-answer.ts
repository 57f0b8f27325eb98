import { ApiProperty } from '@nestjs/swagger';

export class ColumnAnswer {
  @ApiProperty({ example: 'id' })
  name: string;

  @ApiProperty({ description: "The column's type in the source, as Postgres names it.", example: 'numeric(3,2)' })
  type: string;

  @ApiProperty({ description: 'Whether the source lets it be null. Older versions may be null all the same.' })
  nullable: boolean;

  @ApiProperty()
  label: string;

  @ApiProperty()
  description: string;

  @ApiProperty({ description: 'Whether it is personal data.' })
  pii: boolean;

  @ApiProperty({
    description: 'A value as answers show it.',
    anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }, { type: 'null' }],
  })
  example: string | number | boolean | null;
}

export class TableAnswer {
  @ApiProperty({ description: 'The source table.' })
  table: string;

  @ApiProperty({ description: "One row's name." })
  name: string;

  @ApiProperty({ enum: ['dimension', 'relationship'] })
  kind: 'dimension' | 'relationship';

  @ApiProperty({ description: 'Where its versions are listed, below the root of this service.' })
  path: string;

  @ApiProperty({ description: 'The lake table that holds its versions.' })
  lake_table: string;

  @ApiProperty()
  label: string;

  @ApiProperty()
  description: string;

  @ApiProperty({ description: "The surrogate key's column." })
  surrogate_key: string;

  @ApiProperty({ description: 'The columns of its key, in the order of the path.', type: [String] })
  key: readonly string[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'How the catalog entry that its versions are made by differs from this one; null if it does not.',
    example: null,
  })
  drift: string | null;

  @ApiProperty({ type: [ColumnAnswer] })
  columns: ColumnAnswer[];
}

export class CatalogContent {
  @ApiProperty()
  name: string;

  @ApiProperty({ type: [TableAnswer] })
  tables: TableAnswer[];
}

export class CatalogAnswer {
  @ApiProperty({ type: CatalogContent })
  data: CatalogContent;
}
