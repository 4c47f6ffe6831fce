// Networks on OpenVINO, on the CPU. What is fed is bytes: conversion, normalisation, the change to planes and the
// padding are part of the compiled graph, where they melt into its first convolution.
//
// Images of one size share a graph compiled for that size, which is the fastest; from the fourth size on a graph of
// free size serves the rest, so that a folder of many sizes costs neither the time nor the memory of as many graphs.
#pragma once

#include <filesystem>
#include <memory>

#include "skylift/core/error.h"
#include "skylift/infer/engine.h"

namespace skylift {

struct EngineOptions;

/// A model that has no counterpart in ONNX: libtorch runs it.
struct NotConvertible : Error {
  using Error::Error;
};

/// Whether this build has OpenVINO.
bool openvino_built_in();

/// A .safetensors model, which becomes ONNX in memory, or an .onnx file with raw outputs that skylift export wrote.
/// NotConvertible: see there. Error: another file, a device that is not the CPU, bf16 on hardware without it, a build
/// without OpenVINO.
std::unique_ptr<Engine> make_openvino_engine(const std::filesystem::path& model, const EngineOptions& options);

}  // namespace skylift
