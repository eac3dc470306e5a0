# docker build -t mspt-explorer . && docker run --rm -p 127.0.0.1:8501:8501 mspt-explorer
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
# All addresses of the container; -p above says who reaches them: see docs/deploy.md.
CMD [".venv/bin/python", "-m", "streamlit", "run", "serve.py", \
    "--server.address=0.0.0.0", "--server.headless=true"]
