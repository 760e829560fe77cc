# toolkit on a CPU, slim and without root rights:
#   docker build -t toolkit .
#   docker run --rm -v "$PWD:/study" --user "$(id -u):$(id -g)" toolkit toolkit grade photos/ --out grades.xlsx
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/toolkit \
    && /opt/toolkit/bin/pip install --no-cache-dir -c constraints.txt ".[cpu,cluster,remote]"

FROM python:3.12-slim
COPY --from=build /opt/toolkit /opt/toolkit
# OMP_NUM_THREADS: the processes are the parallelism. HOME: what caches there are, for any --user.
ENV PATH=/opt/toolkit/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    HOME=/tmp
RUN useradd --system --no-create-home --uid 1000 toolkit
USER 1000
WORKDIR /study
# No entry point: the same image runs toolkit, dask scheduler and dask worker.
CMD ["toolkit", "--help"]
