# docker build -t mspt-explorer . && docker run --rm -p 127.0.0.1:8501:8501 mspt-explorer
# docs/deploy.md says more; assets/image.sh builds the image, starts it and asks whether it is well.
FROM docker.io/library/python:3.11-slim-bookworm

# Which torch: cpu, or a version of CUDA that torch 2.13 is built for, such as cu126.
ARG TORCH=cpu
# yes installs OpenFOAM (about 1 GB), which solves flows around uploaded shapes.
ARG OPENFOAM=no

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN if [ "$OPENFOAM" = yes ]; then \
        apt-get update \
        && apt-get install --yes --no-install-recommends openfoam \
        && rm -rf /var/lib/apt/lists/*; \
    fi
COPY requirements.txt /tmp/requirements.txt
RUN python3 -m venv /opt/venv \
    && grep '^torch==' /tmp/requirements.txt > /tmp/torch.txt \
    && /opt/venv/bin/pip install --no-cache-dir --no-compile \
        --extra-index-url "https://download.pytorch.org/whl/$TORCH" -r /tmp/torch.txt \
    && /opt/venv/bin/pip install --no-cache-dir --no-compile -r /tmp/requirements.txt \
    && rm /tmp/requirements.txt /tmp/torch.txt
ENV PATH=/opt/venv/bin:$PATH

WORKDIR /app
COPY . .
# Bytecode and the machine code of the ball tree, so that no start has to make them: the server may
# not be able to write here.
RUN python -m compileall -q /opt/venv/lib /app || true \
    && python -c "import torch, mspt; mspt.build_partition(torch.rand(64, 2), num_patches=4)"

# Nothing here belongs to the user that the server runs as. Temporary files alone are written.
RUN useradd --uid 10001 --no-create-home --home-dir /tmp explorer
USER explorer
ENV HOME=/tmp \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_HEADLESS=true
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 \
    CMD ["python", "/app/assets/health.py"]
# All addresses of the container; -p above says who reaches them.
CMD ["python", "-m", "streamlit", "run", "serve.py"]
