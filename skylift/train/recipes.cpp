#include "skylift/train/recipes.h"

#include <fmt/ranges.h>

#include "skylift/core/error.h"

namespace skylift {

std::vector<std::string> recipe_names() {
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes()) names.emplace_back(recipe.name);
  return names;
}

const Recipe* find_recipe(std::string_view name) {
  std::vector<std::string_view> matches;
  const Recipe* found = nullptr;
  for (const Recipe& recipe : recipes()) {
    if (recipe.name == name) return &recipe;
    if (recipe.name.substr(recipe.name.rfind('/') + 1) != name) continue;
    matches.push_back(recipe.name);
    found = &recipe;
  }
  if (matches.size() > 1)
    throw Error("config '{}': several recipes have this name: {}", name, fmt::join(matches, ", "));
  return found;
}

}  // namespace skylift
