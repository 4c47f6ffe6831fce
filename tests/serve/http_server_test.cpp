#include "skylift/serve/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <system_error>
#include <thread>

#include "skylift/serve/worker_pool.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A client that says exactly these bytes.
class Client {
 public:
  explicit Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { hang_up(); }
  Client(const Client&) = delete;

  void say(std::string_view bytes) { ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  /// Still listens.
  void say_no_more() { ::shutdown(socket_, SHUT_WR); }
  /// All until the server closes.
  std::string hear() {
    std::string all;
    char piece[4096];
    for (ssize_t count; (count = ::recv(socket_, piece, sizeof piece, 0)) > 0;)
      all.append(piece, static_cast<size_t>(count));
    return all;
  }
  bool is_open() {
    char next = 0;
    return ::recv(socket_, &next, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
  }
  void hang_up() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

 private:
  int socket_;
};

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

class HttpServerTest : public ::testing::Test {
 protected:
  void start(HttpLimits limits = {}) {
    HttpHandler handler;
    handler.at_head = [](const HttpRequest& request) {
      return request.path == "/refused" ? std::optional(error_reply(403, "refused")) : std::nullopt;
    };
    handler.answer = [this](const HttpRequest& request, const std::function<bool()>& stopped) {
      ++answers;
      while (request.path == "/long" && !stopped()) std::this_thread::sleep_for(1ms);
      for (int i = 0; request.path == "/slow" && i < 200; ++i) {
        if (stopped()) return error_reply(503, "stopped");
        std::this_thread::sleep_for(1ms);
      }
      return HttpReply{200, "text/plain", "body of " + std::to_string(request.body.size())};
    };
    server.emplace("127.0.0.1", 0, handler, limits);
    thread = std::thread([this] { server->run([this] { return ended.load(); }); });
  }
  void TearDown() override {
    ended = true;
    thread.join();
  }
  std::string ask(const std::string& bytes) {
    Client client(server->port());
    client.say(bytes);
    return client.hear();
  }
  void wait_for_answers(int count) {
    for (int i = 0; i < 10'000 && answers < count; ++i) std::this_thread::sleep_for(1ms);
    ASSERT_GE(answers, count);
  }

  std::atomic<int> answers{0};
  std::atomic<bool> ended{false};
  std::optional<HttpServer> server;
  std::thread thread;
};

/// A body that is taken for the next request would pass every guard.
TEST_F(HttpServerTest, ARefusedRequestsBodyIsNoRequest) {
  start();
  const std::string reply =
      ask("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kGet.size()) + "\r\n\r\n" + kGet);
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 403"));
  EXPECT_EQ(reply.find("HTTP/1.1", 1), std::string::npos) << reply;
  EXPECT_EQ(answers, 0);
}

TEST_F(HttpServerTest, HalfSentRequestsStarveNobody) {
  start({.connections = 8, .workers = 2});
  std::vector<std::unique_ptr<Client>> slow;
  for (int i = 0; i < 30; ++i) {
    slow.push_back(std::make_unique<Client>(server->port()));
    slow.back()->say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nim");
  }
  EXPECT_THAT(ask(kGet), HasSubstr("body of 0"));
}

TEST_F(HttpServerTest, NorDoSilentOnesWhereTheProcessHasNoDescriptorLeft) {
  start();
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  std::vector<int> free_ones;  // room for three silent clients with their other ends, and for one more client
  for (int i = 0; i < 7; ++i) free_ones.push_back(::dup(0));
  const rlimit few{static_cast<rlim_t>(free_ones.back()) + 1, before.rlim_max};
  for (const int one : free_ones) ::close(one);
  ::setrlimit(RLIMIT_NOFILE, &few);
  std::vector<std::unique_ptr<Client>> silent;
  for (int i = 0; i < 3; ++i) silent.push_back(std::make_unique<Client>(server->port()));
  EXPECT_THAT(ask(kGet), HasSubstr("body of 0"));
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_FALSE(silent[0]->is_open()) << "the oldest";
  EXPECT_TRUE(silent[1]->is_open() && silent[2]->is_open()) << "no more than are in the way";
}

TEST_F(HttpServerTest, ARequestHasOnlySoMuchTime) {
  start({.arrival = 300ms});
  Client client(server->port());
  client.say("GET / HT");
  EXPECT_EQ(client.hear(), "");  // returns because the server has closed
}

TEST_F(HttpServerTest, WhoeverIsTooManyIsToldSo) {
  start({.waiting = 1, .workers = 1});
  const std::string request = "GET /long HTTP/1.1\r\nHost: a\r\n\r\n";
  Client working(server->port());
  working.say(request);
  wait_for_answers(1);
  Client waiting(server->port()), turned_away(server->port());
  waiting.say(request);
  std::this_thread::sleep_for(100ms);
  turned_away.say(request);
  EXPECT_THAT(turned_away.hear(), StartsWith("HTTP/1.1 503"));
}

TEST_F(HttpServerTest, WorkStopsWhenItsClientHangsUp) {
  start({.workers = 1});
  {
    Client client(server->port());
    client.say("GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for_answers(1);
  }
  EXPECT_THAT(ask(kGet), HasSubstr("200 OK"));  // the only worker is free again
}

TEST_F(HttpServerTest, AClientThatHasSaidAllHasItsAnswer) {
  start({.workers = 1});
  for (const std::string path : {"/", "/slow", "/refused"}) {
    Client client(server->port());
    client.say("POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nimage");
    client.say_no_more();
    const std::string reply = client.hear();
    EXPECT_THAT(reply, StartsWith(path == "/refused" ? "HTTP/1.1 403" : "HTTP/1.1 200 OK\r\n")) << path;
    EXPECT_EQ(reply.find("HTTP/1.1", 1), std::string::npos) << reply;
    EXPECT_THAT(reply, HasSubstr(path == "/refused" ? "refused" : "body of 5"));
  }
}

TEST_F(HttpServerTest, WorkStopsWhenTheServerEnds) {
  start({.workers = 1});
  Client client(server->port());
  client.say("GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
  wait_for_answers(1);
  const auto end = std::async(std::launch::async, [this] { TearDown(); });
  EXPECT_EQ(end.wait_for(20s), std::future_status::ready);
  thread = std::thread([] {});  // for TearDown
}

TEST_F(HttpServerTest, WhoeverAskedBeforeTheEndHasAnAnswer) {
  start({.workers = 1});
  const std::string request = "GET /long HTTP/1.1\r\nHost: a\r\n\r\n";
  Client working(server->port()), waiting(server->port());
  working.say(request);
  wait_for_answers(1);
  waiting.say(request);
  std::this_thread::sleep_for(100ms);
  TearDown();
  EXPECT_THAT(working.hear(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(waiting.hear(), StartsWith("HTTP/1.1 503"));
  thread = std::thread([] {});  // for TearDown
}

TEST_F(HttpServerTest, LongBodiesComeWhole) {
  start();
  const std::string body(5'000'000, 'x');
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n" + body),
              HasSubstr("body of 5000000"));
}

TEST_F(HttpServerTest, APortIsNotShared) {
  start();
  EXPECT_THAT(error_of([&] { HttpServer("127.0.0.1", server->port(), {}); }), HasSubstr("cannot listen on 127.0.0.1"));
}

/// Joinable threads would end the process.
TEST(WorkerPool, ASystemWithoutAThreadToGiveIsAnException) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can take the place of a user without processes";
  const pid_t child = ::fork();
  if (child == 0) {  // as another user: root has no limit of threads
    const rlimit few{2, 2};
    if (::setrlimit(RLIMIT_NPROC, &few) != 0 || ::setuid(65534) != 0) ::_exit(1);
    try {
      WorkerPool(64, 1);
    } catch (const std::system_error&) {
      ::_exit(3);
    }
    ::_exit(2);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

}  // namespace
}  // namespace skylift
