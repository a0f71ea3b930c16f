FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY src src
COPY loadtest loadtest
RUN cargo build --release --locked --bin iris-pgwire

FROM debian:bookworm-slim
RUN useradd --system --home-dir /var/lib/iris-pgwire --create-home iris-pgwire
COPY --from=build /build/target/release/iris-pgwire /usr/local/bin/iris-pgwire
COPY LICENSE /usr/share/doc/iris-pgwire/LICENSE
USER iris-pgwire
EXPOSE 5432
# io_uring must be allowed by the container's seccomp profile, and locked memory unlimited:
#   docker run --security-opt seccomp=unconfined --ulimit memlock=-1 -p 5432:5432 iris-pgwire
ENTRYPOINT ["iris-pgwire"]
CMD ["serve", "--listen", "0.0.0.0:5432", "--data", "/var/lib/iris-pgwire"]
