# The page and the commands on a CPU; docs/deployment.md says how to build and run it.
FROM python:3.11-slim-bookworm AS build

WORKDIR /source
COPY . .
RUN python -m venv /opt/ppgan_ext \
    && /opt/ppgan_ext/bin/pip install --no-cache-dir --constraint constraints.txt '.[cpu,page]'

FROM python:3.11-slim-bookworm

# Paddle's libraries look for the system's OpenMP. Debian removes old versions, so a pinned one would not be found later.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 ppgan \
    && install --directory --mode 1777 /var/cache/ppgan_ext

COPY --from=build /opt/ppgan_ext /opt/ppgan_ext

# The cache (weights, compiled programs) can be written by any user, so that --user works.
ENV PATH="/opt/ppgan_ext/bin:$PATH" \
    PPGAN_EXT_HOME=/var/cache/ppgan_ext \
    PYTHONDONTWRITEBYTECODE=1 \
    NO_PROXY=127.0.0.1,localhost

USER 10001
WORKDIR /home/ppgan
EXPOSE 7860
VOLUME /var/cache/ppgan_ext

# A page behind a password answers with its login form.
HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/', timeout=8)"]

ENTRYPOINT ["ppgan-ext"]
CMD ["page", "--config", "/etc/ppgan_ext/page.yaml"]
