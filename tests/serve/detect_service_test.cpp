#include "skylift/serve/detect_service.h"

#include <gmock/gmock.h>

#include <atomic>
#include <opencv2/core.hpp>

#include "skylift/core/error.h"
#include "skylift/image/codec.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;

class DetectServiceTest : public ::testing::Test {
 protected:
  DetectServiceOptions options() {
    DetectServiceOptions options;
    options.page = "<html>";
    options.classes = {"car", "caf\xE9"};
    options.max_megapixels = 1;
    options.hosts = {"drone.local"};
    options.run = [this](const cv::Mat&, const DetectOptions& detect, const Stopped&) {
      ++runs;
      seen = detect;
      return std::vector<Detection>{{{1, 2, 3, 4}, 0.5, 1}};
    };
    return options;
  }

  HttpReply post(const std::string& body, std::multimap<std::string, std::string> parameters = {}) {
    HttpRequest request{"POST", "/detect", std::move(parameters), {{"host", "127.0.0.1:8080"}}, body};
    return DetectService(options()).answer(request, [] { return false; });
  }

  int status_at_head(const std::string& method, const std::string& path, const std::string& host,
                     const std::string& origin = "") {
    HttpRequest request{method, path, {}, {{"host", host}}, ""};
    if (!origin.empty()) request.headers["origin"] = origin;
    const auto reply = DetectService(options()).at_head(request);
    return reply ? reply->status : 0;
  }

  int runs = 0;
  DetectOptions seen;
  const std::string image = encode_png(cv::Mat::zeros(400, 600, CV_8UC3));
};

TEST_F(DetectServiceTest, AnswersWithWhatWasFound) {
  const HttpReply reply = post(image, {{"score", "0.25"}, {"tile", "320"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("\"width\":600,\"height\":400"));
  EXPECT_THAT(reply.body, HasSubstr("\"class\":\"caf\xEF\xBF\xBD\""));  // a name that is no UTF-8
  EXPECT_EQ(seen.decode.score_threshold, 0.25);
  EXPECT_EQ(seen.tiling.tile_px, 320);
}

TEST_F(DetectServiceTest, WhatTheServerStopsIsNoMistakeOfTheClients) {
  DetectServiceOptions stopping = options();
  stopping.run = [](const cv::Mat&, const DetectOptions&, const Stopped&) -> std::vector<Detection> {
    throw Error("predict: stopped before its end");
  };
  HttpRequest request{"POST", "/detect", {}, {{"host", "localhost"}}, image};
  EXPECT_EQ(DetectService(stopping).answer(request, [] { return true; }).status, 503);
  EXPECT_EQ(DetectService(stopping).answer(request, [] { return false; }).status, 400);
}

TEST_F(DetectServiceTest, TellsWhatTheCommandLineChose) {
  DetectServiceOptions chosen = options();
  chosen.detect.decode.score_threshold = 0.125;
  chosen.detect.tiling = {.tile_px = 800, .overlap = 0.25, .full_image = true, .merge = {.method = "nmm"}};
  HttpRequest request{"GET", "/model", {}, {{"host", "localhost"}}, ""};
  const std::string preset = R"("score":0.125,"tile":800,"overlap":0.25,"merge":"nmm","orientation":)";
  EXPECT_THAT(DetectService(chosen).at_head(request)->body, HasSubstr(preset + "\"upright\""));
  chosen.reading.orientation = ImageReading::Orientation::stored;
  EXPECT_THAT(DetectService(chosen).at_head(request)->body, HasSubstr(preset + "\"stored\""));
}

TEST_F(DetectServiceTest, ForeignBytesInARequestAreNoExceptions) {
  EXPECT_EQ(post(image, {{"\xff", "1"}}).status, 400);
  EXPECT_EQ(post(image, {{"score", "\xff"}}).status, 400);
  EXPECT_EQ(post(image, {{"merge", "\xff"}}).status, 400);
  EXPECT_EQ(post(image, {{"full_image", "7"}}).status, 400);
  EXPECT_THAT(post(image, {{"score", "2"}}).body, HasSubstr("score: got 2, expected 0..1"));
  EXPECT_EQ(status_at_head("\xff", "/\xff", "localhost"), 404);
}

TEST_F(DetectServiceTest, AnotherMethodIsToldWhichOnesAPathHas) {
  for (const std::string path : {"/", "/model"}) EXPECT_EQ(status_at_head("POST", path, "localhost"), 405) << path;
  EXPECT_EQ(status_at_head("GET", "/detect", "localhost"), 405);
  EXPECT_EQ(status_at_head("\xff", "/detect", "localhost"), 405);
}

TEST_F(DetectServiceTest, WorkIsBoundedWhateverIsAsked) {
  const HttpReply tiles = post(image, {{"tile", "32"}, {"overlap", "0.9"}});
  EXPECT_EQ(tiles.status, 400);
  EXPECT_THAT(tiles.body, HasSubstr("would be cut into"));
  EXPECT_EQ(post(encode_png(cv::Mat::zeros(1001, 1000, CV_8UC3))).status, 400);
  EXPECT_EQ(runs, 0);
  for (const char* tile : {"nan", "1e300", "31", "-5", "100.7"})
    EXPECT_EQ(post(image, {{"tile", tile}}).status, 400) << tile;
}

TEST_F(DetectServiceTest, OnlyItsOwnPagesAndNamesMayAsk) {
  for (const std::string host : {"localhost:8080", "127.0.0.1", "192.168.1.7:8080", "[::1]:8080", "DRONE.local:1"})
    EXPECT_EQ(status_at_head("GET", "/", host), 200) << host;
  for (const std::string host :
       {"", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "1", "0x7f.1:8080"})
    EXPECT_EQ(status_at_head("GET", "/", host), 403) << host;
  EXPECT_EQ(status_at_head("POST", "/detect", "127.0.0.1:8080", "http://127.0.0.1:8080"), 0);
  for (const std::string origin :
       {"http://evil.example", "null", "http://127.0.0.1:8081", "http://127.0.0.1:8080.evil"})
    EXPECT_EQ(status_at_head("POST", "/detect", "127.0.0.1:8080", origin), 403) << origin;
}

TEST_F(DetectServiceTest, WhatFailsInsideIsNotToldOutside) {
  DetectServiceOptions broken = options();
  broken.run = [](const cv::Mat&, const DetectOptions&, const Stopped&) -> std::vector<Detection> {
    throw std::runtime_error("/secret/path");
  };
  const HttpReply reply = DetectService(broken).answer({"POST", "/detect", {}, {}, image}, [] { return false; });
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.body, ::testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace skylift
