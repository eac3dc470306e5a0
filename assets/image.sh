#!/bin/sh
# Builds the image, starts it as compose.yaml does, and waits until it says that it is well.
#   assets/image.sh [TORCH] [OPENFOAM]     such as: assets/image.sh cpu no
set -eu
cd "$(dirname "$0")/.."
for tool in docker podman; do
    if command -v "$tool" > /dev/null && "$tool" info > /dev/null 2>&1; then break; fi
    tool=
done
if [ -z "$tool" ]; then
    echo "docker or podman must be here and running, found neither; install one" >&2
    exit 2
fi
port=${PORT:-8501}
"$tool" build --build-arg "TORCH=${1:-cpu}" --build-arg "OPENFOAM=${2:-no}" --tag mspt-explorer .
name=$("$tool" run --detach --rm --init --read-only --tmpfs /tmp:size=2g,mode=1777 \
    --cap-drop ALL --security-opt no-new-privileges --env MSPT_LOG=json \
    --publish "127.0.0.1:$port:8501" mspt-explorer)
trap '"$tool" stop "$name" > /dev/null' EXIT
for _ in $(seq 120); do
    if "$tool" exec "$name" python /app/assets/health.py; then
        "$tool" exec "$name" sh -c 'id -u; ! touch /app/probe 2> /dev/null && echo "read only"'
        echo "well"
        exit 0
    fi
    sleep 1
done
"$tool" logs "$name" >&2
echo "the server must be well within 120 s, got no answer" >&2
exit 1
