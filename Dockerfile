# The headless server in a container, compiled on the builder's own processor for that of the image (amd64 or arm64).
# Secrets belong into files (COOKIES_FILE, AUTH_TOKEN_FILE), not into the image. docs/packages.md says how to use it.
FROM --platform=$BUILDPLATFORM node:22-trixie-slim AS ui
WORKDIR /src
COPY ui ui
RUN cd ui && npm ci --ignore-scripts --no-audit --no-fund && npm run build

FROM --platform=$BUILDPLATFORM rust:1.95-slim-trixie AS build
ARG BUILDARCH
ARG TARGETARCH
# A profile of Cargo: dev compiles in a fraction of the time.
ARG PROFILE=release
# Where the program looks for news of releases, and the key that signs them (docs/updates.md). Without them it never asks.
ARG MAMMOUTH_PROXY_BUILD_FEED_URL
ARG MAMMOUTH_PROXY_BUILD_PUBLIC_KEY
RUN case "$TARGETARCH" in \
      amd64) machine=x86_64 compiler=gcc-x86-64-linux-gnu ;; \
      arm64) machine=aarch64 compiler=gcc-aarch64-linux-gnu ;; \
      *) echo "the image is made for amd64 and arm64, not for $TARGETARCH" >&2; exit 1 ;; \
    esac \
    && if [ "$TARGETARCH" = "$BUILDARCH" ]; then set -- gcc libc6-dev; \
       else set -- gcc libc6-dev "$compiler" "libc6-dev-$TARGETARCH-cross"; rustup target add "$machine-unknown-linux-gnu"; fi \
    && apt-get update && apt-get install -y --no-install-recommends "$@" && rm -rf /var/lib/apt/lists/* \
    && echo "$machine" >/machine
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY packaging/linux packaging/linux
COPY src-tauri src-tauri
COPY --from=ui /src/ui/dist ui/dist
ENV CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
RUN cargo install --locked --no-track --path src-tauri/crates/cli --bin mammouth-proxy \
      --profile "$PROFILE" --target "$(cat /machine)-unknown-linux-gnu" --root /program \
    && install -d -o 65534 -g 65534 -m 0700 /volumes/data

# No command runs in this stage, so that no processor is emulated. It holds the C library and the root certificates.
FROM gcr.io/distroless/cc-debian13
LABEL org.opencontainers.image.title="Mammouth Proxy" \
      org.opencontainers.image.description="OpenAI, Anthropic and Ollama APIs over Mammouth accounts" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /program/bin/mammouth-proxy /usr/local/bin/mammouth-proxy
COPY --from=build --chown=65534:65534 /volumes/ /
# Inside the container only: compose.yaml publishes the port on the host's 127.0.0.1.
ENV HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
USER 65534
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s CMD ["mammouth-proxy", "status"]
ENTRYPOINT ["mammouth-proxy"]
CMD ["serve"]
