// The configs of configs/ as they were when the program was built, so that an installed program has them from any
// folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skylift {

struct Recipe {
  std::string_view name;  ///< "visdrone/lite0_student": its path in configs/ without the ending
  std::string_view text;  ///< TOML
};

const std::vector<Recipe>& recipes();

/// By its whole name, or by the last part where only one recipe has it. Null: there is none.
/// Error: several have this last part (names them).
const Recipe* find_recipe(std::string_view name);

std::vector<std::string> recipe_names();

}  // namespace skylift
