# docker build -t mspt-explorer . && docker run --rm -p 8501:8501 mspt-explorer
FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home explorer
USER explorer
WORKDIR /home/explorer/app
COPY --chown=explorer requirements.txt Makefile ./
RUN make .venv/app.stamp .venv/imports.stamp
COPY --chown=explorer . .
RUN make .venv/kernels.stamp
EXPOSE 8501
CMD [".venv/bin/python", "-m", "streamlit", "run", "serve.py", \
    "--server.address=0.0.0.0", "--server.headless=true"]
