// Rows of texts as columns that stand under each other, for a terminal.
#pragma once

#include <string>
#include <vector>

namespace skylift {

/// The first column is left-aligned, the others to the right. Rows may have fewer cells than others. Lines end in "\n",
/// without blanks before it.
std::string text_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace skylift
