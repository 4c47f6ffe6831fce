#include "skylift/serve/http_message.h"

#include <gmock/gmock.h>

namespace skylift {
namespace {

using ::testing::HasSubstr;

constexpr size_t kMostBody = 1000;

HttpRequestReader read(const std::string& bytes, size_t piece = 1 << 20) {
  HttpRequestReader reader(kMostBody);
  for (size_t at = 0; at < bytes.size(); at += piece) reader.feed(std::string_view(bytes).substr(at, piece));
  return reader;
}

/// 0: not refused.
int status_of(const std::string& bytes) {
  const auto reader = read(bytes);
  return reader.refusal() ? reader.refusal()->status : 0;
}

std::string with_header(const std::string& line) { return "GET / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n\r\n"; }

TEST(HttpRequestReaderTest, ReadsARequestInPiecesOfAnySize) {
  const std::string bytes =
      "POST /detect?score=0.5&merge=a%20b+c&&x HTTP/1.1\r\nHost:  me:80 \r\nContent-LENGTH: 5\r\n\r\nimageGET / "
      "HTTP/1.1";
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    const auto reader = read(bytes, piece);
    ASSERT_TRUE(reader.done()) << piece;
    const HttpRequest& request = reader.request();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/detect");
    EXPECT_EQ(request.header("host"), "me:80");
    EXPECT_EQ(request.parameters.find("merge")->second, "a b c");
    EXPECT_EQ(request.parameters.count("x"), 1U);
    EXPECT_EQ(request.body, "image");  // what follows is no second request
  }
}

TEST(HttpRequestReaderTest, RefusesWhatIsNotHttp) {
  for (const std::string line : {"\xff / HTTP/1.1", "GET /", "GET  / HTTP/1.1", "GET x HTTP/1.1", "GET / HTTQ/1.1",
                                 "G\1T / HTTP/1.1", "GET / a HTTP/1.1", ""}) {
    EXPECT_EQ(status_of(line + "\r\nHost: a\r\n\r\n"), 400) << line;
  }
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
}

TEST(HttpRequestReaderTest, HeadersThatTwoReadersCouldReadInTwoWaysAreRefused) {
  for (const std::string line :
       {"Host: b", "Content-Length: 1\r\nContent-Length: 2", "no colon", "Na me: x", " folded: x", "Content-Length: -1",
        "Content-Length: 1e3", "Content-Length: ", "A: \x01"}) {
    EXPECT_EQ(status_of(with_header(line)), 400) << line;
  }
  EXPECT_EQ(status_of(with_header("Transfer-Encoding: chunked")), 501);
  EXPECT_EQ(status_of(with_header("Content-Encoding: gzip")), 415);
  EXPECT_EQ(status_of(with_header("X: caf\xE9")), 0);
}

TEST(HttpRequestReaderTest, NothingGrowsBeyondItsLimit) {
  EXPECT_EQ(status_of(with_header("Content-Length: 1001")), 413);
  EXPECT_EQ(status_of(with_header("Content-Length: 99999999999999999999999")), 413);
  HttpRequestReader endless(kMostBody);
  for (int i = 0; i < 1000; ++i) endless.feed(std::string(1000, 'x'));
  ASSERT_TRUE(endless.refusal());
  EXPECT_EQ(endless.refusal()->status, 431);
  EXPECT_LE(endless.size(), HttpRequestReader::kMostHeadBytes + 1);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "h" + std::to_string(i) + ": x\r\n";
  EXPECT_EQ(status_of(with_header(many + "y: z")), 431);
}

TEST(HttpRequestReaderTest, AClientMayWaitBeforeItSendsItsBody) {
  const auto reader = read("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(reader.has_head());
  EXPECT_TRUE(reader.waits_for_continue());
  EXPECT_FALSE(reader.done());
}

TEST(HttpReplyTest, EndsTheConnectionAndIsValidJson) {
  const std::string bytes = error_reply(400, "got \xff").bytes();
  EXPECT_THAT(bytes, HasSubstr("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(bytes, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(bytes, HasSubstr("{\"error\":\"got \xEF\xBF\xBD\"}"));
}

TEST(HttpReplyTest, NamesTheMethodsThatThePathHas) {
  HttpReply reply = error_reply(405, "expected GET /");
  reply.allow = "GET";
  EXPECT_THAT(reply.bytes(), HasSubstr("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(reply.bytes(), HasSubstr("\r\nAllow: GET\r\n"));
}

}  // namespace
}  // namespace skylift
