import { expect, it } from '@jest/globals';
import { projectorMetrics } from './projector.metrics.js';
import type { Projector } from './projector.js';

it('the position is that of the lake, also before anything was appended; none while no lake is open', async () => {
  const { registry, observe } = projectorMetrics();
  const projector: { running: Projector['running'] } = { running: null };
  observe(projector, { report: { troubles: [] }, lag: null });
  const position = async () => /^migsbyu_projector_position .*$/m.exec(await registry.metrics())?.[0];
  expect(await position()).toBeUndefined();
  projector.running = { appender: { lastPosition: 4711 } } as Projector['running'];
  expect(await position()).toBe('migsbyu_projector_position 4711');
});
