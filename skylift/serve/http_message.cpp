#include "skylift/serve/http_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "skylift/core/json.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

const char* reason_of(int status) {
  static const std::map<int, const char*> reasons = {{200, "OK"},
                                                     {400, "Bad Request"},
                                                     {403, "Forbidden"},
                                                     {404, "Not Found"},
                                                     {405, "Method Not Allowed"},
                                                     {413, "Content Too Large"},
                                                     {415, "Unsupported Media Type"},
                                                     {431, "Request Header Fields Too Large"},
                                                     {500, "Internal Server Error"},
                                                     {501, "Not Implemented"},
                                                     {503, "Service Unavailable"},
                                                     {505, "HTTP Version Not Supported"}};
  const auto found = reasons.find(status);
  return found == reasons.end() ? "Other" : found->second;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// %XX and, as forms write a blank, '+'. A % that begins nothing stays.
std::string decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high << 4 | low);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

void add_parameters(std::string_view query, std::multimap<std::string, std::string>& parameters) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = std::min(pair.find('='), pair.size());
    if (!pair.empty())
      parameters.emplace(decoded(pair.substr(0, equals)), decoded(pair.substr(std::min(equals + 1, pair.size()))));
  }
}

}  // namespace

std::string_view HttpRequest::header(const std::string& lower_name) const {
  const auto found = headers.find(lower_name);
  return found == headers.end() ? std::string_view{} : std::string_view(found->second);
}

std::string HttpReply::bytes() const {
  return fmt::format(
      "{}{} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n{}"
      "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
      "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
      "img-src blob: data:; connect-src 'self'; frame-ancestors 'none'\r\n\r\n{}",
      kStart, status, reason_of(status), type, body.size(), allow.empty() ? "" : fmt::format("Allow: {}\r\n", allow),
      body);
}

HttpReply error_reply(int status, std::string_view text) {
  return {status, "application/json", dump_json(nlohmann::json{{"error", text}}) + "\n"};
}

void HttpRequestReader::feed(std::string_view bytes) {
  if (refusal_) return;
  if (has_head_) return take_body(bytes);
  // The end of the head may lie across two pieces.
  const size_t from = head_.size() < 3 ? 0 : head_.size() - 3, before = head_.size();
  head_.append(bytes.substr(0, kMostHeadBytes + 1 - before));
  const size_t end = head_.find("\r\n\r\n", from);
  if (end == std::string::npos) {
    if (head_.size() > kMostHeadBytes) refuse(431, fmt::format("the head has more than {} bytes", kMostHeadBytes));
    return;
  }
  head_.resize(end + 2);
  has_head_ = true;
  parse_head();
  if (!refusal_) take_body(bytes.substr(end + 4 - before));
}

void HttpRequestReader::take_body(std::string_view bytes) {
  request_.body.append(bytes.substr(0, body_bytes_ - request_.body.size()));
}

void HttpRequestReader::parse_head() {
  std::string_view rest = head_;
  bool first = true;
  while (!rest.empty() && !refusal_) {
    const size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    const auto allowed = [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 32 && c != 127); };
    const bool good = std::all_of(line.begin(), line.end(), allowed) &&
                      (std::exchange(first, false) ? parse_request_line(line) : parse_header(line));
    if (!good && !refusal_) refuse(400, "the head is not HTTP/1.1");
  }
  if (!refusal_) parse_body_length();
}

bool HttpRequestReader::parse_request_line(std::string_view line) {
  const size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  const std::string_view method = line.substr(0, first), target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method) || !target.starts_with('/') || target.find_first_of(" \t") != std::string_view::npos)
    return false;
  if (!version.starts_with("HTTP/")) return false;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505, "expected HTTP/1.1"), false;
  request_.method = method;
  const size_t question = std::min(target.find('?'), target.size());
  request_.path = decoded(target.substr(0, question));
  add_parameters(target.substr(std::min(question + 1, target.size())), request_.parameters);
  return true;
}

bool HttpRequestReader::parse_header(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return false;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (request_.headers.size() == kMostHeaders)
    return refuse(431, fmt::format("more than {} headers", kMostHeaders)), false;
  // Two lines of one name: whoever stands between may have read the other one.
  const bool is_new = request_.headers.emplace(name, trim(line.substr(colon + 1))).second;
  return is_new || (name != "host" && name != "origin" && name != "content-length");
}

void HttpRequestReader::parse_body_length() {
  const auto given = [&](const char* name) { return request_.headers.contains(name); };
  if (given("transfer-encoding")) return refuse(501, "got Transfer-Encoding, expected a body with Content-Length");
  if (given("content-encoding")) return refuse(415, "got Content-Encoding, expected the image as it is");
  if (!given("content-length")) return;
  const std::string_view text = request_.header("content-length");
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits) return refuse(400, "Content-Length is no number");
  const auto length = parse_integer(text);
  if (!length || static_cast<unsigned long long>(*length) > most_body_bytes_) {
    return refuse(413, fmt::format("the upload is longer than {} MB (see --max-upload-mb)", most_body_bytes_ >> 20));
  }
  body_bytes_ = static_cast<size_t>(*length);
  waits_for_continue_ = request_.header("expect") == "100-continue" && body_bytes_ > 0;
}

}  // namespace skylift
