#include "skylift/annotations/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <numeric>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "skylift/annotations/data_format.h"
#include "skylift/annotations/image_size.h"
#include "skylift/annotations/open_data.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/parallel.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

constexpr double kTolerance = 0.5;  // px; COCO's own files exceed the border by hundredths

std::string describe(const AnnotationSet& set, const Object& object) {
  const BoxXywh& b = object.box;
  const std::string name =
      object.class_index < 0 ? "object of no class" : set.classes.at(static_cast<size_t>(object.class_index));
  return fmt::format("{} at x {:g}, y {:g}, w {:g}, h {:g}", name, b.x, b.y, b.w, b.h);
}

/// Whether a JPEG's end marker stands behind its pixels' start, however much follows: phones append whole videos. Before
/// the start a thumbnail has a marker of its own.
bool has_jpeg_end(const fs::path& path) {
  const MappedFile file(path);
  const std::string_view bytes = file.bytes();
  const auto byte = [&](size_t at) -> size_t { return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0; };
  size_t at = 2;
  while (byte(at) == 0xFF && byte(at + 1) != 0xDA) at += 2 + std::max<size_t>(2, byte(at + 2) << 8 | byte(at + 3));
  return bytes.find("\xFF\xD9", at) != std::string_view::npos;
}

/// What is wrong with an image's end, or an empty text. Some cameras append kilobytes after the end marker, so it is
/// searched for, near the end first.
std::string check_end(const fs::path& path) {
  constexpr std::streamoff searched = 1 << 16;
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = stream.tellg();
  const auto read = [&](std::streamoff from, std::streamoff count) {
    std::string bytes(static_cast<size_t>(count), '\0');
    stream.seekg(from);
    stream.read(bytes.data(), count);
    return bytes;
  };
  const std::string head = read(0, 2);  // the size was read, so there is a header
  const std::string tail = read(std::max<std::streamoff>(0, size - searched), std::min(size, searched));
  if (head == "\xFF\xD8" && tail.rfind("\xFF\xD9") == std::string::npos && !has_jpeg_end(path))
    return "cut off: no JPEG end marker";
  if (head == "\x89P" && tail.rfind("IEND") == std::string::npos) return "cut off: no IEND chunk at the end of a PNG";
  return {};
}

/// What is said of one image.
struct Findings {
  Problems problems;
  ImageHeader header;
};

/// The other way to read an image whose annotations were made on its other frame, or nothing.
std::string frame_hint(const ImageHeader& header, const AnnotationSet& set, const ImageRecord& image) {
  using Orientation = ImageReading::Orientation;
  const bool upright = set.reading.orientation == Orientation::upright;
  const ImageSize other = header.size(upright ? Orientation::stored : Orientation::upright);
  if (header.orientation == 1 || other != ImageSize{image.width, image.height}) return {};
  return fmt::format(" (hint: its EXIF orientation is {}; orientation={},SPEC reads it {})", header.orientation,
                     upright ? "stored" : "upright", upright ? "as it is stored" : "upright");
}

void check_image_file(const AnnotationSet& set, ImageRecord& image, Findings& found) {
  const fs::path path = set.image_path(image);
  Problems& problems = found.problems;
  if (set.format == "coco" && !stays_inside(image.file)) {
    problems.push_back({set.source.string(), fmt::format("file_name {} leaves the image folder {}",
                                                         in_quotes(image.file), set.image_folder.string())});
    return;  // nor does it say whether such a file exists
  }
  try {
    found.header = open_image_header(path);
    const ImageSize size = found.header.size(set.reading.orientation);
    if (image.width > 0 && image.height > 0 && size != ImageSize{image.width, image.height}) {
      problems.push_back(
          {path.string(), fmt::format("is {} x {} px, but the annotations say {} x {}{}", size.width, size.height,
                                      image.width, image.height, frame_hint(found.header, set, image))});
    }
    image.width = size.width;
    image.height = size.height;
    std::string wrong = check_end(path);
    if (!wrong.empty()) problems.push_back({path.string(), std::move(wrong)});
  } catch (const Error& error) {
    problems.push_back({path.string(), std::string(error.what()).substr(path.string().size() + 2)});
  }
}

void check_box(const AnnotationSet& set, const ImageRecord& image, const Object& object, Problems& problems) {
  const BoxXywh& b = object.box;
  const auto note = [&](std::string what) {
    problems.push_back({object_position(set, image, object), fmt::format("{}: {}", describe(set, object), what)});
  };
  if (b.w <= 0 || b.h <= 0) return note("has no area");
  if (image.width <= 0 || image.height <= 0) return;
  const bool inside = b.x >= -kTolerance && b.y >= -kTolerance && b.x + b.w <= image.width + kTolerance &&
                      b.y + b.h <= image.height + kTolerance;
  if (!inside) note(fmt::format("reaches outside its image of {} x {} px", image.width, image.height));
}

