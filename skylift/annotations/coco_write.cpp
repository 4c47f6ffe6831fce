// The writing half of coco.h: one record a line, so that files can be searched and compared line by line.
#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>
#include <unordered_set>

#include "skylift/annotations/coco.h"
#include "skylift/annotations/problem.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

/// Text on its way to a stream, a megabyte at a time.
class Output {
 public:
  explicit Output(std::ostream& stream) : stream_(stream) {}
  ~Output() { flush(); }

  template <class... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(buffer_), format, std::forward<Args>(args)...);
    if (buffer_.size() > (1u << 20)) flush();
  }

 private:
  void flush() {
    stream_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    buffer_.clear();
  }

  std::ostream& stream_;
  fmt::memory_buffer buffer_;
};

std::string box_text(const BoxXywh& box) { return fmt::format("[{},{},{},{}]", box.x, box.y, box.w, box.h); }

/// The keys that only some objects have.
std::string flags_text(const Object& object) {
  std::string text;
  if (object.ignored) text += ",\"ignore\":1";
  if (object.difficult) text += ",\"difficult\":1";
  if (object.truncation) text += fmt::format(",\"truncation\":{}", object.truncation);
  if (object.occlusion) text += fmt::format(",\"occlusion\":{}", object.occlusion);
  return text;
}

double area_of(const Object& object) { return object.area >= 0 ? object.area : object.box.w * object.box.h; }

void print_image(Output& out, const ImageRecord& image) {
  out.print("{{\"id\":{},\"file_name\":{},\"width\":{},\"height\":{}", id_json(image), json_text(image.file),
            image.width, image.height);
  const char* between = ",\"ignored_regions\":[";
  for (const auto& region : image.ignored_regions) out.print("{}{}", std::exchange(between, ","), box_text(region));
  if (!image.ignored_regions.empty()) out.print("]");
  between = ",\"other_objects\":[";
  bool any = false;
  for (const auto& object : image.objects) {
    if (object.class_index >= 0) continue;
    any = true;
    out.print("{}{{\"bbox\":{}{}{}", std::exchange(between, ","), box_text(object.box), flags_text(object),
              object.crowd ? ",\"iscrowd\":1" : "");
    if (object.area >= 0) out.print(",\"area\":{}", object.area);
    out.print("}}");
  }
  out.print("{}", any ? "]}" : "}");
}

/// True: every annotation has an id of its own.
bool has_ids(const AnnotationSet& set) {
  std::unordered_set<int64_t> ids = {0};
  for (const auto& image : set.images) {
    for (const auto& object : image.objects) {
      if (object.class_index >= 0 && !ids.insert(object.id).second) return false;
    }
  }
  return true;
}

void print_annotations(Output& out, const AnnotationSet& set) {
  const bool keep_ids = has_ids(set);
  int64_t number = 0;
  for (const auto& image : set.images) {
    for (const auto& object : image.objects) {
      if (object.class_index < 0) continue;
      ++number;
      out.print("{}{{\"id\":{},\"image_id\":{},\"category_id\":{},\"bbox\":{},\"area\":{},\"iscrowd\":{}{}}}",
                number == 1 ? "\n" : ",\n", keep_ids ? object.id : number, id_json(image),
                set.class_ids.at(static_cast<size_t>(object.class_index)), box_text(object.box), area_of(object),
                object.crowd ? 1 : 0, flags_text(object));
    }
  }
}

void print_set(Output& out, const AnnotationSet& set) {
  out.print("{{\"images\":[");
  for (const auto& image : set.images) {
    out.print("{}", &image == set.images.data() ? "\n" : ",\n");
    print_image(out, image);
  }
  out.print("\n],\n\"annotations\":[");
  print_annotations(out, set);
  out.print("\n],\n\"categories\":[");
  for (size_t i = 0; i < set.classes.size(); ++i) {
    out.print("{}{{\"id\":{},\"name\":{}}}", i ? ",\n" : "\n", set.class_ids.at(i), json_text(set.classes[i]));
  }
  out.print("\n]}}\n");
}

}  // namespace

std::string id_json(const ImageRecord& image) {
  return image.id_text.empty() ? std::to_string(image.id) : json_text(image.id_text);
}

std::string json_text(const std::string& text) {
  // A name that was changed on the way would no longer find its image.
  if (!is_utf8(text)) throw Error("{}: not UTF-8, which JSON needs", in_quotes(text));
  return dump_json(nlohmann::json(text));
}

void write_coco(const std::filesystem::path& file, const AnnotationSet& set) {
  for (const auto& image : set.images) {
    if (image.width > 0 && image.height > 0) continue;
    throw Error("{}: the size of {} is not known, but COCO files hold it", file.string(), image.file);
  }
  write_file(file, [&](std::ostream& stream) {
    Output out(stream);
    print_set(out, set);
  });
}

}  // namespace skylift
