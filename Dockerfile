# syntax=docker/dockerfile:1
# The image: one static binary, the CA certificates, a working configuration; nothing else.
#
#   docker build -t openagent .                      builds from source
#   docker build -t openagent --target prebuilt .    takes dist/openagent-linux-ARCH as build.sh leaves it

FROM --platform=$BUILDPLATFORM rust:1.95-bookworm AS build
ARG TARGETARCH
WORKDIR /src
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3-pip \
 && rm -rf /var/lib/apt/lists/* \
 && pip install --no-cache-dir --break-system-packages ziglang==0.13.0 cargo-zigbuild==0.20.1
COPY . .
RUN ./build.sh --arch "$TARGETARCH" --route rustup

# The files that both final stages share, with the owner and the rights they need.
FROM debian:bookworm-slim AS files
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY scrape_config.yaml /root-fs/app/scrape_config.yaml
RUN mkdir -p /root-fs/app/logs /root-fs/etc/ssl/certs \
 && touch /root-fs/app/whatap.conf \
 && cp /etc/ssl/certs/ca-certificates.crt /root-fs/etc/ssl/certs/ca-certificates.crt \
 && chown -R 1001:1001 /root-fs/app

FROM scratch AS prebuilt
ARG TARGETARCH
COPY --from=files /root-fs/ /
COPY dist/openagent-linux-${TARGETARCH} /app/openagent
ENV WHATAP_HOME=/app
WORKDIR /app
USER 1001:1001
ENTRYPOINT ["/app/openagent"]
CMD ["foreground"]

FROM scratch
ARG TARGETARCH
COPY --from=files /root-fs/ /
COPY --from=build /src/dist/openagent-linux-${TARGETARCH} /app/openagent
ENV WHATAP_HOME=/app
WORKDIR /app
USER 1001:1001
ENTRYPOINT ["/app/openagent"]
CMD ["foreground"]
