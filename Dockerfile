# One file, a target for each process:
#   docker build --target edge -t verbatim/edge:0.1.0 .
# Targets: edge, transcription, transcription-cuda, diarization, diarization-nemo, summarizer, summarizer-vllm.
# An image holds the rooms that its process imports and nothing else: no compiler, no pip cache, no tests.
# Pin the base by digest in builds that are deployed: --build-arg PYTHON_IMAGE=...@sha256:...
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GRPC_VERBOSITY=ERROR \
    HOME=/tmp
RUN groupadd --gid 10001 verbatim \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin verbatim
WORKDIR /tmp

# What is installed is what the tests ran: the locks are held to the versions of requirements/dev.txt.
FROM base AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_CACHE_DIR=/var/cache/pip
RUN python -m venv /opt/venv \
    && ln -s "$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" /opt/rooms

FROM packages AS edge-packages
COPY requirements/edge.txt /requirements.txt
RUN --mount=type=cache,target=/var/cache/pip pip install --require-hashes --requirement /requirements.txt
COPY protos/speech /opt/rooms/speech
COPY rpc /opt/rooms/rpc
COPY media /opt/rooms/media
COPY edge /opt/rooms/edge
RUN python -m compileall -q /opt/venv

FROM packages AS inference-packages
COPY requirements/inference.txt /requirements.txt
RUN --mount=type=cache,target=/var/cache/pip pip install --require-hashes --requirement /requirements.txt
COPY protos/speech /opt/rooms/speech
COPY rpc /opt/rooms/rpc
COPY media /opt/rooms/media
COPY weights /opt/rooms/weights
COPY inference /opt/rooms/inference
RUN python -m compileall -q /opt/venv

# CTranslate2 carries its kernels and opens one library of CUDA at run time.
FROM inference-packages AS cuda-packages
COPY requirements/cuda.txt /requirements.txt
RUN --mount=type=cache,target=/var/cache/pip pip install --require-hashes --requirement /requirements.txt

FROM packages AS nemo-packages
COPY requirements/nemo-gpu.txt /requirements.txt
RUN --mount=type=cache,target=/var/cache/pip pip install --require-hashes --requirement /requirements.txt
COPY protos/speech /opt/rooms/speech
COPY rpc /opt/rooms/rpc
COPY media /opt/rooms/media
COPY weights /opt/rooms/weights
COPY inference /opt/rooms/inference
RUN python -m compileall -q /opt/rooms/speech /opt/rooms/rpc /opt/rooms/media /opt/rooms/weights /opt/rooms/inference

FROM packages AS summarizer-packages
COPY requirements/summarizer.txt /requirements.txt
RUN --mount=type=cache,target=/var/cache/pip pip install --require-hashes --requirement /requirements.txt
COPY protos/speech /opt/rooms/speech
COPY rpc /opt/rooms/rpc
COPY weights /opt/rooms/weights
COPY summarizer /opt/rooms/summarizer
RUN python -m compileall -q /opt/venv

FROM packages AS vllm-packages
COPY requirements/vllm.txt /requirements.txt
RUN --mount=type=cache,target=/var/cache/pip pip install --require-hashes --requirement /requirements.txt
COPY protos/speech /opt/rooms/speech
COPY rpc /opt/rooms/rpc
COPY weights /opt/rooms/weights
COPY summarizer /opt/rooms/summarizer
RUN python -m compileall -q /opt/rooms/speech /opt/rooms/rpc /opt/rooms/weights /opt/rooms/summarizer

FROM base AS edge
COPY --from=edge-packages /opt/venv /opt/venv
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["python", "-m", "edge"]

FROM base AS transcription
COPY --from=inference-packages /opt/venv /opt/venv
USER 10001:10001
EXPOSE 50051 9101
ENTRYPOINT ["python", "-m", "inference"]
CMD ["transcription"]

FROM base AS transcription-cuda
COPY --from=cuda-packages /opt/venv /opt/venv
ENV LD_LIBRARY_PATH=/opt/venv/lib/python3.11/site-packages/nvidia/cublas/lib \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
EXPOSE 50051 9101
ENTRYPOINT ["python", "-m", "inference"]
CMD ["transcription"]

FROM base AS diarization
COPY --from=inference-packages /opt/venv /opt/venv
USER 10001:10001
EXPOSE 50052 9102
ENTRYPOINT ["python", "-m", "inference"]
CMD ["diarization"]

FROM base AS diarization-nemo
COPY --from=nemo-packages /opt/venv /opt/venv
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
EXPOSE 50052 9102
ENTRYPOINT ["python", "-m", "inference"]
CMD ["diarization"]

FROM base AS summarizer
COPY --from=summarizer-packages /opt/venv /opt/venv
USER 10001:10001
EXPOSE 50053 9103
ENTRYPOINT ["python", "-m", "summarizer"]

# vLLM compiles kernels at its start, which takes a C compiler.
FROM base AS summarizer-vllm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY --from=vllm-packages /opt/venv /opt/venv
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    VLLM_NO_USAGE_STATS=1
USER 10001:10001
EXPOSE 50053 9103
ENTRYPOINT ["python", "-m", "summarizer"]
