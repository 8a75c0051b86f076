# syntax=docker/dockerfile:1
# The image: one static binary, the CA certificates, a working configuration; nothing else.
#
#   docker build -t openagent .                      builds from source
#   docker build -t openagent --target prebuilt .    takes dist/ as ./build.sh leaves it; needs no other image

FROM --platform=$BUILDPLATFORM rust:1.95-bookworm AS build
ARG TARGETARCH
ARG OPENAGENT_COMMIT
ENV OPENAGENT_COMMIT=${OPENAGENT_COMMIT}
WORKDIR /src
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3-pip \
 && rm -rf /var/lib/apt/lists/* \
 && pip install --no-cache-dir --break-system-packages ziglang==0.17.1 cargo-zigbuild==0.24.0
COPY . .
RUN ./build.sh --arch "$TARGETARCH" --route rustup

# What ./build.sh left in dist/ outside.
FROM scratch AS prebuilt
ARG TARGETARCH
COPY dist/rootfs/etc /etc
COPY --chown=1001:1001 dist/rootfs/app /app
COPY --chmod=0755 dist/openagent-linux-${TARGETARCH} /app/openagent
ENV WHATAP_HOME=/app
WORKDIR /app
USER 1001:1001
ENTRYPOINT ["/app/openagent"]
CMD ["foreground"]

# The same from the build above.
FROM scratch
ARG TARGETARCH
COPY --from=build /src/dist/rootfs/etc /etc
COPY --from=build --chown=1001:1001 /src/dist/rootfs/app /app
COPY --from=build --chmod=0755 /src/dist/openagent-linux-${TARGETARCH} /app/openagent
ENV WHATAP_HOME=/app
WORKDIR /app
USER 1001:1001
ENTRYPOINT ["/app/openagent"]
CMD ["foreground"]
