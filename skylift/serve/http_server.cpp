#include "skylift/serve/http_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>
#include <string_view>
#include <vector>

#include "skylift/core/error.h"
#include "skylift/serve/socket.h"
#include "skylift/serve/worker_pool.h"

namespace skylift {
namespace {

using Clock = std::chrono::steady_clock;

enum class Stage { arriving, working, departing, lingering };

struct Connection {
  Descriptor socket;
  HttpRequestReader reader;
  Clock::time_point deadline = {};
  Stage stage = Stage::arriving;
  std::string output = {};  ///< what is left to send
  bool head_seen = false;
  size_t reply_sent = 0;  ///< bytes of the reply that have gone out before it was known
};

using Connections = std::list<Connection>;  // places stay where they are: workers point to them

short awaited(const Connection& connection) {
  const short reads = connection.stage == Stage::departing ? 0 : POLLIN;
  return connection.output.empty() ? reads : static_cast<short>(reads | POLLOUT);
}

/// What could be sent is taken away. False: the connection is broken.
bool send_some(Connection& connection) {
  const ssize_t count =
      ::send(connection.socket.get(), connection.output.data(), connection.output.size(), MSG_NOSIGNAL);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  connection.output.erase(0, static_cast<size_t>(count));
  return true;
}

/// In a worker: whether anybody waits for the reply. A client that is silent tells when it gets the start of one: if it
/// has gone its system breaks the connection.
class ClientWatch {
 public:
  explicit ClientWatch(const Connection& connection) : connection_(connection) {}

  /// From any thread.
  bool is_gone() {
    const Peer peer = peer_of(connection_.socket);
    if (peer == Peer::silent && connection_.output.empty() && !asked_.exchange(true)) {
      const std::string_view start = HttpReply::kStart;
      sent_ = std::max<ssize_t>(0, ::send(connection_.socket.get(), start.data(), start.size(), MSG_NOSIGNAL));
    }
    return peer == Peer::gone;
  }

  /// Of the reply, when no thread asks any more.
  size_t sent() const { return static_cast<size_t>(sent_); }

 private:
  const Connection& connection_;
  std::atomic<bool> asked_{false};
  ssize_t sent_ = 0;
};

}  // namespace

struct HttpServer::Impl {
  HttpHandler handler;
  HttpLimits limits;
  Descriptor listener, wake;
  std::atomic<bool> ending{false};
  Connections connections;  // of run()'s thread; a working one's request is its worker's
  std::mutex mutex;
  std::vector<std::pair<Connection*, HttpReply>> answered;  // guarded by mutex
  std::optional<WorkerPool> pool;

