import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectKafkaIsAskedFor, expectKnownVariables, expectOneWay, expectServicesAreFound } from './agreement.js';
import {
  composeDeployment,
  dataOf,
  kubectl,
  kubernetesDeployment,
  podsOf,
  render,
  type Container,
  type KubernetesObject,
} from './deployed.js';

const schemas = '.cache/kubernetes-1.34.json';

/** Where tests must not be passed over (CI), what is missing makes them fail instead. */
function canRender(): boolean {
  if (process.env['CI'] || (kubectl && existsSync(schemas))) return true;
  process.stderr.write('Tests of the Kubernetes manifests are skipped: run e2e/deploy/install.sh for what they ask.\n');
  return false;
}

/** As kustomize has it once the example of what git does not hold was copied. */
function rendered(overlay: string): KubernetesObject[] {
  const folder = mkdtempSync(join(tmpdir(), 'kubernetes-'));
  try {
    cpSync('deploy', join(folder, 'deploy'), { recursive: true });
    const production = join(folder, 'deploy/kubernetes/overlays/production');
    cpSync(join(production, 'database.env.example'), join(production, 'database.env'));
    return render(join(folder, 'deploy/kubernetes/overlays', overlay));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

(canRender() ? describe : describe.skip).each(['local', 'production'])('the Kubernetes overlay %s', (overlay) => {
  let objects: KubernetesObject[];
  beforeAll(() => {
    objects = rendered(overlay);
  });

  const named = (kind: string, name: string) =>
    objects.find((object) => object.kind === kind && object.metadata.name === name);
  const containers = (): [string, Container][] =>
    podsOf(objects).flatMap(([name, pod]) =>
      [...(pod.initContainers ?? []), ...pod.containers].map((container) => [name, container] as [string, Container]),
    );

  it('is as Kubernetes 1.34 has it', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    const all = JSON.parse(readFileSync(schemas, 'utf8')) as {
      $id: string;
      $defs: Record<string, { 'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[] }>;
    };
    ajv.addSchema(all);
    const typeOf = ({ apiVersion, kind }: KubernetesObject) =>
      Object.entries(all.$defs).find(([, { 'x-kubernetes-group-version-kind': names = [] }]) =>
        names.some((name) => [name.group, name.version].filter(Boolean).join('/') === apiVersion && name.kind === kind),
      )?.[0];
    for (const object of objects) {
      const isValid = ajv.getSchema(`${all.$id}#/$defs/${typeOf(object)}`)!;
      isValid(object);
      expect([object.kind, object.metadata.name, isValid.errors]).toEqual([object.kind, object.metadata.name, null]);
    }
    const mistyped = { ...objects.find(({ kind }) => kind === 'Deployment')!, spec: { replica: 1 } };
    expect(ajv.getSchema(`${all.$id}#/$defs/io.k8s.api.apps.v1.Deployment`)!(mistyped)).toBe(false);
  });

  it('sets variables that the roles know, all that they need, to values that they take', () =>
    expectKnownVariables(kubernetesDeployment(objects)));

  it('gives Kafka and Connect what their files and their script ask for', () =>
    expectKafkaIsAskedFor(kubernetesDeployment(objects)));

  it('leads one way from the database to the lake, by the names and ports of the native stack', () =>
    expectOneWay(kubernetesDeployment(objects)));

  it('leads the origin to each service, at the port where it is asked for', () => {
    const deployment = kubernetesDeployment(objects);
    expectServicesAreFound(deployment);
    const ports = Object.fromEntries(deployment.flatMap(({ name, ports: [port] }) => (port ? [[name, port]] : [])));
    expect(ports).toMatchObject({
      ...{ 'command-api': 8601, 'query-api': 8602, projector: 8603, origin: 8501, kafka: 9092, connect: 8083 },
    });
  });

  it('mounts the very files of deploy/kafka and deploy/debezium, where the images look for them', () => {
    for (const [, container] of containers())
      for (const { name, mountPath } of container.volumeMounts ?? []) {
        if (!name.endsWith('files')) continue;
        const [, pod] = podsOf(objects).find(([, { containers, initContainers = [] }]) =>
          [...containers, ...initContainers].includes(container),
        )!;
        const files = dataOf(
          objects,
          'ConfigMap',
          pod.volumes!.find((volume) => volume.name === name)!.configMap!.name,
        );
        const source = /deploy\/\w+$/.exec(mountPath)![0];
        for (const [file, text] of Object.entries(files))
          expect([file, text]).toEqual([file, readFileSync(join(source, file), 'utf8')]);
        expect(Object.keys(files).length).toBeGreaterThan(1);
      }
    const kafka = named('StatefulSet', 'kafka');
    expect(JSON.stringify(kafka)).toContain('"mountPath":"/deploy/kafka"');
  });

  it('has one projector, whose successor waits for its end, and a query API that scales', () => {
    expect(named('Deployment', 'projector')!.spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    expect(named('Deployment', 'query-api')!.spec).not.toHaveProperty('replicas');
    expect(named('HorizontalPodAutoscaler', 'query-api')!.spec).toMatchObject({
      ...{ scaleTargetRef: { kind: 'Deployment', name: 'query-api' }, minReplicas: 2, maxReplicas: 10 },
    });
    for (const name of ['command-api', 'query-api', 'origin'])
      expect(named('PodDisruptionBudget', name)!.spec).toMatchObject({
        ...{ minAvailable: 1, selector: { matchLabels: { 'app.kubernetes.io/name': name } } },
      });
  });

  it('asks each service by its health, and each container is confined and sized', () => {
    for (const [name, container] of containers()) {
      expect([name, container['securityContext']]).toEqual([
        name,
        { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      ]);
      expect([name, container['resources']]).toEqual([
        name,
        { requests: { cpu: expect.anything(), memory: expect.anything() }, limits: { memory: expect.anything() } },
      ]);
      expect([name, container.image]).toEqual([name, expect.stringMatching(/:\d+\.\d+/)]);
      if (!['command-api', 'projector', 'query-api', 'origin'].includes(name)) continue;
      expect(container).toMatchObject({
        ...{
          livenessProbe: { httpGet: { path: '/health/live' } },
          startupProbe: { httpGet: { path: '/health/live' } },
        },
        readinessProbe: { httpGet: { path: '/health/ready' } },
      });
    }
    for (const [name, { securityContext }] of podsOf(objects))
      expect([name, securityContext]).toEqual([name, expect.objectContaining({ runAsNonRoot: true })]);
  });

  it('lets no service’s name become a variable that somebody reads, as KAFKA_PORT is', () => {
    for (const [name, { enableServiceLinks }] of podsOf(objects))
      expect([name, enableServiceLinks]).toEqual([name, false]);
  });

  it('leads to a projector that is parked, or nobody could tell it to resnapshot', () => {
    expect(named('Service', 'projector')!.spec).toMatchObject({ publishNotReadyAddresses: true });
  });

  it('sets the same variables as docker compose, but for names and sizes of its own', () => {
    const own = /^(DATABASE_|POSTGRES_|KAFKA_HEAP|MEMORY_LIMIT)/;
    const ofRole = (deployment: ReturnType<typeof composeDeployment>, role: string) =>
      Object.entries(deployment.find(({ environment }) => environment['ROLE'] === role)!.environment)
        .filter(([name]) => !own.test(name))
        .sort();
    for (const role of ['command-api', 'projector', 'query-api', 'origin', 'connector-apply'])
      expect(ofRole(kubernetesDeployment(objects), role)).toEqual(ofRole(composeDeployment(), role));
  });
});
