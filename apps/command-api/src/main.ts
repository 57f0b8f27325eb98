import { readConfig, startService } from '#libs/service';
import { CommandApiModule } from './command-api.module.js';
import { commandApiVariables } from './config.js';
import { DatabaseIndicator } from './database-indicator.js';

const config = readConfig(commandApiVariables, process.env);

await startService({
  name: 'command-api',
  title: 'MigsbyU commands',
  description:
    'The write side: every change is an event, stored together with the row that it changes, or not at all. ' +
    'Reads here show the present; history and analytics are the query API.',
  module: CommandApiModule.of(config),
  config,
  readiness: [DatabaseIndicator],
});
