#include "skylift/annotations/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "skylift/core/error.h"

namespace skylift {
namespace {

AnnotationSet flights(int count, int frames) {
  AnnotationSet set;
  for (int flight = 0; flight < count; ++flight) {
    for (int frame = 0; frame < frames; ++frame) {
      ImageRecord image;
      image.file = fmt::format("{:07}_{:05}_d_{:07}.jpg", flight, frame, frame);
      set.images.push_back(image);
    }
  }
  return set;
}

std::set<std::string> sequences(const AnnotationSet& set) {
  std::set<std::string> names;
  for (const auto& image : set.images) names.insert(sequence_name(image.file));
  return names;
}

TEST(Split, SequenceIsTheFolderOrTheFirstPartOfTheName) {
  EXPECT_EQ(sequence_name("9999938_00000_d_0000208.jpg"), "9999938");
  EXPECT_EQ(sequence_name("M0101/img000001.jpg"), "M0101");
  EXPECT_EQ(sequence_name("000000000139.jpg"), "000000000139");
}

TEST(Split, TheFolderOfAllImagesIsNoSequence) {  // YOLO's images/
  AnnotationSet set = flights(20, 5);
  for (auto& image : set.images) image.file = "images/" + image.file;
  const SplitSet parts = split_by_sequence(set, 0.2, 0);
  EXPECT_EQ(parts.tune.images.size(), 20u);
  std::set<std::string> fit;
  for (const auto& image : parts.fit.images) fit.insert(image.file.substr(0, image.file.find('_')));
  for (const auto& image : parts.tune.images) EXPECT_FALSE(fit.contains(image.file.substr(0, image.file.find('_'))));
}

TEST(Split, PhotosOfOneNameAreDrawnOneByOneAndThatIsSaid) {
  AnnotationSet set;
  for (int i = 0; i < 20; ++i) set.images.emplace_back().file = fmt::format("images/DJI_{:04}.JPG", i);
  testing::internal::CaptureStderr();
  const SplitSet parts = split_by_sequence(set, 0.2, 0);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("each is drawn by itself"));
  EXPECT_EQ(parts.tune.images.size(), 4u);
  EXPECT_EQ(parts.fit.images.size(), 16u);
}

TEST(Split, CutsNoSequenceAndLosesNoImage) {
  const AnnotationSet set = flights(20, 5);
  const SplitSet parts = split_by_sequence(set, 0.2, 0);
  EXPECT_EQ(parts.tune.images.size(), 20u);
  EXPECT_EQ(parts.fit.images.size(), 80u);
  const std::set<std::string> fit = sequences(parts.fit);
  for (const auto& name : sequences(parts.tune)) EXPECT_EQ(fit.count(name), 0u) << name;
}

TEST(Split, DependsOnTheSeedAlone) {
  const AnnotationSet set = flights(20, 5);
  EXPECT_EQ(sequences(split_by_sequence(set, 0.2, 3).tune), sequences(split_by_sequence(set, 0.2, 3).tune));
  EXPECT_NE(sequences(split_by_sequence(set, 0.2, 3).tune), sequences(split_by_sequence(set, 0.2, 4).tune));
}

TEST(Split, RefusesAnEmptyPart) {
  EXPECT_THROW(split_by_sequence(flights(2, 50), 0.2, 0), Error);
  EXPECT_THROW(split_by_sequence(flights(20, 5), 1.5, 0), Error);
}

}  // namespace
}  // namespace skylift
