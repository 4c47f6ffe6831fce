// The options of detection and of engines, declared once: configs, command lines, ranges and messages follow from it.
#pragma once

#include "skylift/config/option_table.h"
#include "skylift/infer/options.h"

namespace skylift {

struct EngineOptions;

void bind(OptionSection section, DecodeOptions& options);
void bind(OptionSection section, TilingOptions& options);
void bind(OptionSection section, EngineOptions& options);

/// Error: a value out of its range.
void check(const EngineOptions& options);

}  // namespace skylift
