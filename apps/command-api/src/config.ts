import { serviceVariables, url, wholeNumber } from '#libs/service';
import type { z } from 'zod';

export const commandApiVariables = serviceVariables(8601, {
  DATABASE_URL: url('postgresql', 'postgres').default('postgresql://migsbyu:migsbyu@127.0.0.1:25432/migsbyu'),
  POOL_SIZE: wholeNumber(1, 200).default(16),
});

export type CommandApiConfig = z.output<typeof commandApiVariables>;
