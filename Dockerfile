FROM rust:1.95-trixie AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY src src
COPY loadtest loadtest
COPY benches benches
# No WebAssembly: the catalogs' PostgreSQL is Debian's. The stand-in for IRIS is for trying the image out; leave out
# `--features standin` for one that is always in front of an IRIS.
RUN cargo build --release --locked --no-default-features --features standin --bin iris-pgwire

FROM debian:trixie-slim
# The package would make a cluster for itself, which nobody uses: the gateway makes its own in /tmp.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-common \
    && sed -ri 's/#(create_main_cluster) .*$/\1 = false/' /etc/postgresql-common/createcluster.conf \
    && apt-get install -y --no-install-recommends postgresql-17 postgresql-17-pgvector \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --home-dir /var/lib/iris-pgwire --create-home iris-pgwire
COPY --from=build /build/target/release/iris-pgwire /usr/local/bin/iris-pgwire
COPY LICENSE /usr/share/doc/iris-pgwire/LICENSE
# PostgreSQL refuses to run as root, and runs as whom the gateway does.
USER iris-pgwire
ENV IRIS_PGWIRE_CATALOG=native
EXPOSE 5432
# io_uring must be allowed by the container's seccomp profile, and locked memory unlimited:
#   docker run --security-opt seccomp=unconfined --ulimit memlock=-1 -p 5432:5432 iris-pgwire
# In front of an IRIS (arguments take the place of CMD):
#   docker run .. iris-pgwire serve --listen 0.0.0.0:5432 --iris iris://user:password@host:1972/NAMESPACE
ENTRYPOINT ["iris-pgwire"]
CMD ["serve", "--listen", "0.0.0.0:5432", "--data", "/var/lib/iris-pgwire"]
