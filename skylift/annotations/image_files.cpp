#include "skylift/annotations/image_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <unordered_set>

#include "skylift/annotations/problem.h"
#include "skylift/core/error.h"
#include "skylift/core/path_query.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

class FolderWalk {
 public:
  explicit FolderWalk(const fs::path& root) : root_(root) {}

  std::vector<std::string> files() {
    visit({}, {});
    std::sort(files_.begin(), files_.end());
    return std::move(files_);
  }

 private:
  /// `from`: the real path of the folder that this one stands in.
  void visit(const fs::path& below, const std::string& from) {
    const fs::path folder = root_ / below;
    std::error_code code;
    const std::string real = fs::canonical(folder, code).string();
    // A link may lead up, to what holds these files and others, or to a folder that was read already.
    const bool leads_up = (from + '/').starts_with(real + '/');
    if (!code && (leads_up || !seen_.insert(real).second)) return;
    std::set<std::pair<bool, fs::path>> folders;  // links last: a folder is better known by its own name
    for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
      const fs::path name = entry->path().filename();
      if (is_hidden(name)) continue;
      std::error_code dangling;  // a link to nothing is a file that cannot be read
      if (entry->is_directory(dangling)) {
        folders.emplace(entry->is_symlink(dangling), name);
      } else {
        files_.push_back((below / name).string());
      }
    }
    if (code) throw Error("{}: cannot list this folder: {}", folder.string(), code.message());
    for (const auto& [is_link, name] : folders) visit(below / name, real);
  }

  const fs::path& root_;
  std::vector<std::string> files_;
  std::unordered_set<std::string> seen_;
};

/// "a%20b" as "a b"; a '%' without two hexadecimal digits stays.
std::string without_percent_codes(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool coded = text[i] == '%' && i + 2 < text.size() &&
                       std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
                       std::isxdigit(static_cast<unsigned char>(text[i + 2]));
    out += coded ? static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16)) : text[i];
    if (coded) i += 2;
  }
  return out;
}

}  // namespace

std::vector<std::string> list_files(const fs::path& folder) { return FolderWalk(folder).files(); }

std::vector<std::string> list_images(const fs::path& folder, Problems& notes) {
  std::vector<std::string> images, others;
  for (auto& file : list_files(folder)) (is_image_name(file) ? images : others).push_back(std::move(file));
  std::unordered_set<std::string> stems;
  for (const auto& image : images) stems.insert(stem_path(image));
  std::erase_if(others, [&](const std::string& file) { return stems.contains(stem_path(file)); });
  if (!others.empty()) {
    notes.push_back({folder.string(),
                     fmt::format("{} file{} passed over that {} no image, e.g. {}", others.size(),
                                 others.size() == 1 ? "" : "s", others.size() == 1 ? "is" : "are", others.front())});
  }
  return images;
}

std::vector<std::string> path_ends(const std::string& path) {
  std::vector<std::string> out;
  constexpr size_t longest = 4096;
  if (path.size() > longest) return out;
  for (size_t cut = path.find('/'); cut != std::string::npos; cut = path.find('/', cut + 1))
    out.push_back(path.substr(cut + 1));
  return out;
}

std::vector<std::string> path_spellings(const std::string& path) {
  std::vector<std::string> out = {path};
  const auto add = [&out](const std::string& spelling) {
    if (!spelling.empty() && std::find(out.begin(), out.end(), spelling) == out.end()) out.push_back(spelling);
  };
  std::string slashes = path;
  std::replace(slashes.begin(), slashes.end(), '\\', '/');
  add(slashes);
  add(without_percent_codes(path));
  add(without_percent_codes(slashes));
  const size_t whole = out.size();
  for (size_t i = 0; i < whole; ++i) {
    for (const std::string& end : path_ends(out[i])) add(end);
  }
  return out;
}

std::string existing_spelling(const fs::path& folder, const std::string& path) {
  for (auto& spelling : path_spellings(path)) {
    if (stays_inside(spelling) && is_file(folder / spelling)) return std::move(spelling);
  }
  return path;
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code code;
  for (auto entry = fs::directory_iterator(folder, code); entry != fs::directory_iterator(); entry.increment(code))
    entries.push_back(entry->path());
  std::ranges::sort(entries);
  return entries;
}

std::string lower_name(const fs::path& path) {
  std::string name = path.filename().string();
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

std::optional<fs::path> first_folder(const fs::path& place, const std::vector<std::string>& names) {
  const std::vector<fs::path> entries = sorted_entries(place);
  for (const std::string& name : names) {
    if (is_folder(place / name)) return place / name;
    for (const fs::path& entry : entries) {
      if (lower_name(entry) == name && is_folder(entry)) return entry;
    }
  }
  return std::nullopt;
}

std::string stem_path(const fs::path& file) { return fs::path(file).replace_extension().string(); }

void report_annotations_without_image(const fs::path& folder, const char* ending,
                                      const std::vector<std::string>& images, const fs::path& image_folder,
                                      Problems* problems) {
  std::unordered_set<std::string> stems;
  for (const auto& image : images) stems.insert(stem_path(image));
  for (const auto& file : list_files(folder)) {
    if (fs::path(file).extension() != ending || stems.contains(stem_path(file))) continue;
    report(problems, (folder / file).string(), fmt::format("no image of this name in {}", image_folder.string()));
  }
}

}  // namespace skylift
