import 'reflect-metadata';
import { readConfig, startService } from '#libs/service';
import { variables } from './config.js';
import { ProjectorModule } from './projector.module.js';
import { ProjectorReadiness } from './projector.readiness.js';
import { ChangeTransport } from './transport/change-transport.js';

const config = readConfig(variables, process.env);

await startService({
  name: 'projector',
  title: 'Projector',
  description: 'Brings every committed change from the source into the lake.',
  config,
  ...ProjectorModule.of(config),
  readiness: [ProjectorReadiness],
  transport: ChangeTransport,
});
