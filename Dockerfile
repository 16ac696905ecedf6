# The studio in a container; docs/studio.md says how it is used, and what of this was tried.
#
#     docker build -t bat-country:cpu .
#     docker build -t bat-country:cuda --build-arg VARIANT=cuda .     # for NVIDIA's graphics cards; several GB more

# Debian's Python 3.11 is the version that the tests run with, and whose packages constraints.txt pins.
FROM debian:bookworm-slim AS python
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/*

FROM python AS build
ARG VARIANT=cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/bat-country
WORKDIR /source
COPY constraints.txt ./
# PyTorch comes first, so that it is not downloaded again when the source changes. Its own index is asked for it alone.
RUN set -- /opt/bat-country/bin/pip install --no-cache-dir --constraint constraints.txt torch; \
    case "$VARIANT" in \
        cpu) "$@" --no-deps --index-url "$TORCH_INDEX" ;; \
        cuda) "$@" ;; \
        *) echo "VARIANT is cpu or cuda, not '$VARIANT'" >&2; exit 2 ;; \
    esac
COPY LICENSE NOTICE README.md pyproject.toml ./
COPY src ./src
RUN /opt/bat-country/bin/pip install --no-cache-dir --constraint constraints.txt ".[studio,video,flow,big,heic]"

FROM python
RUN useradd --system --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin studio \
    && install --directory --owner studio --group studio --mode 700 /data
COPY --from=build /opt/bat-country /opt/bat-country
ENV PATH=/opt/bat-country/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/data \
    XDG_CACHE_HOME=/data/cache \
    PYTHONUNBUFFERED=1
WORKDIR /data
USER studio
VOLUME /data
EXPOSE 8015
# /health says what /api/v1/health says, and needs no token.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8015/health', timeout=4)"]
# Within a container all addresses are its own; which of them others reach is said by who publishes the port.
ENTRYPOINT ["bat-country", "studio", "--host", "0.0.0.0", "--port", "8015", "--folder", "/data/studio"]
