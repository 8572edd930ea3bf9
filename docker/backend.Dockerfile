# The app with uvicorn and alembic. Targets: production (what the app needs), development (codegen too; sources are mounted).

FROM python:3.12-slim AS tools
RUN pip install --no-cache-dir --disable-pip-version-check "uv>=0.13,<0.14"
ENV UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1 \
    UV_NO_CACHE=1
WORKDIR /srv
# --locked compares the lock with every member of the workspace.
COPY pyproject.toml uv.lock ./
COPY server/pyproject.toml server/README.md server/
COPY codegen/pyproject.toml codegen/README.md codegen/
COPY app/pyproject.toml app/


FROM tools AS packages
# Apart from our own sources, so that changing those does not fetch everything again.
RUN uv sync --locked --no-dev --package fusewire-app --no-install-workspace
COPY server/src server/src
RUN uv sync --locked --no-dev --package fusewire-app --no-editable


FROM python:3.12-slim AS app
COPY app /srv/app
RUN rm -rf /srv/app/frontend /srv/app/tests


FROM python:3.12-slim AS production
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin fusewire
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /srv
COPY --from=packages /opt/venv /opt/venv
COPY --from=app /srv/app /srv/app
USER 10001:10001
EXPOSE 8000
# Workers and the gateway's subnet: WEB_CONCURRENCY and FORWARDED_ALLOW_IPS; docker-compose.yml names them in its command.
CMD ["uvicorn", "app.backend.main:app", "--host", "0.0.0.0", "--port", "8000", "--ws", "fusewire.serving:WebSocketProtocol", \
     "--ws-max-size", "2162688", "--timeout-graceful-shutdown", "50", "--timeout-keep-alive", "75", \
     "--proxy-headers", "--no-access-log", "--log-level", "warning"]


FROM tools AS development
RUN uv sync --locked --no-dev --no-install-workspace
COPY server server
COPY codegen codegen
# Editable: what is mounted over server/src and codegen/src is what runs.
RUN uv sync --locked --no-dev
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 1000:1000
