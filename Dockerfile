# A small image: the binary, certificates, time zones.
#   docker build -t nextoffer:0.1.0 .
#   docker run --rm -v "$PWD":/work -w /work nextoffer:0.1.0 run jobs/demo.toml
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock rust-toolchain.toml ./
COPY src src
COPY jobs jobs
COPY benches benches
RUN cargo build --release --locked --bin nextoffer

FROM debian:bookworm-slim
# Versions of packages come with the base image: Debian keeps no older ones.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home nextoffer
COPY --from=build /src/target/release/nextoffer /usr/local/bin/nextoffer
USER 10001:10001
ENV TZ=Asia/Shanghai
# The exit code is the program's own; see docs/operations.md.
ENTRYPOINT ["nextoffer"]
