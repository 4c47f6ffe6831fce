#include "skylift/serve/socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "skylift/core/error.h"

namespace skylift {
namespace {

Descriptor try_address(const addrinfo& address) {
  Descriptor socket(
      ::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol));
  if (!socket.is_open()) return socket;
  const int yes = 1;  // a port whose last server just ended; two servers at a time still cannot share it
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool listens =
      ::bind(socket.get(), address.ai_addr, address.ai_addrlen) == 0 && ::listen(socket.get(), 512) == 0;
  return listens ? std::move(socket) : Descriptor();
}

}  // namespace

Descriptor::~Descriptor() {
  if (is_open()) ::close(number_);
}

Descriptor listen_on(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  if (status != 0) throw Error("serve: cannot listen on {}:{}: {}", host, port, ::gai_strerror(status));
  for (const addrinfo* address = found; address; address = address->ai_next) {
    if (Descriptor socket = try_address(*address); socket.is_open()) return socket;
  }
  throw Error("serve: cannot listen on {}:{}: {} (hint: is the port taken? --port 0 finds a free one)", host, port,
              std::strerror(errno));
}

int port_of(const Descriptor& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

Descriptor accept_from(const Descriptor& listener) {
  return Descriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

Peer peer_of(const Descriptor& socket) {
  pollfd polled{socket.get(), POLLRDHUP, 0};
  if (::poll(&polled, 1, 0) <= 0) return Peer::open;
  return polled.revents & (POLLERR | POLLHUP | POLLNVAL) ? Peer::gone : Peer::silent;
}

}  // namespace skylift
