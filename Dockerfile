# skiff with all that it runs: containerd, runc, CNI plugins, iptables.
#
#   docker build -t skiff .                                builds from source; needs the package mirror
#   docker build -t skiff --build-arg BINARY=prebuilt .    takes what e2e/docker/stage.sh has put into
#                                                          build/image
#   docker build --build-arg BASE=... .                    where debian:12-slim cannot be pulled:
#                                                          e2e/docker/base.sh makes a base
ARG BASE=debian:12-slim
ARG BINARY=compiled

# The classic builder runs each stage, also one that nothing is taken from.
FROM ${BASE} AS compiled
ARG BINARY
COPY e2e/packages.sh /src/e2e/packages.sh
RUN [ "$BINARY" != compiled ] || bash -ec '. /src/e2e/packages.sh; \
    install_packages "${BUILD_PACKAGES[@]}" busybox-static'
COPY . /src
RUN [ "$BINARY" != compiled ] || { cd /src && cmake --preset release && \
    cmake --build --preset release --target skiff images && e2e/docker/stage.sh; }

# In a plain clone there is no build/image, which a pattern may say and a name may not.
FROM scratch AS prebuilt
COPY README.md build/imag[e] /src/build/image/

FROM ${BINARY} AS binary

# Everything in one layer, without what a node never starts.
FROM ${BASE} AS root
COPY e2e/packages.sh e2e/docker/strip.sh /run/install/
RUN bash -ec '. /run/install/packages.sh; install_packages "${IMAGE_PACKAGES[@]}"; \
    sh /run/install/strip.sh; rm -r /run/install'
COPY --from=binary /src/build/image/skiff /usr/local/bin/skiff
COPY --from=binary /src/build/image/*.tar /usr/share/skiff/images/
# The control plane as static pods, for `skiff kubelet --config=/etc/kubernetes/manifests`.
COPY manifests/master /etc/kubernetes/manifests
COPY manifests/kubelet /etc/kubernetes/kubelet
RUN ln -s skiff /usr/local/bin/kubectl

FROM scratch
COPY --from=root / /
# overlayfs does not lie on overlayfs: containers' layers need a volume of their own.
VOLUME /var/lib/skiff
ENV SKIFF_FOREGROUND=true
EXPOSE 6443
ENTRYPOINT ["/usr/local/bin/skiff"]
CMD ["up"]
