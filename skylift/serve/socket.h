// Sockets as values that close themselves. For http_server.cpp.
#pragma once

#include <string>
#include <utility>

namespace skylift {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();

  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

/// A listening socket that does not block. Error: names host and port.
Descriptor listen_on(const std::string& host, int port);

int port_of(const Descriptor& socket);

/// The next waiting connection, not blocking either; not open where there is none, or errno says that it cannot be had.
Descriptor accept_from(const Descriptor& listener);

/// The other side of a connection. `silent`: it sends no more; it may have gone, or only have said all and be waiting.
enum class Peer { open, silent, gone };

/// What it may have sent is left where it is.
Peer peer_of(const Descriptor& socket);

}  // namespace skylift