void check_duplicates(const AnnotationSet& set, const ImageRecord& image, Problems& problems) {
  std::vector<size_t> order(image.objects.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto key = [&](size_t i) {
    const Object& o = image.objects[i];
    return std::tuple(o.class_index, o.box.x, o.box.y, o.box.w, o.box.h);
  };
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return std::pair(key(a), a) < std::pair(key(b), b); });
  for (size_t k = 1; k < order.size(); ++k) {
    if (key(order[k]) != key(order[k - 1])) continue;
    const Object &first = image.objects[order[k - 1]], &twin = image.objects[order[k]];
    problems.push_back(
        {object_position(set, image, twin),
         fmt::format("{}: stands twice, also at {}", describe(set, twin), object_position(set, image, first))});
  }
}

void check_ids(const AnnotationSet& set, Problems& problems) {
  std::unordered_map<int64_t, int> seen;
  for (const auto& image : set.images) {
    for (const auto& object : image.objects) {
      if (object.id == 0) continue;
      const auto [entry, is_new] = seen.emplace(object.id, object.line);
      if (!is_new)
        problems.push_back({object_position(set, image, object) + ".id",
                            fmt::format("{} stands twice, also at $.annotations[{}]", object.id, entry->second)});
    }
  }
}

/// Each image that EXIF turns is named, since labels made elsewhere may be on the other frame; of 16 bits one.
void note_headers(AnnotationSet& set, const std::vector<Findings>& found) {
  const bool upright = set.reading.orientation == ImageReading::Orientation::upright;
  size_t deep = 0, example = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const ImageHeader& header = found[i].header;
    if (header.orientation != 1) {
      set.notes.push_back(
          {set.image_path(set.images[i]).string(),
           fmt::format("EXIF orientation {}, {}", header.orientation,
                       upright ? "is turned upright (orientation=stored,SPEC leaves it)" : "is left as it is stored")});
    }
    if (header.bits == 16 && deep++ == 0) example = i;
  }
  if (deep == 0) return;
  const bool own = set.reading.depth == ImageReading::Depth::image;
  set.notes.push_back({set.image_folder.string(),
                       fmt::format("{} images of 16 bits, e.g. {}, become 8 bits by {}", deep, set.images[example].file,
                                   own ? "the range that each uses (depth=type,SPEC: all by 65535)" : "65535")});
}

bool has_object(const ImageRecord& image) { return !image.objects.empty(); }

/// Azure's labelling writes COCO files in shares of the image.
void check_unit(const AnnotationSet& set, Problems& problems) {
  const auto in_shares = [](const Object& object) {
    return object.box.x + object.box.w <= 1 && object.box.y + object.box.h <= 1;
  };
  const auto all_in_shares = [&](const ImageRecord& image) { return std::ranges::all_of(image.objects, in_shares); };
  if (set.format == "coco" && std::ranges::any_of(set.images, has_object) &&
      std::ranges::all_of(set.images, all_in_shares))
    problems.push_back(
        {set.source.string(), "every box lies within 0..1, expected px (hint: are they shares of the image?)"});
}

/// A COCO file without any of its images lies elsewhere than they do.
void tell_where_images_may_be(const AnnotationSet& set, Problems& problems) {
  const auto is_found = [&](const ImageRecord& image) { return is_file(set.image_path(image)); };
  if (set.format != "coco" || set.images.empty() || std::any_of(set.images.begin(), set.images.end(), is_found)) return;
  problems.push_back(
      {set.source.string(), fmt::format("none of {} images is in {} (hint: {}:IMAGE_DIR says where)", set.images.size(),
                                        set.image_folder.string(), set.source.string())});
}

}  // namespace

std::string object_position(const AnnotationSet& set, const ImageRecord& image, const Object& object) {
  return data_format(set.format).position(set, image, object);
}

CheckResult check_data(std::string_view spec, int threads) {
  CheckResult result;
  result.set = open_data(spec, &result.problems);
  AnnotationSet& set = result.set;
  if (set.images.empty()) result.problems.push_back({std::string(spec), "no images in it"});
  // YOLO's reader has opened the images already and has reported the unreadable ones; they are told once.
  std::unordered_set<std::string> told;
  for (const auto& problem : result.problems) told.insert(problem.where);
  std::vector<Findings> found(set.images.size());
  parallel_for(set.images.size(), threads, [&](size_t i) {
    if (!told.contains(set.image_path(set.images[i]).string())) check_image_file(set, set.images[i], found[i]);
    for (const auto& object : set.images[i].objects) check_box(set, set.images[i], object, found[i].problems);
    check_duplicates(set, set.images[i], found[i].problems);
  });
  tell_where_images_may_be(set, result.problems);
  for (auto& part : found) std::move(part.problems.begin(), part.problems.end(), std::back_inserter(result.problems));
  note_headers(set, found);
  if (!set.images.empty() && std::none_of(set.images.begin(), set.images.end(), has_object))
    result.problems.push_back({std::string(spec), fmt::format("none of {} images has an object", set.images.size())});
  check_unit(set, result.problems);
  check_ids(set, result.problems);
  return result;
}

}  // namespace skylift
