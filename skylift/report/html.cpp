#include "skylift/report/html.h"

#include <fmt/format.h>

#include <cstdint>

#include "chart_scripts.h"  // generated from Chart.js and charts.js
#include "skylift/core/error.h"

namespace skylift {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5d6b7c; --line: #d8dee6; --ground: #fff; --panel: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9ef; --soft: #9aa7b5; --line: #38434f; --ground: #14191f; --panel: #1c232b; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 1080px; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
p, figcaption { color: var(--soft); } figure { margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
.row { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(420px, 100%), 1fr)); gap: .4rem 1.5rem; }
.scroll { overflow-x: auto; }
.chart { min-width: 0; margin: .4rem 0; break-inside: avoid; }
.chart figcaption { color: var(--ink); font-weight: 600; } .canvas { position: relative; width: 100%; }
.empty { background: var(--panel); padding: 3rem 1rem; text-align: center; }
.matrix th { font-weight: 400; text-align: right; } .matrix td { min-width: 2.4rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr)); gap: .8rem; }
.pictures figure { margin: 0; break-inside: avoid; }
img { max-width: 100%; height: auto; border-radius: 4px; }
@media print {
  :root { color-scheme: light; --ink: #1c2430; --soft: #5d6b7c; --line: #d8dee6; --ground: #fff; --panel: #f6f8fa; }
  body { margin: 0; max-width: none; font-size: 10pt; } h2 { break-after: avoid; } tr { break-inside: avoid; }
  .scroll { overflow: visible; } .row, .pictures { grid-template-columns: 1fr 1fr; }
  th, td { white-space: normal; overflow-wrap: anywhere; padding: .15rem .4rem; }
}
)";

std::string base64(std::string_view bytes) {
  static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0U);
    for (size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? letters[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

}  // namespace

void check_page_name(const std::filesystem::path& page, std::string_view option) {
  if (page.extension() != ".html") throw Error("{}: got {}, expected a name that ends in .html", option, page.string());
}

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string embedded_jpeg(const std::string& bytes, std::string_view alternative_text) {
  return fmt::format("<img alt=\"{}\" src=\"data:image/jpeg;base64,{}\">\n", escape_html(alternative_text),
                     base64(bytes));
}

std::string html_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  const auto line = [](const std::vector<std::string>& cells, const char* tag) {
    std::string text = "<tr>";
    for (const auto& cell : cells) text += fmt::format("<{0}>{1}</{0}>", tag, escape_html(cell));
    return text + "</tr>\n";
  };
  std::string table = "<div class=\"scroll\"><table>\n" + line(header, "th");
  for (const auto& row : rows) table += line(row, "td");
  return table + "</table></div>\n";
}

std::string percent(double value) { return value < 0 ? "-" : fmt::format("{:.2f}", 100 * value); }

std::string html_page(std::string_view title, std::string_view body) {
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style></head>\n<body>\n<h1>{0}</h1>\n{2}",
      escape_html(title), style, body);
  if (body.find("<canvas") != std::string_view::npos) {
    page += "<noscript><p>The curves need JavaScript.</p></noscript>\n<script>";
    page.append(chart_library).append("</script>\n<script>").append(chart_script).append("</script>\n");
  }
  return page + "</body>\n</html>\n";
}

}  // namespace skylift
