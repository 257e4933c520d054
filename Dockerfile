# The web labeler without a display.
#   docker build -t maskcast .                     engine pixel, on the CPU
#   docker build -t maskcast --target cuda .       with SAM and encoders, for an NVIDIA GPU
#   docker run -p 127.0.0.1:7860:7860 -v "$PWD/myproject:/project" maskcast
FROM python:3.12-slim-bookworm AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 MPLCONFIGDIR=/tmp/matplotlib HF_HOME=/weights
RUN useradd --uid 1000 --create-home maskcast \
    && mkdir /project /weights \
    && chown maskcast:maskcast /project /weights
COPY --from=wheel /wheels /wheels
VOLUME ["/project", "/weights"]
EXPOSE 7860
# A server that asks for a password is well, too.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-c", "\
import http.client; \
c = http.client.HTTPConnection('127.0.0.1', 7860, timeout=8); \
c.request('GET', '/'); \
raise SystemExit(c.getresponse().status not in (200, 401))"]
ENTRYPOINT ["maskcast"]
CMD ["serve", "/project", "--host", "0.0.0.0"]

FROM base AS cuda
# The torch of the package index brings its CUDA libraries; the host needs a driver and its toolkit.
RUN pip install --no-cache-dir "$(ls /wheels/*.whl)[web,report,sam]"
USER maskcast

FROM base AS cpu
RUN pip install --no-cache-dir "$(ls /wheels/*.whl)[web,report]"
USER maskcast