  void wake_up() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake.get(), &one, sizeof one);  // a full counter wakes as well
  }

  // A connection's way.

  void reply(Connection& connection, const HttpReply& reply) const {
    connection.output += reply.bytes().substr(connection.reply_sent);
    connection.stage = Stage::departing;
    connection.deadline = Clock::now() + limits.departure;
    connection.reader = HttpRequestReader(0);  // frees the body
  }

  /// In a worker.
  void work(Connection& connection) {
    ClientWatch client(connection);
    const auto stopped = [&] { return ending.load() || client.is_gone(); };
    HttpReply reply = stopped() ? error_reply(503, "stopped") : handler.answer(connection.reader.request(), stopped);
    connection.reply_sent = client.sent();
    {
      const std::lock_guard lock(mutex);
      answered.emplace_back(&connection, std::move(reply));
    }
    wake_up();
  }

  void advance(Connection& connection) {
    HttpRequestReader& reader = connection.reader;
    if (reader.refusal()) return reply(connection, HttpReply(*reader.refusal()));
    if (reader.has_head() && !std::exchange(connection.head_seen, true)) {
      if (const auto answer = handler.at_head(reader.request())) return reply(connection, *answer);
      if (reader.waits_for_continue() && !reader.done()) connection.output = "HTTP/1.1 100 Continue\r\n\r\n";
    }
    if (!reader.done()) return;
    const bool fits = held(Stage::working) + reader.size() <= limits.all_body_bytes / 2;
    connection.stage = Stage::working;
    if (!fits || !pool->submit([this, &connection] { work(connection); }))
      reply(connection, error_reply(503, "too many requests are waiting, try again"));
  }

  /// False: hung up or broken.
  bool receive(Connection& connection) {
    char piece[64 << 10];
    const ssize_t count = ::recv(connection.socket.get(), piece, sizeof piece, 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    if (connection.stage != Stage::arriving) return true;  // lingering: what still comes is dropped
    connection.reader.feed({piece, static_cast<size_t>(count)});
    advance(connection);
    return true;
  }

  bool send(Connection& connection) {
    if (!send_some(connection)) return false;
    if (!connection.output.empty() || connection.stage != Stage::departing) return true;
    // To close at once would reset a client that is still sending, and the reply would be lost.
    ::shutdown(connection.socket.get(), SHUT_WR);
    connection.stage = Stage::lingering;
    connection.deadline = Clock::now() + limits.linger;
    return true;
  }

  /// False: the connection is at its end.
  bool serve(Connection& connection, short events) {
    if (connection.stage == Stage::working) return true;
    if (events & (POLLERR | POLLNVAL)) return false;
    if (events & POLLOUT && !send(connection)) return false;
    return !(events & (POLLIN | POLLHUP)) || receive(connection);
  }

  // All connections together.

  size_t held(Stage stage) const {
    size_t bytes = 0;
    for (const Connection& connection : connections) {
      if (connection.stage == stage) bytes += connection.reader.size();
    }
    return bytes;
  }

  /// The one that is the least loss: one that only lingers, then the one that has been arriving longest. False: none.
  bool drop_one() {
    const auto first_of = [&](Stage stage) {
      return std::find_if(connections.begin(), connections.end(), [&](const auto& c) { return c.stage == stage; });
    };
    for (const Stage stage : {Stage::lingering, Stage::arriving, Stage::departing}) {
      const auto oldest = first_of(stage);  // they stand in the order of their coming
      if (oldest == connections.end()) continue;
      connections.erase(oldest);
      return true;
    }
    return false;
  }

  bool somebody_waits() const {
    pollfd polled{listener.get(), POLLIN, 0};
    return ::poll(&polled, 1, 0) > 0;
  }

  void accept_all() {
    while (true) {
      Descriptor socket = accept_from(listener);
      if (!socket.is_open()) {
        const bool no_descriptor = errno == EMFILE || errno == ENFILE;  // said even where nobody waits
        if (no_descriptor && somebody_waits() && drop_one()) continue;  // as where there are too many of them
        return;
      }
      if (connections.size() >= limits.connections && !drop_one()) continue;
      connections.push_back({std::move(socket), HttpRequestReader(limits.body_bytes), Clock::now() + limits.arrival});
    }
  }

  void take_answers() {
    std::vector<std::pair<Connection*, HttpReply>> taken;
    {
      const std::lock_guard lock(mutex);
      taken.swap(answered);
    }
    for (auto& [connection, answer] : taken) reply(*connection, answer);
  }

  void drop_late_ones() {
    const auto now = Clock::now();
    connections.remove_if([&](const Connection& c) { return c.stage != Stage::working && c.deadline < now; });
    while (held(Stage::arriving) > limits.all_body_bytes / 2 && drop_one()) {
    }
  }

  std::vector<pollfd> polled() const {
    std::vector<pollfd> all = {{wake.get(), POLLIN, 0}, {listener.get(), POLLIN, 0}};
    for (const Connection& connection : connections) {
      if (connection.stage != Stage::working) all.push_back({connection.socket.get(), awaited(connection), 0});
    }
    return all;
  }

  void serve_all(const std::vector<pollfd>& events) {
    size_t next = 2;
    for (auto place = connections.begin(); place != connections.end() && next < events.size();) {
      const auto here = place++;
      if (here->stage == Stage::working || here->socket.get() != events[next].fd) continue;
      if (const short happened = events[next++].revents; happened && !serve(*here, happened)) connections.erase(here);
    }
  }

  void loop(const std::function<bool()>& ended) {
    while (!ended()) {
      std::vector<pollfd> events = polled();
      constexpr int tick_ms = 200;  // deadlines are looked at that often
      if (::poll(events.data(), events.size(), tick_ms) < 0 && errno != EINTR)
        throw std::runtime_error("serve: poll failed");
      if (events[0].revents) {
        uint64_t count = 0;
        [[maybe_unused]] const ssize_t got = ::read(wake.get(), &count, sizeof count);
      }
      serve_all(events);
      take_answers();
      drop_late_ones();
      if (events[1].revents) accept_all();
    }
  }

  /// After the loop, without workers: nothing more is taken, but every request that came whole has its answer.
  void send_last_answers() {
    take_answers();
    for (Connection& connection : connections) {
      if (connection.stage == Stage::working) reply(connection, error_reply(503, "stopped"));
    }
    const auto end = Clock::now() + limits.linger;
    while (Clock::now() < end) {
      connections.remove_if([](const Connection& c) { return c.stage != Stage::departing; });
      if (connections.empty()) return;
      std::vector<pollfd> events = polled();
      events[1].fd = -1;  // the listener
      constexpr int tick_ms = 50;
      ::poll(events.data(), events.size(), tick_ms);
      serve_all(events);
    }
  }
};

HttpServer::HttpServer(const std::string& host, int port, HttpHandler handler, HttpLimits limits)
    : impl_(std::make_unique<Impl>()) {
  impl_->handler = std::move(handler);
  impl_->limits = limits;
  impl_->listener = listen_on(host, port);
  impl_->wake = Descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

HttpServer::~HttpServer() = default;

int HttpServer::port() const { return port_of(impl_->listener); }

void HttpServer::run(const std::function<bool()>& ended) {
  impl_->pool.emplace(impl_->limits.workers, impl_->limits.waiting);
  impl_->loop(ended);
  impl_->ending = true;
  impl_->pool.reset();  // before the connections that its jobs point to
  impl_->send_last_answers();
}

}  // namespace skylift
