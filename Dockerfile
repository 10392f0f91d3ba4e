# hypseg for the CPU, without GPU libraries; docs/install.md says how it is built and run.
FROM python:3.12-slim
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY hypsegcli hypsegcli
COPY weights weights
RUN pip install --no-cache-dir uv && UV_TORCH_BACKEND=cpu uv pip install --system --no-cache '.[openvino]'
# Whoever runs it has no home there; networks that were converted for OpenVINO lie in /tmp/hypseg.
ENV XDG_CACHE_HOME=/tmp
WORKDIR /data
ENTRYPOINT ["hypseg"]
