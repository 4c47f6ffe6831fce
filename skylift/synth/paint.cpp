// Paints a scene from far to near and finds its boxes: every thing also goes into a map of numbers, which tells what of
// it is still visible when all is painted.
#include <algorithm>
#include <limits>
#include <opencv2/imgproc.hpp>

#include "skylift/synth/canvas.h"
#include "skylift/synth/mesh.h"
#include "tests/error_of.h"

namespace skylift::synth {
namespace {

constexpr double kLeastInFrame = 0.3;   ///< of the box; less of an object is not annotated
constexpr double kLeastVisible = 0.12;  ///< of its pixels
constexpr double kLeastSide = 3;        ///< px; smaller boxes are marked as ignored

struct Painted {
  const Thing* thing = nullptr;
  cv::Rect2d extent;  ///< px of the painting; may reach beyond the frame
  int pixels = 0;     ///< inside the frame, before anything is painted over it
};

class Painter {
 public:
  Painter(const Scene& scene, const Camera& camera, Ground& ground)
      : scene_(scene), camera_(camera), ground_(ground), numbers_(camera.size, CV_16U, cv::Scalar(0)) {}

  void paint_all();
  void fill_record(ImageRecord& record) const;

 private:
  void paint(const Thing& thing);
  Vec3 lit(const Face& face) const;
  void polygon(const std::vector<cv::Point2d>& corners, const Vec3& colour, int number);
  int count(const cv::Rect2d& extent, int number) const;
  bool outside(const Thing& thing) const;
  bool annotate(const Painted& painted, int number, Object& object) const;

