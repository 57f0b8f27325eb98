import { ApiProperty } from '@nestjs/swagger';
import type { RebuildReport } from './rebuild/rebuild.js';

class ColumnChanges {
  @ApiProperty({ type: [String], description: 'Of both catalog entries, with one type.', example: ['id', 'height'] })
  compared: readonly string[];

  @ApiProperty({ type: [String], example: ['material'] })
  added: readonly string[];

  @ApiProperty({ type: [String], description: 'Their values stay in the changelog.', example: [] })
  dropped: readonly string[];

  @ApiProperty({ type: [String], example: [] })
  retyped: readonly string[];
}

const version = {
  type: 'object',
  additionalProperties: { type: 'string', nullable: true },
  nullable: true,
  description: 'The version’s compared columns and its interval, as text; null where this side has none.',
} as const;

class VersionDifference {
  @ApiProperty({ type: 'integer', description: 'Surrogate key.', example: 17 })
  key: number;

  @ApiProperty({ ...version, example: { id: 'A1', height: '39' } })
  old: Readonly<Record<string, string | null>> | null;

  @ApiProperty({ ...version, example: { id: 'A1', height: '40' } })
  new: Readonly<Record<string, string | null>> | null;
}

class DifferenceExamples {
  @ApiProperty({ type: [VersionDifference] })
  only_old: readonly VersionDifference[];

  @ApiProperty({ type: [VersionDifference] })
  only_new: readonly VersionDifference[];

  @ApiProperty({ type: [VersionDifference] })
  changed: readonly VersionDifference[];
}

class VersionDifferences {
  @ApiProperty({ type: 'integer', description: 'Versions that the rebuild did not make.', example: 0 })
  only_old: number;

  @ApiProperty({ type: 'integer', description: 'Versions that only the rebuild made.', example: 1 })
  only_new: number;

  @ApiProperty({ type: 'integer', description: 'Versions that differ.', example: 2 })
  changed: number;

  @ApiProperty({ description: 'Up to 20 of each.' })
  examples: DifferenceExamples;
}

/** What a rebuild made, and how it differs from what was there. */
export class RebuildResult implements RebuildReport {
  @ApiProperty({
    type: 'integer',
    description: 'Fold position of the versions when they were swapped in.',
    example: 4711,
  })
  position: number;

  @ApiProperty({ type: 'integer', description: 'Changes of the table that were folded.', example: 4000 })
  changes: number;

  @ApiProperty({ type: 'integer', example: 3900 })
  versions: number;

  @ApiProperty({ type: 'integer', description: 'Intervals in which a key’s state did not type.', example: 0 })
  quarantined: number;

  @ApiProperty({ description: 'Whether the table was made by another catalog entry.', example: false })
  drifted: boolean;

  @ApiProperty()
  columns: ColumnChanges;

  @ApiProperty({
    type: 'integer',
    description: 'Old and new versions were compared as of this position.',
    example: 4700,
  })
  compared_at: number;

  @ApiProperty()
  differences: VersionDifferences;
}
