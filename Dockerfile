# The program on the CPU:  docker build -t skylift . && docker run --rm -v "$PWD":/work skylift predict --model MODEL images --out found
FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends git make ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /skylift
COPY . .
# CUDA: docker build --build-arg GPU=1, and docker run --gpus all with --device cuda. The NVIDIA libraries come with PyTorch's wheel.
ARG GPU=
RUN make program GPU=$GPU
WORKDIR /work
ENTRYPOINT ["/skylift/build/skylift"]
