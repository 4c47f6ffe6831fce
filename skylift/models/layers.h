// The two layers that every part of a detector is made of, with the initialisation each part asks for.
#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/normalization.h>

namespace skylift {

/// A square convolution that keeps the size at stride 1. Its weights are as torch makes them: the owner initialises
/// them.
torch::nn::Conv2d make_conv(int64_t in_channels, int64_t out_channels, int kernel, int stride = 1, bool bias = false);

/// He et al. 2015: normal weights that keep the variance of the gradients. A grouped convolution counts its own group.
torch::nn::Conv2d he_conv(const torch::nn::Conv2dOptions& options);

/// A width factor on a number of channels: multiples of 8 suit vector units; a full-width network keeps its own.
int64_t scaled_channels(int64_t channels, double factor);

/// Weight normal(0, deviation), bias 0.
void init_normal(torch::nn::Conv2d& conv, double deviation);

/// Group norm with the largest number of groups up to `groups` that divides the channels.
torch::nn::GroupNorm make_group_norm(int64_t channels, int groups);

}  // namespace skylift
