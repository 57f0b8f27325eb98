import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

export class PageInfo {
  @ApiProperty({ type: 'string', nullable: true, description: 'Where the next page begins; null on the last.' })
  next_cursor: string | null;

  @ApiPropertyOptional({
    type: 'integer',
    description: 'Rows of the whole list, where `count=true` asked.',
    example: 1,
  })
  total?: number;
}
