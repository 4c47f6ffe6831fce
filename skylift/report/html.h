// Pages that stand alone: one file with style, pictures and, where there are charts (plot.h), Chart.js inside; nothing
// to fetch.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace skylift {

/// Error: a name that no page would have, so perhaps another file's. Asked before what takes long; `option` is named.
void check_page_name(const std::filesystem::path& page, std::string_view option);

/// Text as it may stand in HTML and in attributes.
std::string escape_html(std::string_view text);

/// <img> with the JPEG's bytes inside.
std::string embedded_jpeg(const std::string& bytes, std::string_view alternative_text);

/// A table; cells are text, the first column is left-aligned, the others are numbers.
std::string html_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);

/// A score of 0..1 as "12.34"; below 0, where there is none, "-".
std::string percent(double value);

/// The whole page. `body` is HTML.
std::string html_page(std::string_view title, std::string_view body);

}  // namespace skylift
