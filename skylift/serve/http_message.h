// HTTP/1.1 as `skylift serve` speaks it (RFC 9112): a request is read once, strictly, up to limits; every reply ends
// the connection. What a small server does not need (chunked bodies, keep-alive, compression) is refused rather than
// half supported: a body that is not read cannot be taken for the next request.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace skylift {

struct HttpRequest {
  std::string method, path;
  std::multimap<std::string, std::string> parameters;  ///< of the query, decoded: any bytes
  std::map<std::string, std::string> headers;          ///< names in lower case; values may hold any bytes from 128 on
  std::string body;

  /// Empty: not there.
  std::string_view header(const std::string& lower_name) const;
};

struct HttpReply {
  static constexpr std::string_view kStart = "HTTP/1.1 ";  ///< of all bytes()

  int status = 200;
  std::string type, body;
  std::string allow = {};  ///< of a 405: the methods that the path has

  /// Head and body as they go out.
  std::string bytes() const;
};

/// {"error": text} with a status.
HttpReply error_reply(int status, std::string_view text);

/// A request from its bytes, in whatever pieces they come. Not after refusal() has one.
class HttpRequestReader {
 public:
  static constexpr size_t kMostHeadBytes = 16 << 10, kMostHeaders = 64;

  explicit HttpRequestReader(size_t most_body_bytes) : most_body_bytes_(most_body_bytes) {}

  /// Takes a piece; what follows the request is dropped.
  void feed(std::string_view bytes);

  bool has_head() const { return has_head_; }
  bool done() const { return has_head_ && !refusal_ && request_.body.size() == body_bytes_; }
  /// The client waits for a word before it sends the body (curl does for large ones).
  bool waits_for_continue() const { return waits_for_continue_; }
  const std::optional<HttpReply>& refusal() const { return refusal_; }

  HttpRequest& request() { return request_; }
  const HttpRequest& request() const { return request_; }
  size_t size() const { return head_.size() + request_.body.size(); }

 private:
  void refuse(int status, std::string_view text) { refusal_ = error_reply(status, text); }
  void take_body(std::string_view bytes);
  void parse_head();
  bool parse_request_line(std::string_view line);
  bool parse_header(std::string_view line);
  void parse_body_length();

  size_t most_body_bytes_, body_bytes_ = 0;
  std::string head_;
  bool has_head_ = false, waits_for_continue_ = false;
  HttpRequest request_;
  std::optional<HttpReply> refusal_;
};

}  // namespace skylift
