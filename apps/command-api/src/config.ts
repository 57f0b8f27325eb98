import { serviceVariables, url, wholeNumber } from '#libs/service';
import { z } from 'zod';

const DATABASE_URL = url('postgresql', 'postgres').default('postgresql://migsbyu:migsbyu@127.0.0.1:25432/migsbyu');

export const commandApiVariables = serviceVariables(8601, {
  DATABASE_URL,
  POOL_SIZE: wholeNumber(1, 200).default(16),
});

export const migrationVariables = z.object({ DATABASE_URL });

export type CommandApiConfig = z.output<typeof commandApiVariables>;
