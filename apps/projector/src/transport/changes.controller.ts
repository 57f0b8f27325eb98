import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Transaction } from '#libs/change-event';
import { Projector } from '../projector.js';
import { changes } from './change-transport.js';
import { RethrowFilter } from './rethrow.filter.js';

@Controller()
@UseFilters(RethrowFilter)
export class ChangesController {
  constructor(private readonly projector: Projector) {}

  @EventPattern('transaction', changes)
  accept(@Payload() transaction: Transaction): Promise<void> {
    return this.projector.accept(transaction);
  }
}
