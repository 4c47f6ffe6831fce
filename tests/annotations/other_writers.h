// Sets as tools write them, each in a folder of its own.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "skylift/annotations/check.h"
#include "skylift/annotations/open_data.h"
#include "tests/temp_folder.h"
#include "tests/tiny_image.h"

namespace skylift::testing {

inline const std::string kRow = "0 0.5 0.5 0.1 0.1\n";

inline std::string xml(const std::string& shape) {
  return "<annotation><object><name>car</name>" + shape + "</object></annotation>";
}
inline const std::string kXml = xml("<bndbox><xmin>11</xmin><ymin>11</ymin><xmax>30</xmax><ymax>30</ymax></bndbox>");

/// A COCO file of a.png with one car; `annotation`: its fields but the ids.
inline std::string coco(const std::string& annotation = R"("bbox": [100, 100, 40, 30])", const std::string& id = "1",
                        const std::string& name = "\"car\"") {
  return fmt::format(R"({{"images": [{{"id": {0}, "file_name": "a.png", "width": 640, "height": 480}}],
                         "categories": [{{"id": {0}, "name": {2}}}],
                         "annotations": [{{"id": 1, "image_id": {0}, "category_id": {0}, {1}}}]}})",
                     id, annotation, name);
}

inline auto note(const std::string& what) {
  return ::testing::Contains(::testing::Field(&Problem::what, ::testing::HasSubstr(what)));
}

class OtherWritersTest : public ::testing::Test {
 protected:
  void image(const std::string& file) { write_tiny_image(folder / file, 640, 480); }
  std::string spec(const std::string& below) { return (folder / below).string(); }
  /// Clean, with so many objects.
  AnnotationSet expect(const std::string& below, size_t objects) {
    const CheckResult result = check_data(spec(below));
    for (const auto& problem : result.problems) ADD_FAILURE() << below << ": " << problem.where << ": " << problem.what;
    size_t found = 0;
    for (const auto& record : result.set.images) found += record.objects.size();
    EXPECT_EQ(found, objects) << below;
    return result.set;
  }
  std::string error_for(const std::string& below) {
    return error_of([&] { open_data(spec(below)); });
  }
  /// The first object of a COCO file.
  Object object(const std::string& text) {
    write_file(folder / "set.json", text);
    return expect("set.json", 1).images.at(0).objects.at(0);
  }

  TempFolder folder;
};

}  // namespace skylift::testing
