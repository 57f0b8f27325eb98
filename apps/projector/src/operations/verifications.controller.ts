import { Body, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, IsString } from 'class-validator';
import type { FastifyReply } from 'fastify';
import { ApiBegins, operationController, OperationsOf } from './operation-controller.js';
import { OperationDesk } from './operation-desk.js';
import { OperationResource, WaitQuery } from './operation.dto.js';
import { refuseUnknownTable } from './unknown-table.js';
import { VerificationResult } from './verification-result.dto.js';
import { Verifier } from './verifier.js';

export class VerificationBody {
  /**
   * A source table of the catalog; all of them if absent.
   * @example halls
   */
  @IsOptional()
  @IsString()
  table?: string;
}

/** A comparison of the lake's open versions with the source's rows, at one point of the source's log. */
export class VerificationResource extends OperationResource {
  @ApiProperty({ type: VerificationResult, nullable: true })
  report: VerificationResult | null;
}

@OperationsOf('verifications')
export class VerificationsController extends operationController<VerificationResult>({
  kind: 'verification',
  name: 'Verification',
  resource: VerificationResource,
  cancelled: 'it changes nothing anyway',
}) {
  constructor(
    desk: OperationDesk,
    private readonly verifier: Verifier,
  ) {
    super(desk);
  }

  /** Also while the projector does not stream: then it fails after a while, and says how far the lake is complete. */
  @Post()
  @HttpCode(202)
  @ApiBegins(
    'startVerification',
    'Compare the lake with its source while both go on: the open versions must be the source’s rows',
    VerificationResource,
  )
  start(
    @Body() { table }: VerificationBody = {},
    @Query() query: WaitQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (table !== undefined) refuseUnknownTable(table, this.verifier.tables);
    const subject = { kind: 'verification', table: table ?? null } as const;
    return this.desk.begin<VerificationResult>(subject, this.verifier.operationOf(subject.table), query, reply);
  }
}
