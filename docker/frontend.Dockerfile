# The page under node. Targets: production (adapter-node's server), development (Vite; sources are mounted).

FROM node:22-slim AS packages
WORKDIR /srv
# npm wants to see each workspace that the lock file names.
COPY package.json package-lock.json ./
COPY client-ts/package.json client-ts/
COPY app/frontend/package.json app/frontend/
COPY tests/e2e/package.json tests/e2e/
COPY benchmarks/peers/package.json benchmarks/peers/


FROM packages AS build
RUN npm ci --no-fund --no-audit --workspace @fusewire/client --workspace fusewire-app-frontend
COPY client-ts client-ts
RUN npm run build --workspace @fusewire/client
COPY app/frontend app/frontend
RUN npm run build --workspace fusewire-app-frontend


FROM packages AS run-time-packages
RUN npm ci --no-fund --no-audit --omit=dev --workspace fusewire-app-frontend


FROM node:22-slim AS production
ENV NODE_ENV=production
WORKDIR /srv/app/frontend
# All of it: node_modules links to the workspaces' folders.
COPY --from=run-time-packages /srv /srv
COPY --from=build /srv/client-ts/dist /srv/client-ts/dist
COPY --from=build /srv/app/frontend/build build
USER node
EXPOSE 3000
CMD ["node", "build"]


FROM build AS development
# Vite keeps its cache, and SvelteKit its generated types, beside the sources.
RUN mkdir -p node_modules/.vite app/frontend/node_modules app/frontend/.svelte-kit \
    && chown -R node:node node_modules/.vite app/frontend
WORKDIR /srv/app/frontend
USER node
CMD ["node", "/srv/node_modules/vite/bin/vite.js", "dev", "--host", "0.0.0.0", "--port", "5173", "--strictPort"]
