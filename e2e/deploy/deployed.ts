/** What a deployment runs, read from docker-compose.yml or from the rendered manifests of Kubernetes into one form. */
import { existsSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { parse, parseAllDocuments } from 'yaml';

export interface Deployed {
  /** As others find it: the service's name. */
  readonly name: string;
  readonly image: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Ports that others reach it at; none where it takes no requests. */
  readonly ports: readonly number[];
  /** Where its volumes are, and whether it may only read. */
  readonly mounts: Readonly<Record<string, { volume: string; readOnly: boolean }>>;
}

interface ComposeService {
  readonly image: string;
  readonly command?: string | readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService & Record<string, unknown>>>;
}

/** With the values of .env.example, as docker compose puts them in. */
export function composeFile(): ComposeFile {
  const values = Object.fromEntries(
    [...readFileSync('.env.example', 'utf8').matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const text = readFileSync('docker-compose.yml', 'utf8')
    .replaceAll(/(?<!\$)\$\{(\w+)(?::[?-][^}]*)?\}/g, (_, name: string) => {
      if (values[name] === undefined) throw new Error(`.env.example has no ${name}.`);
      return values[name];
    })
    .replaceAll('$$', '$');
  return parse(text, { merge: true }) as ComposeFile;
}

export function composeDeployment(): Deployed[] {
  return Object.entries(composeFile().services).map(
    ([name, { image, command = [], environment = {}, volumes = [] }]) => ({
      ...{ name, image, environment, arguments: typeof command === 'string' ? command.split(' ') : command },
      ports: [], // inside its network every port of a service is open
      mounts: Object.fromEntries(
        volumes.map((volume) => {
          const [source, path, mode] = volume.split(':') as [string, string, string?];
          return [path, { volume: source, readOnly: mode === 'ro' }];
        }),
      ),
    }),
  );
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}

/** Where `install.sh` puts one if the machine has none; null if neither is there. */
export const kubectl: string | null = existsSync('.cache/kubectl')
  ? '.cache/kubectl'
  : spawnSync('kubectl', ['version', '--client']).status === 0
    ? 'kubectl'
    : null;

/** @throws with kustomize's own words */
export function render(overlay: string): KubernetesObject[] {
  const { status, stdout, stderr } = spawnSync(kubectl!, ['kustomize', overlay], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS() as KubernetesObject);
}

interface ValueSource {
  readonly secretKeyRef?: { name: string; key: string };
  readonly configMapKeyRef?: { name: string; key: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly envFrom?: readonly { configMapRef: { name: string } }[];
  readonly env?: readonly { name: string; value?: string; valueFrom?: ValueSource }[];
  readonly volumeMounts?: readonly { name: string; mountPath: string; readOnly?: boolean }[];
  readonly [setting: string]: unknown;
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly {
    name: string;
    configMap?: { name: string };
    persistentVolumeClaim?: { claimName: string };
  }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly enableServiceLinks?: boolean;
}

/** The pods that the objects make, by the name of what makes them. */
export const podsOf = (objects: readonly KubernetesObject[]): [name: string, pod: PodSpec][] =>
  objects.flatMap(({ metadata, spec }) => {
    const pod = (spec?.['template'] as { spec?: PodSpec } | undefined)?.spec;
    return pod ? [[metadata.name, pod] as [string, PodSpec]] : [];
  });

export function kubernetesDeployment(objects: readonly KubernetesObject[]): Deployed[] {
  const valueOf = (kind: string, name: string, key: string): string => {
    const value = dataOf(objects, kind, name)[key];
    if (value === undefined) throw new Error(`The ${kind} ${name} has no ${key}.`);
    return value;
  };
  const environmentOf = ({ env = [], envFrom = [] }: Container) => ({
    ...Object.assign({}, ...envFrom.map(({ configMapRef }) => dataOf(objects, 'ConfigMap', configMapRef.name))),
    ...Object.fromEntries(
      env.map(({ name, value, valueFrom: { secretKeyRef, configMapKeyRef } = {} }) => [
        name,
        value ??
          (secretKeyRef
            ? valueOf('Secret', secretKeyRef.name, secretKeyRef.key)
            : valueOf('ConfigMap', configMapKeyRef!.name, configMapKeyRef!.key)),
      ]),
    ),
  });
  const services = objects.filter(({ kind }) => kind === 'Service');
  return podsOf(objects).flatMap(([name, pod]) =>
    [...(pod.initContainers ?? []), ...pod.containers].map((container) => ({
      name: pod.containers.length > 1 || pod.initContainers ? container.name : name,
      ...{ image: container.image, arguments: container.args ?? [], environment: environmentOf(container) },
      ports: services
        .filter(({ metadata }) => metadata.name === name)
        .flatMap(({ spec }) => (spec!['ports'] as { port: number }[]).map(({ port }) => port)),
      mounts: Object.fromEntries(
        (container.volumeMounts ?? []).map(({ name: volume, mountPath, readOnly = false }) => [
          mountPath,
          { volume, readOnly },
        ]),
      ),
    })),
  );
}

/** Of a Secret in plain text. @throws where the objects have none of that name */
export function dataOf(objects: readonly KubernetesObject[], kind: string, name: string): Record<string, string> {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found) throw new Error(`There is no ${kind} ${name}.`);
  const plain = (text: string) => (kind === 'Secret' ? Buffer.from(text, 'base64').toString() : text);
  return Object.fromEntries(Object.entries(found.data ?? {}).map(([key, text]) => [key, plain(text)]));
}