  const Scene& scene_;
  const Camera& camera_;
  Ground& ground_;
  cv::Mat numbers_;  ///< [H,W] 16-bit: 0 nothing to find, k the k-th painted object
  std::vector<Painted> painted_;
  cv::Rect2d extent_;  ///< of the thing being painted
  bool any_point_ = false;
  double shade_ = 1;
};

Vec3 Painter::lit(const Face& face) const {
  const Light& light = scene_.light;
  const double direct = light.direct * shade_ * std::max(0.0, face.normal.dot(light.to_sun));
  return (face.colour * (light.ambient + direct)).mul(light.tint);
}

void Painter::polygon(const std::vector<cv::Point2d>& corners, const Vec3& colour, int number) {
  if (corners.size() < 3) return;
  std::vector<cv::Point> points;
  for (const auto& corner : corners) {
    points.push_back(fixed({corner.x, corner.y}));
    const cv::Rect2d here(corner.x, corner.y, 1e-6, 1e-6);
    extent_ = any_point_ ? (extent_ | here) : here;
    any_point_ = true;
  }
  cv::fillConvexPoly(ground_.rgb, points, scalar(colour), cv::LINE_8, kSubpixelBits);
  cv::fillConvexPoly(numbers_, points, cv::Scalar(number), cv::LINE_8, kSubpixelBits);
}

/// Well outside the frame, even with its height.
bool Painter::outside(const Thing& thing) const {
  const Vec3 middle(thing.frame.at[0], thing.frame.at[1], thing.base_m);
  const double depth = camera_.depth(middle);
  if (thing.kind == Kind::deck) return false;
  if (depth < camera_.height_m * 0.15) return true;
  const Vec2 pixel = camera_.project(middle);
  const double margin = 1.5 * (std::max(thing.size[0], thing.size[1]) + thing.size[2]) * camera_.focal_px / depth;
  return pixel[0] < -margin || pixel[1] < -margin || pixel[0] > camera_.size.width + margin ||
         pixel[1] > camera_.size.height + margin;
}

void Painter::paint(const Thing& thing) {
  if (outside(thing)) return;
  const Vec2 foot = camera_.project({thing.frame.at[0], thing.frame.at[1], 0});
  const cv::Point pixel(static_cast<int>(foot[0]), static_cast<int>(foot[1]));
  const bool inside = cv::Rect({}, camera_.size).contains(pixel);
  const bool in_shadow = is_object(thing.kind) && thing.base_m == 0 && inside && ground_.shadow.at<uchar>(pixel) > 0;
  shade_ = in_shadow ? 0.25 : 1;
  const bool object = is_object(thing.kind);
  const int number = object ? static_cast<int>(painted_.size()) + 1 : 0;
  any_point_ = false;
  const Mesh mesh = mesh_of(thing, scene_.light);
  for (const auto& face : mesh.faces) {
    if (face.normal.dot(camera_.position() - face.corners[0]) <= 0) continue;
    polygon(camera_.project_polygon({face.corners.begin(), face.corners.end()}), lit(face), number);
  }
  for (const auto& ball : mesh.balls) {
    const Vec2 centre = camera_.project(ball.centre);
    const double radius = ball.radius * camera_.focal_px / camera_.depth(ball.centre);
    if (!(radius > 0)) continue;  // behind the camera, of a thing that reaches in front of it
    const Vec3 colour = thing.kind == Kind::tree
                            ? ball.colour
                            : Vec3(ball.colour * (scene_.light.ambient + 0.7 * shade_ * scene_.light.direct));
    const int reach = static_cast<int>(std::lround(radius * (1 << kSubpixelBits)));
    cv::circle(ground_.rgb, fixed(centre), reach, scalar(colour), cv::FILLED, cv::LINE_8, kSubpixelBits);
    cv::circle(numbers_, fixed(centre), reach, cv::Scalar(number), cv::FILLED, cv::LINE_8, kSubpixelBits);
    const cv::Rect2d here(centre[0] - radius, centre[1] - radius, 2 * radius, 2 * radius);
    extent_ = any_point_ ? (extent_ | here) : here;
    any_point_ = true;
  }
  if (object && any_point_) painted_.push_back({&thing, extent_, count(extent_, number)});
}

void Painter::paint_all() {
  std::vector<std::pair<double, const Thing*>> order;
  for (const auto& thing : scene_.things) {
    double nearness = -camera_.depth({thing.frame.at[0], thing.frame.at[1], thing.base_m});
    // What stands on something comes after all on the ground.
    if (thing.kind == Kind::deck) nearness += 1e6;
    if (thing.base_m > 0 && thing.kind != Kind::deck) nearness += thing.kind == Kind::roof_unit ? 0 : 2e6;
    order.emplace_back(nearness, &thing);
  }
  std::ranges::stable_sort(order, {}, [](const auto& entry) { return entry.first; });
  for (const auto& [nearness, thing] : order) paint(*thing);
}

int Painter::count(const cv::Rect2d& extent, int number) const {
  const cv::Rect pixels = cv::Rect(cv::Point(static_cast<int>(std::max(extent.x - 2, -1e6)),
                                             static_cast<int>(std::max(extent.y - 2, -1e6))),
                                   cv::Point(static_cast<int>(std::min(extent.br().x + 3, 1e6)),
                                             static_cast<int>(std::min(extent.br().y + 3, 1e6)))) &
                          cv::Rect({}, numbers_.size());
  int sum = 0;
  for (int y = pixels.y; y < pixels.br().y; ++y) {
    const auto* row = numbers_.ptr<uint16_t>(y);
    for (int x = pixels.x; x < pixels.br().x; ++x) sum += row[x] == number;
  }
  return sum;
}

bool Painter::annotate(const Painted& painted, int number, Object& object) const {
  const cv::Rect2d frame(0, 0, numbers_.cols, numbers_.rows), inside = painted.extent & frame;
  if (!painted.thing->annotated || painted.pixels == 0 || inside.area() < kLeastInFrame * painted.extent.area())
    return false;
  const double visible = double(count(painted.extent, number)) / painted.pixels;
  if (visible < kLeastVisible) return false;
  object.class_index = static_cast<int>(painted.thing->kind);
  object.truncation = inside.area() < 0.97 * painted.extent.area();
  object.occlusion = visible > 0.9 ? 0 : visible > 0.5 ? 1 : 2;
  // Whole pixels, as an annotator draws them.
  const double x0 = std::floor(inside.x / kFiner), y0 = std::floor(inside.y / kFiner);
  object.box = {x0, y0, std::ceil(inside.br().x / kFiner) - x0, std::ceil(inside.br().y / kFiner) - y0};
  object.ignored = std::min(object.box.w, object.box.h) < kLeastSide;
  return true;
}

void Painter::fill_record(ImageRecord& record) const {
  for (size_t i = 0; i < painted_.size(); ++i) {
    Object object;
    if (annotate(painted_[i], static_cast<int>(i) + 1, object)) record.objects.push_back(object);
  }
  for (const auto& region : scene_.ignored) {
    std::vector<Vec3> corners;
    for (const auto& corner : region)
      corners.emplace_back(corner[0], corner[1], 0), corners.emplace_back(corner[0], corner[1], 2.2);
    cv::Rect2d extent;
    for (size_t i = 0; i < corners.size(); ++i) {
      const Vec2 at = camera_.project(corners[i]);
      const cv::Rect2d here(at[0], at[1], 1e-6, 1e-6);
      extent = i == 0 ? here : extent | here;
    }
    extent &= cv::Rect2d(0, 0, numbers_.cols, numbers_.rows);
    if (extent.area() < 1) continue;
    const double x0 = std::floor(extent.x / kFiner), y0 = std::floor(extent.y / kFiner);
    record.ignored_regions.push_back(
        {x0, y0, std::ceil(extent.br().x / kFiner) - x0, std::ceil(extent.br().y / kFiner) - y0});
  }
}

}  // namespace

std::vector<cv::Point2d> Camera::project_polygon(const std::vector<Vec3>& corners) const {
  const double nearest = 0.12 * height_m;
  std::vector<cv::Point2d> projected;
  const auto add = [&](const Vec3& point) {
    const Vec2 pixel = project(point);
    projected.emplace_back(pixel[0], pixel[1]);
  };
  for (size_t i = 0; i < corners.size(); ++i) {
    const Vec3 &from = corners[i], &to = corners[(i + 1) % corners.size()];
    const double depth_from = depth(from) - nearest, depth_to = depth(to) - nearest;
    if (depth_from >= 0) add(from);
    if ((depth_from >= 0) != (depth_to >= 0)) add(from + (to - from) * (depth_from / (depth_from - depth_to)));
  }
  return projected;
}

Camera finer_camera(const Camera& camera) {
  Camera finer = camera;
  finer.focal_px *= kFiner;
  finer.size *= kFiner;
  return finer;
}

SynthScene paint(const Scene& scene, Rng& rng) {
  const Camera camera = finer_camera(scene.camera);
  Ground ground = paint_ground(scene, camera, rng);
  Painter painter(scene, camera, ground);
  painter.paint_all();
  SynthScene result;
  cv::resize(ground.rgb, result.rgb, scene.camera.size, 0, 0, cv::INTER_AREA);
  apply_weather(result.rgb, scene, rng);
  result.record.width = result.rgb.cols;
  result.record.height = result.rgb.rows;
  painter.fill_record(result.record);
  return result;
}

}  // namespace skylift::synth
