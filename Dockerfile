# The image is the root file system that `packaging/rootfs` packs and `tests/it/image.rs` runs: one static program,
# the certificate authorities, no shell.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN packaging/rootfs "$(packaging/build-static)" /rootfs.tar \
    && mkdir /rootfs \
    && tar -xf /rootfs.tar -C /rootfs

FROM scratch
COPY --from=build /rootfs/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# Numeric, so that `runAsNonRoot` can be checked without a look into /etc/passwd.
USER 65532:65532
EXPOSE 9440
ENTRYPOINT ["/usr/bin/nbu-exporter"]
