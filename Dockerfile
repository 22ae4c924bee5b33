# The headless server in a container. A mounted data folder must belong to user 65534. Secrets belong into files (COOKIES_FILE, AUTH_TOKEN_FILE), not into the image.
FROM node:22-bookworm-slim AS ui
WORKDIR /src
COPY ui ui
RUN cd ui && npm ci --ignore-scripts --no-audit --no-fund && npm run build

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src-tauri src-tauri
COPY --from=ui /src/ui/dist ui/dist
RUN cargo build --release --locked -p mammouth-cli --bin mammouth-proxy

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="Mammouth Proxy" \
      org.opencontainers.image.description="OpenAI, Anthropic and Ollama APIs over Mammouth accounts" \
      org.opencontainers.image.licenses="MIT"
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && install -d -o 65534 -g 65534 -m 0700 /data
COPY --from=build /src/target/release/mammouth-proxy /usr/local/bin/mammouth-proxy
# Inside the container only: compose.yaml publishes the port on the host's 127.0.0.1.
ENV HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
USER 65534
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s CMD ["mammouth-proxy", "status"]
ENTRYPOINT ["mammouth-proxy"]
CMD ["serve"]
