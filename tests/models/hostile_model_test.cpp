// Model files whose card was written by somebody else than save_model.
#include <gmock/gmock.h>

#include "skylift/core/error.h"
#include "skylift/models/card_text.h"
#include "skylift/models/least_parameters.h"
#include "skylift/models/model_file.h"
#include "skylift/models/tensor_file.h"
#include "tests/models/model_fixtures.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

ModelCard card_of(const Detector& detector) {
  return {detector.options(), {"person", "car", "lorry"}, {.long_side = 640, .short_side = 640}, "", "{\"AP\":0.25}"};
}

class HostileModel : public testing::Test {
 protected:
  TempFolder folder_;
  std::filesystem::path path_ = folder_.path() / "model.safetensors";
};

/// The card of a foreign file is JSON that anybody can have written.
TEST_F(HostileModel, HostileCardsAreErrors) {
  const auto detector = seeded_detector(tiny_options());
  save_model(path_, *detector, card_of(*detector));
  const TensorFile good = read_tensors(path_);
  const std::string card = good.metadata.at(model_card_key);
  const auto load_with = [&](const std::string& from, const std::string& to) {
    return [&, from, to] {
      std::string text = card;
      ASSERT_NE(text.find(from), std::string::npos) << from;
      text.replace(text.find(from), from.size(), to);
      write_tensors(path_, good.tensors, {{model_card_key, text}});
      load_model(path_);
    };
  };
  const auto error = [](const char* part) { return ThrowsMessage<Error>(HasSubstr(part)); };
  EXPECT_NO_THROW(load_with("\"version\":1", "\"version\":1")());
  EXPECT_THAT(load_with("\"pad_multiple\":32", "\"pad_multiple\":0"), error("pad_multiple: got 0"));  // SIGFPE once
  EXPECT_THAT(load_with("\"long_side\":640", "\"long_side\":-1"), error("long_side: got -1"));
  EXPECT_THAT(load_with("\"long_side\":640", "\"long_side\":1e300"), error("expected an integer"));
  EXPECT_THAT(load_with("\"long_side\":640", "\"long_side\":4294967936"), error("expected an integer"));
  EXPECT_THAT(load_with("58.39", "0.0, 58.39"), error("no deviation of 0"));
  EXPECT_THAT(load_with("\"head.reg_max\":7", "\"head.reg_max\":1000000"), error("head.reg_max"));
  EXPECT_THAT(load_with("\"neck.first_level\":3", "\"neck.first_level\":9"), error("neck."));
  const std::string deep = "\"scores\":" + std::string(500'000, '[') + std::string(500'000, ']');
  EXPECT_THAT(load_with("\"scores\":{\"AP\":0.25}", deep), error("nested"));  // a stack overflow once
}

/// Four kilobytes of file once took 14 GB, before the first tensor was compared.
TEST_F(HostileModel, ASmallFileCannotNameALargeNetwork) {
  const auto detector = seeded_detector(tiny_options());
  save_model(path_, *detector, card_of(*detector));
  const TensorFile good = read_tensors(path_);
  ModelCard card = card_of(*detector);
  card.options.head.channels = card.options.neck.channels = 4096;
  card.options.head.depth = 16;
  write_tensors(path_, good.tensors, {{model_card_key, card_text(card)}});
  EXPECT_THAT([&] { load_model(path_); }, ThrowsMessage<Error>(HasSubstr("but the file holds")));
  card.options = tiny_options();
  card.options.backbone = {.name = "resnet101", .width = 4};
  write_tensors(path_, good.tensors, {{model_card_key, card_text(card)}});
  EXPECT_THAT([&] { load_model(path_); }, ThrowsMessage<Error>(HasSubstr("but the file holds")));
}

TEST_F(HostileModel, LeastParametersAreALowerBoundAndATightOne) {
  for (const std::string& name : backbone_names()) {
    for (const double width : {0.25, 1.0}) {
      ModelOptions options = tiny_options();
      options.backbone.name = name;
      options.backbone.width = width;
      const Detector detector(options, 10);
      int64_t parameters = 0;
      for (const auto& parameter : detector.parameters()) parameters += parameter.numel();
      EXPECT_LE(least_parameters(options, 10), parameters) << name << " " << width;
      EXPECT_GE(4 * least_parameters(options, 10), parameters) << name << " " << width;
    }
  }
}

/// Class names come from annotation files of any encoding.
TEST_F(HostileModel, ClassNamesThatAreNoUtf8DoNotLoseTheModel) {
  const auto detector = seeded_detector(tiny_options());
  ModelCard card = card_of(*detector);
  card.classes[1] = "caf\xE9";
  save_model(path_, *detector, card);
  EXPECT_EQ(load_model(path_).card.classes[1], "caf\xEF\xBF\xBD");
}

}  // namespace
}  // namespace skylift
