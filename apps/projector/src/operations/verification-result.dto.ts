import { ApiProperty } from '@nestjs/swagger';
import type { Example, Finding, TableComparison } from '../verification/comparison.js';
import type { VerificationReport } from '../verification/verification.js';

class VerificationExample implements Example {
  @ApiProperty({
    enum: ['missing', 'extra', 'different', 'quarantined'],
    description:
      '`missing` in the lake, `extra` in it, `different` in some columns; `quarantined`: the lake knows that it does not type.',
    example: 'different',
  })
  finding: Finding;

  @ApiProperty({ type: [String], description: 'The key’s texts, in the catalog’s order.', example: ['A1'] })
  key: readonly string[];

  @ApiProperty({
    type: [String],
    description: 'Columns that differ. No values: they may be personal.',
    example: ['height'],
  })
  columns: readonly string[];
}

class TableVerification implements TableComparison {
  @ApiProperty({ example: 'halls' })
  table: string;

  @ApiProperty({ type: 'integer', description: 'Of the source.', example: 1000 })
  rows: number;

  @ApiProperty({ type: 'integer', example: 998 })
  equal: number;

  @ApiProperty({ type: 'integer', description: 'In the source, not in the lake.', example: 0 })
  missing: number;

  @ApiProperty({ type: 'integer', description: 'In the lake, not in the source, or there more often.', example: 0 })
  extra: number;

  @ApiProperty({ type: 'integer', description: 'In both, with other values.', example: 1 })
  different: number;

  @ApiProperty({ type: 'integer', description: 'What does not type, and the lake says so.', example: 1 })
  quarantined: number;

  @ApiProperty({
    type: [String],
    description: 'Columns of the catalog that the source lacks or does not publish; not compared.',
    example: [],
  })
  absent_columns: readonly string[];

  @ApiProperty({ type: [VerificationExample], description: 'Up to 20, of each finding some.' })
  examples: readonly VerificationExample[];
}

/** Whether the lake's open versions are the source's rows. */
export class VerificationResult implements VerificationReport {
  @ApiProperty({ description: 'Nothing is missing, extra or different.', example: false })
  equal: boolean;

  @ApiProperty({ type: 'integer', description: 'The cut of the lake that was compared.', example: 4711 })
  position: number;

  @ApiProperty({ description: 'The point of the source’s log that it was compared at.', example: '0/16B3748' })
  lsn: string;

  @ApiProperty({ type: [TableVerification] })
  tables: readonly TableVerification[];
}
