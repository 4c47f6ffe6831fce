// The sockets of `skylift serve`: one thread waits for all connections at once (so that a slow one costs no thread), a
// few workers answer whole requests. Everything that a client can make grow is bounded: connections, bytes, waiting
// requests, and the time a request may take to arrive and a reply to leave.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "skylift/serve/http_message.h"

namespace skylift {

struct HttpLimits {
  size_t body_bytes = 32 << 20;       ///< of a request
  size_t all_body_bytes = 256 << 20;  ///< half of it of those that arrive, half of those that wait or are worked on
  size_t connections = 256;           ///< a further one takes the place of the one that has been sending longest
  size_t waiting = 32;                ///< requests that no worker has taken yet
  size_t workers = 4;
  std::chrono::milliseconds arrival{30'000}, departure{30'000};  ///< from the first byte to the last
  std::chrono::milliseconds linger{2'000};  ///< for what a refused client still sends, so that it reads the reply
};

struct HttpHandler {
  /// By the head, before the body is read, in the waiting thread: must be quick. A reply: the body is not wanted.
  std::function<std::optional<HttpReply>(const HttpRequest&)> at_head;
  /// In a worker. `stopped`: the client is gone, or the server is to end.
  std::function<HttpReply(const HttpRequest&, const std::function<bool()>& stopped)> answer;
};

class HttpServer {
 public:
  /// Listens; port 0: any that is free. Error: cannot.
  HttpServer(const std::string& host, int port, HttpHandler handler, HttpLimits limits = {});
  ~HttpServer();

  int port() const;

  /// Until `ended`, asked several times a second and after each signal. Requests that a worker has begun are told to
  /// stop, and are waited for; all have an answer.
  void run(const std::function<bool()>& ended);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skylift
