import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { formatLsn } from '#libs/change-event';
import type { Watermark } from '#libs/lake';
import { formatInstant } from '#libs/list-query';
import { ApiProblems } from '#libs/service';
import { told } from '../follower/lake-unavailable.js';
import { READER, type Reader } from '../follower/reader.js';
import { FreshnessAnswer, type WatermarkAnswer } from './freshness-answer.js';

@ApiTags('freshness')
@Controller('v1/freshness')
export class FreshnessController {
  constructor(@Inject(READER) private readonly reader: Reader) {}

  @Get()
  @ApiOperation({ operationId: 'getFreshness', summary: 'How current the answers are' })
  @ApiOkResponse({ type: FreshnessAnswer })
  @ApiProblems()
  freshness(): FreshnessAnswer {
    const { position, effectiveAt, lagPositions, lagSeconds, folds, watermark, ready, failure } =
      this.reader.freshness();
    return {
      position,
      time: effectiveAt === null ? null : formatInstant(effectiveAt),
      lag_positions: lagPositions,
      lag_seconds: lagSeconds,
      folds: folds.map(({ table, position: folded, ageSeconds, drift }) => ({
        table,
        position: folded,
        age_seconds: ageSeconds,
        drift: drift?.difference ?? null,
      })),
      watermark: watermark && watermarkAnswer(watermark),
      ready,
      problem: failure && told(failure),
    };
  }
}

const watermarkAnswer = ({ epoch, lsn, position, source_time, time }: Watermark): WatermarkAnswer => ({
  epoch: JSON.parse(epoch) as Record<string, unknown>,
  lsn: formatLsn(lsn),
  position,
  source_time: formatInstant(source_time),
  time: formatInstant(time),
});
